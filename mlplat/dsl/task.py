"""One call of a component in a pipeline, and what can be set on it."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlplat.dsl import context, durations, validation
from mlplat.dsl.channels import Channel, Comparable, Deferred, channel_of
from mlplat.dsl.interface import Definition
from mlplat.dsl.interpolation import Interpolated
from mlplat.dsl.nodes import GraphNode, Group
from mlplat.dsl.states import TaskState
from mlplat.errors import AuthoringError, Diagnostic, Source, closest, nearest
from mlplat.ir.model import OwnSettings, ParameterType, Resources, Retry

_CPU = re.compile(r"([0-9]*[.])?[0-9]+m?\Z")
_COUNT = re.compile(r"[1-9][0-9]*\Z")
_MEMORY = re.compile(r"[0-9]+(K|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?\Z")


class _Outputs(Mapping[str, Channel]):
    """Outputs of a task by name; for an unknown name, report the closest one."""

    def __init__(self, task: PipelineTask, channels: Mapping[str, Channel]) -> None:
        self._task = task
        self._channels = channels

    def __getitem__(self, name: str) -> Channel:
        if name in self._channels:
            return self._channels[name]
        message = f"the task has no output '{name}'"
        hint = nearest(name, list(self._channels)) or "the component has no outputs"
        problem = Diagnostic("MLP120", self._task.name, message, hint, context.caller())
        close = closest(name, list(self._channels))
        if not close:
            raise AuthoringError(problem)
        context.report(problem)
        return self._channels[close]

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


class PipelineTask(Deferred, GraphNode):
    """A call of a component. Made by calling one inside a pipeline; setters return the task.

    Attributes:
        name: unique in the pipeline: ``train``, ``train-2``.
        component: what is called.
        arguments: constants and channels by input.
        parent: the group that it belongs to.
        exit_of: the group after which it runs, as the exit task of a ``dsl.ExitHandler``.
        ignores_failures: whether it also runs when the tasks before it failed.
        marks: runtime values in the strings of its settings, by their marks.
        kubernetes: settings of its pod, as the IR's ``KubernetesExecutorConfig``; runtime values are channels.
        own: settings that are specific to mlplat.
        state: ``TaskState.FUTURE``: a task of a pipeline that is being written has not run.
    """

    state = TaskState.FUTURE

    def __init__(
        self,
        name: str,
        component: Definition,
        arguments: Mapping[str, Any],
        source: Source | None,
    ) -> None:
        GraphNode.__init__(self, name, source=source)
        self.component = component
        self.arguments = dict(arguments)
        self.display_name = ""
        self.cache: bool = component.cache
        self.cache_key = ""
        self.retry: Retry | None = None
        self.resources = Resources()
        self.env: dict[str, str] = {}
        self.image = ""
        self.after_these: list[GraphNode] = []
        self.exit_of: Group | None = None
        self.ignores_failures = False
        self.marks: dict[str, Channel] = {}
        self.kubernetes: dict[str, Any] = {}
        self.own = OwnSettings()
        interface = component.interface
        channels = {
            output: Channel(output, spec.type, self, item_type=interface.output_items.get(output))
            for output, spec in interface.output_parameters.items()
        }
        for output, artifact in interface.output_artifacts.items():
            channels[output] = Channel(output, artifact.type, self, artifact.is_list)
        self.outputs: Mapping[str, Channel] = _Outputs(self, channels)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    @property
    def __channel__(self) -> Channel:
        """The only output, which a task represents as an argument and in comparisons."""
        return self.output

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Constants and channels by input."""
        return self.arguments

    @property
    def output(self) -> Channel:
        """The only output.

        Raises:
            AuthoringError: the task has no output, or more than one.
        """
        if len(self.outputs) != 1:
            names = ", ".join(self.outputs) or "none"
            message = f".output needs exactly one output, but the task has {len(self.outputs)}: {names}"
            hint = "use task.outputs['name']"
            raise AuthoringError(Diagnostic("MLP121", self.name, message, hint, context.caller()))
        return next(iter(self.outputs.values()))

    @property
    def dependent_tasks(self) -> list[str]:
        """Names of the tasks that must end before this one."""
        read: list[Any] = []
        for value in self.arguments.values():
            read += value.channels.values() if isinstance(value, Interpolated) else [value]
        read += [*self.marks.values(), *self.kubernetes_channels()]
        producers = [value.producer for value in read if isinstance(value, Channel)]
        names = [node.name for node in (*producers, *self.after_these) if node is not None]
        return list(dict.fromkeys(names))

    def kubernetes_channels(self) -> Iterator[Channel]:
        """Yield the runtime values that the settings of the pod read."""
        return _channels_in(self.kubernetes)

    def after(self, *tasks: GraphNode) -> PipelineTask:
        """Start only when other tasks have succeeded."""
        self.after_these.extend(task for task in tasks if self._can_be_waited_for(task))
        return self

    def set_caching_options(self, enable_caching: bool, cache_key: str | None = None) -> PipelineTask:
        """Set whether to reuse an earlier result for equal inputs.

        Args:
            enable_caching: whether to reuse results; ``0`` and ``1`` mean ``False`` and ``True``, as in KFP.
            cache_key: compared instead of the inputs, if set.
        """
        if validation.is_boolean(enable_caching):
            self.cache = bool(enable_caching)
        else:
            self._problem(
                "MLP122",
                f"enable_caching {validation.display(enable_caching)} is not valid",
                "use True or False",
            )
        self.cache_key = self._text("the cache key", cache_key or "")
        return self

    def set_retry(
        self,
        num_retries: int,
        backoff_duration: str | None = None,
        backoff_factor: float | None = None,
        backoff_max_duration: str | None = None,
    ) -> PipelineTask:
        """Retry the task when it fails.

        Args:
            num_retries: number of retries after the first attempt.
            backoff_duration: pause before the first retry, such as ``10s``, ``2m``, ``1h``.
            backoff_factor: factor by which the pause grows with each retry.
            backoff_max_duration: the longest pause.
        """
        self.needs_container("set_retry")
        self.retry = Retry(
            self._retries(num_retries),
            self._seconds(backoff_duration, 0.0),
            2.0 if backoff_factor is None else self._factor(backoff_factor),
            self._seconds(backoff_max_duration, 3600.0),
        )
        return self

    def set_timeout(self, duration: str | float) -> PipelineTask:
        """Fail the task if it runs longer; with retries, the timeout applies to each attempt.

        Args:
            duration: such as ``90s``, ``10m``, ``1h30m``; a number counts seconds. Fractions are rounded up.
        """
        self.needs_container("set_timeout")
        found = self._seconds(duration, 0.0)
        if found > 0:
            self.kubernetes["activeDeadlineSeconds"] = math.ceil(found)
        elif durations.seconds(duration) is not None:
            self._problem("MLP124", f"the timeout {duration!r} is not positive", "use more than 0 seconds")
        return self

    def fuse_with(self, *tasks: Any) -> PipelineTask:
        """Run this and other tasks in one pod, one after another; values between them stay in the pod.

        They must be Python functions of one group with the same pod settings: image, resources, settings,
        caching. Each keeps its own retries; the cache has one entry for all of them. Tasks that already share a pod
        with one of them join too. On other backends, each task has its own pod.

        Args:
            tasks: the others, as calls of components return them.
        """
        together: list[PipelineTask] = []
        for task in (self, *tasks):
            if not isinstance(task, PipelineTask):
                message = f".fuse_with(...) expected a task, got {task!r}"
                self._problem("MLP125", message, "pass tasks, which calls of components return")
                continue
            task.needs_container("fuse_with")
            together.append(task)
        joined = {task.own.fuse for task in together} - {""}
        siblings = self.parent.members if self.parent is not None else ()
        together += [one for one in siblings if isinstance(one, PipelineTask) and one.own.fuse in joined]
        for task in together:
            task.own = replace(task.own, fuse=self.name)
        return self

    def set_parallelism(self, limit: int) -> PipelineTask:
        """Limit how many pods of this task run at once in one run, in all loops together.

        It is an upper bound: iterations are assigned to ``limit`` slots by their position, and each slot is a mutex of
        Argo, so a slow iteration delays later ones of its slot. Outside of loops there is one slot. On other backends,
        the task has no limit.

        Args:
            limit: at least 1.
        """
        self.needs_container("set_parallelism")
        if type(limit) is not int or limit < 1:
            self._problem("MLP124", f"parallelism {limit!r} is not valid", "use an integer of at least 1")
        else:
            self.own = replace(self.own, parallelism=limit)
        return self

    def set_display_name(self, name: str) -> PipelineTask:
        """Set the name to display."""
        self.display_name = self._text("the display name", name)
        return self

    def ignore_upstream_failure(self) -> PipelineTask:
        """Run when the tasks before this one have ended, however they ended.

        The outputs of a failed task are missing, so an input that takes one must be optional.
        """
        inputs = self.component.interface.inputs
        for name, value in self.arguments.items():
            parts = value.channels.values() if isinstance(value, Interpolated) else (value,)
            is_output = any(isinstance(one, Channel) and one.is_output for one in parts)
            if is_output and not inputs[name].optional:
                message = f"the input '{name}' comes from a task that may fail, and has no default"
                self._problem("MLP127", message, "give the component's parameter a default, such as None")
        self.ignores_failures = True
        return self

    def set_env_variable(self, name: str, value: str | Comparable) -> PipelineTask:
        """Set an environment variable of the container.

        Args:
            name: of the variable.
            value: a string; it may contain runtime values.
        """
        self.needs_container("set_env_variable")
        name = self._text("the name of an environment variable", name)
        self.env[name] = self._setting(f"the value of the environment variable {name}", value)
        return self

    def set_container_image(self, name: str | Comparable) -> PipelineTask:
        """Run in another image than the component's; it may be a runtime value."""
        self.needs_container("set_container_image")
        self.image = self._setting("the image", name)
        return self

    def set_debug_pause(
        self, before: bool = False, after: bool = True, on_error: bool = False
    ) -> PipelineTask:
        """Make Argo's executor pause the container for debugging, until a file is created in it.

        Args:
            before: pause before the command; continue with ``touch /proc/1/root/run/argo/ctr/main/before``.
            after: pause after it; continue with ``touch /proc/1/root/run/argo/ctr/main/after``.
            on_error: pause after it only when it failed.
        """
        self.needs_container("set_debug_pause")
        if before:
            self.env["ARGO_DEBUG_PAUSE_BEFORE"] = "true"
        if after and not on_error:
            self.env["ARGO_DEBUG_PAUSE_AFTER"] = "true"
        if on_error:
            self.env["ARGO_DEBUG_PAUSE_ON_ERROR"] = "true"
        return self

    def set_cpu_request(self, cpu: str | Comparable) -> PipelineTask:
        """Request CPU: cores, such as ``2``, ``0.5`` or ``500m``."""
        return self._resource("cpu_request", cpu, _CPU, "a number of cores such as '2', '0.5' or '500m'")

    def set_cpu_limit(self, cpu: str | Comparable) -> PipelineTask:
        """Limit CPU: cores, such as ``4``, ``0.5`` or ``500m``."""
        return self._resource("cpu_limit", cpu, _CPU, "a number of cores such as '2', '0.5' or '500m'")

    def set_memory_request(self, memory: str | Comparable) -> PipelineTask:
        """Request memory: bytes with a suffix, such as ``4Gi``."""
        return self._resource(
            "memory_request", memory, _MEMORY, "an integer with a suffix, such as '4Gi' or '512M'"
        )

    def set_memory_limit(self, memory: str | Comparable) -> PipelineTask:
        """Limit memory: bytes with a suffix, such as ``8Gi``."""
        return self._resource(
            "memory_limit", memory, _MEMORY, "an integer with a suffix, such as '4Gi' or '512M'"
        )

    def set_accelerator_type(self, accelerator: str | Comparable) -> PipelineTask:
        """Request an accelerator by its resource name, such as ``nvidia.com/gpu``; one, unless a limit is set."""
        self.needs_container("set_accelerator_type")
        name = self._setting("the accelerator", accelerator)
        count = self.resources.accelerator_count or "1"
        self.resources = replace(self.resources, accelerator_type=name, accelerator_count=count)
        return self

    def set_accelerator_limit(self, limit: int | str | Comparable) -> PipelineTask:
        """Set the number of accelerators."""
        return self._resource("accelerator_count", limit, _COUNT, "an integer such as 1 or '4'")

    def add_node_selector_constraint(self, accelerator: str) -> PipelineTask:
        """Request an accelerator; the older name of :meth:`set_accelerator_type`."""
        _deprecated("add_node_selector_constraint", "set_accelerator_type")
        return self.set_accelerator_type(accelerator)

    def set_gpu_limit(self, gpu: str) -> PipelineTask:
        """Set the number of accelerators; the older name of :meth:`set_accelerator_limit`."""
        _deprecated("set_gpu_limit", "set_accelerator_limit")
        return self.set_accelerator_limit(gpu)

    def _resource(self, field: str, value: Any, pattern: re.Pattern[str], expected: str) -> PipelineTask:
        self.needs_container(f"set_{field}")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = f"{value:g}"
        text = self._marked(value)
        is_constant = text is not None and not context.holds_marks(text)
        if text is None or (is_constant and not pattern.match(text)):
            self._problem("MLP123", f"{field} {validation.display(value)} is not valid", f"use {expected}")
            return self
        self.resources = replace(self.resources, **{field: text})
        return self

    def _marked(self, value: Any) -> str | None:
        """Return a setting as a string, and note the runtime values in it; None if it is not a string."""
        plain = channel_of(value)
        tracing = context.tracing(self.name)
        if isinstance(plain, Channel) and isinstance(plain.type, ParameterType):
            plain = tracing.mark(plain)
        if not isinstance(plain, str):
            return None
        self.marks.update(tracing.values_in(plain))
        return plain

    def _setting(self, what: str, value: Any) -> str:
        text = self._marked(value)
        if text is None:
            self._problem(
                "MLP122",
                f"expected a string as {what}, got {validation.display(value)}",
                "pass a string or a runtime value",
            )
        return text or ""

    def _retries(self, number: Any) -> int:
        if isinstance(number, int) and number >= 0:
            return number
        self._problem(
            "MLP124", f"num_retries {validation.display(number)} is not valid", "use an integer of 0 or more"
        )
        return 0

    def _factor(self, factor: Any) -> float:
        if isinstance(factor, (int, float)) and not isinstance(factor, bool) and 0 < factor < math.inf:
            return float(factor)
        self._problem(
            "MLP124",
            f"backoff_factor {validation.display(factor)} is not valid",
            "use a number above 0, such as 2",
        )
        return 2.0

    def _seconds(self, duration: Any, default: float) -> float:
        if duration is None:
            return default
        found = durations.seconds(duration)
        if found is None:
            self._problem("MLP124", f"{validation.display(duration)} is not a valid duration", durations.HINT)
        return default if found is None else found

    def _text(self, what: str, value: Any) -> str:
        if isinstance(value, str) and not context.holds_marks(value):
            return value
        self._problem(
            "MLP122",
            f"expected a string as {what}, got {validation.display(value)}",
            "use a string constant",
        )
        return ""

    def _can_be_waited_for(self, other: Any) -> bool:
        if isinstance(other, GraphNode):
            return True
        self._problem(
            "MLP125",
            f".after(...) expected a task, got {other!r}",
            "pass tasks, which calls of components return",
        )
        return False

    def needs_container(self, setter: str) -> None:
        """Report a setting of a container on a task that has none."""
        if not self.component.has_container:
            why, hint = self.component.without_container(setter)
            self._problem("MLP126", f"{setter} sets up a container, but {why}", hint)

    def _problem(self, code: str, message: str, hint: str) -> None:
        problems = context.tracing(self.name).problems
        problems.append(Diagnostic(code, self.name, message, hint, context.caller()))


def _channels_in(settings: Any) -> Iterator[Channel]:
    if isinstance(settings, Channel):
        yield settings
    elif isinstance(settings, Mapping):
        for value in settings.values():
            yield from _channels_in(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _channels_in(value)


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is the older name of {new}", DeprecationWarning, stacklevel=3)
