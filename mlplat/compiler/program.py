"""What passes hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.errors import Diagnostic
from mlplat.ir.model import PipelineSpec

DEFAULT_IMAGE = "python:3.11"


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile.

    Attributes:
        name: name of the run or template; made from the pipeline's when empty.
        kind: ``Workflow`` or ``WorkflowTemplate``.
        arguments: values of the pipeline's parameters, typed.
        cache: False takes all caching out.
        image: image of components that name none.
        namespace: ``metadata.namespace``; left out when empty.
        service_account: service account of the pods; the namespace's default when empty.
        require_arguments: whether a parameter without a value is an error; else it must be given at submission.
        cache_max_age: how long a cached result counts, as Argo writes durations.
    """

    name: str = ""
    kind: str = "Workflow"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cache: bool = True
    image: str = DEFAULT_IMAGE
    namespace: str = ""
    service_account: str = ""
    require_arguments: bool = True
    cache_max_age: str = "720h"


@dataclass(frozen=True, slots=True)
class Argument:
    """A pipeline parameter's value for the run.

    Attributes:
        text: plain text, as a person types it; None when it must be given at submission.
        is_json: whether the text is inert JSON instead: Argo replaces tags in plain text.
        is_absent: whether the text, an empty one, stands for no value; what is typed instead when the Workflow is
            submitted is a value.
        large: reference to the large value that stands in for it, as inert JSON; empty for none.
    """

    text: str | None
    is_json: bool = False
    is_absent: bool = False
    large: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A pipeline on its way from IR to manifest.

    Attributes:
        spec: the IR.
        options: how to compile.
        arguments: the pipeline's parameters and their values.
        values: texts of large constants and arguments, by SHA-256.
        templates: Argo templates, the entry point first.
        executors: labels of the executors behind the container templates, by template.
        sources: texts that several templates share, by file name.
        documents: the manifest.
        warnings: what does not stop the compiler.
    """

    spec: PipelineSpec
    options: Options
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[dict[str, Any], ...] = ()
    executors: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[dict[str, Any], ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
