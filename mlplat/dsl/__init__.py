"""Authoring pipelines in Python; names and meaning are those of ``kfp.dsl``."""

from mlplat.dsl.component import BaseComponent, PythonComponent, component
from mlplat.dsl.gather import Collected, OneOf
from mlplat.dsl.groups import Elif, Else, ExitHandler, If, ParallelFor
from mlplat.dsl.pipeline import Pipeline, pipeline
from mlplat.dsl.signatures import Input, InputPath, Output, OutputPath
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
    "Condition",
    "Dataset",
    "Elif",
    "Else",
    "ExitHandler",
    "If",
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
    "component",
    "get_uri",
    "pipeline",
]
