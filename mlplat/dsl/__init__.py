"""Authoring pipelines in Python; names and meaning are those of ``kfp.dsl``."""

from mlplat.dsl.component import BaseComponent
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
from mlplat.dsl.pipeline import Pipeline, pipeline
from mlplat.dsl.python import (
    PythonComponent,
    TaskConfigField,
    TaskConfigPassthrough,
    component,
)
from mlplat.dsl.signatures import EmbeddedInput, Input, InputPath, Output, OutputPath
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
from mlplat.runtime.task import PipelineTaskFinalStatus, TaskConfig, get_uri

Condition = If
"""The older name of :class:`If`."""

__all__ = [
    "HTML",
    "Artifact",
    "BaseComponent",
    "ClassificationMetrics",
    "Collected",
    "ConcatPlaceholder",
    "Condition",
    "ContainerComponent",
    "ContainerSpec",
    "Dataset",
    "Elif",
    "Else",
    "EmbeddedInput",
    "ExitHandler",
    "If",
    "IfPresentPlaceholder",
    "Input",
    "InputPath",
    "Markdown",
    "Metrics",
    "Model",
    "OneOf",
    "Output",
    "OutputPath",
    "ParallelFor",
    "Pipeline",
    "PipelineTask",
    "PipelineTaskFinalStatus",
    "PythonComponent",
    "SlicedClassificationMetrics",
    "TaskConfig",
    "TaskConfigField",
    "TaskConfigPassthrough",
    "component",
    "container_component",
    "get_uri",
    "importer",
    "pipeline",
]
