"""The data that passes read and return."""

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
    """The schedule of a CronWorkflow.

    Attributes:
        schedules: in the format of cron, such as ``0 3 * * *``, or ``@daily``, or ``@every 2h``; at least one.
        timezone: time zone of the schedules, such as ``Europe/Berlin``; the controller's when empty.
        concurrency_policy: what to do if the previous run has not ended: ``Allow``, ``Forbid`` or ``Replace``.
        starting_deadline_seconds: how late a missed run may still start, in seconds; None to skip missed runs.
        successful_jobs_history_limit: number of successful runs to keep; None for Argo's default, 3.
        failed_jobs_history_limit: number of failed runs to keep; None for Argo's default, 1.
    """

    schedules: tuple[str, ...]
    timezone: str = ""
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the compiler.

    Attributes:
        name: name of the run or template; generated from the pipeline's name if empty.
        kind: ``Workflow``, ``WorkflowTemplate`` or ``CronWorkflow``.
        schedule: when a ``CronWorkflow`` starts.
        arguments: values of the pipeline's parameters, typed.
        cache: whether to cache results; False disables all caching.
        image: image of components without one.
        namespace: ``metadata.namespace``; left out when empty.
        service_account: service account of the pods; the namespace's default when empty.
        claim_service_account: service account of the tasks that create and delete PVCs; the pods' if empty.
        fuse: which tasks share a pod: those named in the program if empty, ``auto`` for every series of tasks with
            the same pod settings, ``off`` for none.
        kfp_runtime: how to run Python functions: ``own`` for mlplat's runtime, ``pip`` for the command that
            KFP's SDK wrote, which installs that SDK.
        artifact_store: ``hdfs`` if that is the kind of the cluster's artifact repository, whose paths are absolute.
        import_sources: sources that importers can fetch from, in addition to :data:`mlplat.argo.sources.DEFAULTS`.
        workflow_defaults: defaults for fields of Argo's WorkflowSpec.
        require_arguments: whether a parameter without a value is an error; otherwise it must be passed at submission.
        cache_max_age: maximum age of cached results, as a duration of Argo.
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
        text: plain text, as a person types it; None if it must be passed at submission.
        is_json: whether the text is inert JSON instead: Argo replaces tags in plain text.
        is_absent: whether the text, an empty string, means no value; text that is passed when the Workflow is
            submitted is a value.
        large: reference to a large value that replaces it, as inert JSON; empty if it is small.
    """

    text: str | None
    is_json: bool = False
    is_absent: bool = False
    large: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One function of a pod that runs several.

    Attributes:
        task: name of the original task.
        component: its interface.
        container: its function.
        retry: its retry policy.
        inside: inputs from other steps of the pod: step and output.
    """

    task: str
    component: Component
    container: Container
    retry: Retry | None
    inside: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Program:
    """A pipeline that passes turn from IR into a manifest.

    Attributes:
        spec: the IR.
        options: how to compile.
        arguments: the pipeline's parameters and their values.
        values: texts of large constants and arguments, by SHA-256.
        templates: Argo templates, the entry point first.
        read: components of importers whose data is read.
        steps: the functions of executors that run several, by label.
        functions: texts of the functions that templates run, by template.
        sources: texts that several templates share, by environment variable.
        documents: the manifest.
        warnings: warnings for the user.
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
