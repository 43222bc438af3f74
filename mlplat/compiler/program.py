"""The data that passes give to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo.sources import ImportSource
from mlplat.errors import Diagnostic
from mlplat.ir.model import Component, Container, PipelineSpec, Retry

DEFAULT_IMAGE = "python:3.11"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a CronWorkflow starts runs.

    Attributes:
        schedules: in the format of cron, such as ``0 3 * * *``, or ``@daily``, or ``@every 2h``; at least one.
        timezone: in which they are meant, such as ``Europe/Berlin``; the controller's when empty.
        concurrency_policy: what becomes of a run that still goes on: ``Allow``, ``Forbid`` another, or ``Replace``.
        starting_deadline_seconds: how late a run that was missed may still start; None for not at all.
        successful_jobs_history_limit: how many runs that succeeded are kept; None for Argo's 3.
        failed_jobs_history_limit: how many others are kept; None for Argo's 1.
    """

    schedules: tuple[str, ...]
    timezone: str = ""
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile.

    Attributes:
        name: name of the run or template; made from the pipeline's when empty.
        kind: ``Workflow``, ``WorkflowTemplate`` or ``CronWorkflow``.
        schedule: when a ``CronWorkflow`` starts.
        arguments: values of the pipeline's parameters, typed.
        cache: False takes all caching out.
        image: image of components that name none.
        namespace: ``metadata.namespace``; left out when empty.
        service_account: service account of the pods; the namespace's default when empty.
        claim_service_account: service account of the tasks that make and remove volume claims; the pods' when empty.
        fuse: which tasks share a pod: those that the program names when empty, ``auto`` every series of tasks that want
            the same of their pod, ``off`` none.
        kfp_runtime: what runs Python functions: this package's own runtime when ``own``; when ``pip``, the command that
            KFP's SDK wrote, which installs that SDK.
        artifact_store: ``hdfs`` where the cluster's artifact repository is that: its paths are absolute.
        import_sources: where importers' data can be fetched from, beside :data:`mlplat.argo.sources.DEFAULTS`.
        workflow_defaults: fields of Argo's WorkflowSpec that hold where the pipeline says nothing else.
        require_arguments: whether a parameter without a value is an error; else it must be given at submission.
        cache_max_age: how long a cached result counts, as Argo writes durations.
    """

    name: str = ""
    kind: str = "Workflow"
    schedule: Schedule | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cache: bool = True
    image: str = DEFAULT_IMAGE
    namespace: str = ""
    service_account: str = ""
    claim_service_account: str = ""
    fuse: str = ""
    kfp_runtime: str = "own"
    artifact_store: str = ""
    import_sources: tuple[ImportSource, ...] = ()
    workflow_defaults: Mapping[str, Any] = field(default_factory=dict)
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
class Step:
    """One function of a pod that runs several.

    Attributes:
        task: the task that it was.
        component: its interface.
        container: its function.
        retry: when to try it again.
        inside: inputs that another step of the pod gives, as the step and its output.
    """

    task: str
    component: Component
    container: Container
    retry: Retry | None
    inside: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Program:
    """A pipeline on its way from IR to manifest.

    Attributes:
        spec: the IR.
        options: how to compile.
        arguments: the pipeline's parameters and their values.
        values: texts of large constants and arguments, by SHA-256.
        templates: Argo templates, the entry point first.
        read: components of importers whose data is wanted.
        steps: the functions of executors that run several, by label.
        functions: texts of the functions that templates run, by template.
        sources: texts that several templates share, by the variable that holds them.
        documents: the manifest.
        warnings: what does not stop the compiler.
    """

    spec: PipelineSpec
    options: Options
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[dict[str, Any], ...] = ()
    read: frozenset[str] = frozenset()
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    functions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[dict[str, Any], ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
