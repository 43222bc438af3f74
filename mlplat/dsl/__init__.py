"""Authoring pipelines in Python; names and meaning are those of ``kfp.dsl``."""

from mlplat.dsl.component import BaseComponent, PythonComponent, component
from mlplat.dsl.groups import Elif, Else, If, ParallelFor
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
from mlplat.runtime.task import get_uri

Condition = If
"""The older name of :class:`If`."""

__all__ = [
    "HTML",
    "Artifact",
    "BaseComponent",
    "ClassificationMetrics",
    "Condition",
    "Dataset",
    "Elif",
    "Else",
    "If",
    "Input",
    "InputPath",
    "Markdown",
    "Metrics",
    "Model",
    "Output",
    "OutputPath",
    "ParallelFor",
    "Pipeline",
    "PipelineTask",
    "PythonComponent",
    "SlicedClassificationMetrics",
    "component",
    "get_uri",
    "pipeline",
]
