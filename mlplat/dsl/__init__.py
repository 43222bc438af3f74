"""Authoring pipelines in Python; names and meaning are those of ``kfp.dsl``."""

from mlplat.dsl.argo import argo_component
from mlplat.dsl.component import BaseComponent
from mlplat.dsl.config import KubernetesWorkspaceConfig, PipelineConfig, WorkspaceConfig
from mlplat.dsl.constants import (
    PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER,
    PIPELINE_JOB_ID_PLACEHOLDER,
    PIPELINE_JOB_NAME_PLACEHOLDER,
    PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER,
    PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
    PIPELINE_ROOT_PLACEHOLDER,
    PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
    PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER,
    PIPELINE_TASK_ID_PLACEHOLDER,
    PIPELINE_TASK_NAME_PLACEHOLDER,
    WORKSPACE_PATH_PLACEHOLDER,
)
from mlplat.dsl.containers import (
    ConcatPlaceholder,
    ContainerComponent,
    ContainerSpec,
    IfPresentPlaceholder,
    container_component,
)
from mlplat.dsl.gather import Collected, OneOf
from mlplat.dsl.groups import Elif, Else, ExitHandler, If, ParallelFor
from mlplat.dsl.importers import importer
from mlplat.dsl.notebooks import notebook_component, run_notebook
from mlplat.dsl.pipeline import Pipeline, pipeline
from mlplat.dsl.python import (
    PythonComponent,
    TaskConfigField,
    TaskConfigPassthrough,
    component,
)
from mlplat.dsl.repeating import DoWhile, do_while
from mlplat.dsl.signatures import EmbeddedInput, Input, InputPath, Output, OutputPath
from mlplat.dsl.suspending import approval, suspend
from mlplat.dsl.task import PipelineTask
from mlplat.runtime.artifacts import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Markdown,
    Metrics,
    Model,
    SlicedClassificationMetrics,
)
from mlplat.runtime.objects import PipelineTaskFinalStatus, TaskConfig, get_uri

Condition = If
"""The older name of :class:`If`."""

__all__ = [
    "HTML",
    "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER",
    "PIPELINE_JOB_ID_PLACEHOLDER",
    "PIPELINE_JOB_NAME_PLACEHOLDER",
    "PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER",
    "PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER",
    "PIPELINE_ROOT_PLACEHOLDER",
    "PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER",
    "PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER",
    "PIPELINE_TASK_ID_PLACEHOLDER",
    "PIPELINE_TASK_NAME_PLACEHOLDER",
    "WORKSPACE_PATH_PLACEHOLDER",
    "Artifact",
    "BaseComponent",
    "ClassificationMetrics",
    "Collected",
    "ConcatPlaceholder",
    "Condition",
    "ContainerComponent",
    "ContainerSpec",
    "Dataset",
    "DoWhile",
    "Elif",
    "Else",
    "EmbeddedInput",
    "ExitHandler",
    "If",
    "IfPresentPlaceholder",
    "Input",
    "InputPath",
    "KubernetesWorkspaceConfig",
    "Markdown",
    "Metrics",
    "Model",
    "OneOf",
    "Output",
    "OutputPath",
    "ParallelFor",
    "Pipeline",
    "PipelineConfig",
    "PipelineTask",
    "PipelineTaskFinalStatus",
    "PythonComponent",
    "SlicedClassificationMetrics",
    "TaskConfig",
    "TaskConfigField",
    "TaskConfigPassthrough",
    "WorkspaceConfig",
    "approval",
    "argo_component",
    "component",
    "container_component",
    "do_while",
    "get_uri",
    "importer",
    "notebook_component",
    "pipeline",
    "run_notebook",
    "suspend",
]
