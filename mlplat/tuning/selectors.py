"""Translates the conditions of a trial to those of an Argo resource template.

Argo's ``successCondition`` and ``failureCondition`` are label selectors whose keys are paths into the object: fields
and positions, but no filters over lists. A trial fails if *one* requirement of the failure condition fits, and succeeds
if *all* of the success condition fit.

So a filter over ``status.conditions`` is replaced by another part of the status that says the same. For a training job,
that is the number of its replicas that have ended. The replica that decides is the master (launcher, chief); without
one, all workers. The end of a job without a failed replica, such as by ``activeDeadlineSeconds``, cannot be seen this
way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.errors import Diagnostic, UnsupportedError
from mlplat.tuning.conditions import Field, ItemFilter, TrialCondition, Wrap, parse
from mlplat.tuning.experiment import TrialTemplate
from mlplat.tuning.kinds import JOB, KINDS, TRAIN_JOB, condition, kind_of


class _UntranslatableError(Exception):
    """A condition has no form that Argo accepts.

    Args:
        message: why.
        hint: what to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Selectors:
    """The conditions of an Argo resource template.

    Attributes:
        success: ``successCondition``.
        failure: ``failureCondition``.
    """

    success: str
    failure: str


_REPLICAS = {
    "PyTorchJob": ("pytorchReplicaSpecs", ("Master",)),
    "TFJob": ("tfReplicaSpecs", ("Chief", "Master")),
    "XGBoostJob": ("xgbReplicaSpecs", ("Master",)),
    "MPIJob": ("mpiReplicaSpecs", ("Launcher",)),
}
"""Where the replicas of a training job are, and which of them decide."""

_WORKER = "Worker"

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_INTEGER = re.compile(r"[0-9]{1,18}")
_OPERATORS = {"=": ("==", _LABEL), "<": ("<", _INTEGER), ">": (">", _INTEGER)}
"""Argo's form of an operator, and the values that it takes."""


def selectors(template: TrialTemplate, trial_spec: Mapping[str, Any]) -> Selectors:
    """Translate the conditions of a trial template.

    Args:
        template: with defaults; its conditions are GJSON paths without problems.
        trial_spec: the object of a trial.

    Raises:
        UnsupportedError: Argo cannot test one of them, or both.
    """
    written = {"successCondition": template.success_condition, "failureCondition": template.failure_condition}
    found: list[str] = []
    problems: dict[str, Diagnostic] = {}
    for name, text in written.items():
        try:
            found.append(_selector(text, trial_spec))
        except _UntranslatableError as error:
            problem = Diagnostic("MLP937", f"spec.trialTemplate.{name}", error.message, error.hint)
            problems.setdefault(error.message, problem)
    if problems:
        raise UnsupportedError(problems.values())
    return Selectors(*found)


def _selector(text: str, trial_spec: Mapping[str, Any]) -> str:
    written = parse(text)
    if direct := _field_comparison(written):
        return direct
    kind = kind_of(trial_spec)
    known = KINDS.get(kind)
    if known is not None and str(trial_spec.get("apiVersion")).startswith(f"{known.group}/"):
        for type_, by_kind in ((known.success, _SUCCESS), (known.failure, _FAILURE)):
            if written.steps == parse(condition(type_)).steps:
                return by_kind[kind](trial_spec)
    what = f"of kind {kind}" if kind else "without a kind"
    raise _UntranslatableError(
        f"Argo cannot test the condition '{text}' of an object {what}",
        'Argo does not search lists; compare a field, such as status.[@this].#(phase=="Succeeded")#',
    )


def _field_comparison(written: TrialCondition) -> str:
    """Return the selector of ``a.b.[@this].#(c=="d")``, which compares a field of an object; empty for another path.

    There is none for ``!=``: to Argo, a field that does not exist yet is different from every value.
    """
    match written.steps:
        case (*fields, Wrap(), ItemFilter() as last) if last.operator in _OPERATORS:
            names = [one.name for one in fields if isinstance(one, Field) and "." not in one.name]
        case _:
            return ""
    key = ".".join((*names, *last.path))
    operator, value = _OPERATORS[last.operator]
    if len(names) < len(fields) or not _LABEL.fullmatch(key) or not value.fullmatch(last.value):
        return ""
    return f"{key} {operator} {last.value}"


def _replica(trial_spec: Mapping[str, Any]) -> tuple[str, int]:
    """Return which replicas of a training job decide, and how many they are."""
    kind = kind_of(trial_spec)
    field, deciding = _REPLICAS[kind]
    replicas = _part(_part(trial_spec, "spec"), field)
    name = next((one for one in (*deciding, _WORKER) if one in replicas), "")
    if not name:
        message = f"{kind} has none of the replicas {', '.join((*deciding, _WORKER))} in spec.{field}"
        raise _UntranslatableError(message, "add the replica that runs the training")
    replica = _part(replicas, name)
    if replica.get("restartPolicy") == "ExitCode":
        message = (
            f"Argo cannot tell whether a pod with restartPolicy ExitCode in replica {name} will be restarted"
        )
        raise _UntranslatableError(message, "use restartPolicy Never or OnFailure")
    return name, _count(replica, "replicas", 1, f"spec.{field}.{name}")


def _part(around: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a mapping in a mapping; an empty one if it is missing, or not a mapping."""
    found = around.get(name)
    return found if isinstance(found, Mapping) else {}


def _count(around: Mapping[str, Any], name: str, default: int, path: str) -> int:
    value = around.get(name)
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    message = f"{path}.{name} must be an integer, got '{value}'"
    raise _UntranslatableError(message, "Argo compares it with the number of pods that have ended")


def _training_success(trial_spec: Mapping[str, Any]) -> str:
    name, count = _replica(trial_spec)
    return f"status.replicaStatuses.{name}.succeeded > {count - 1}"


def _training_failure(trial_spec: Mapping[str, Any]) -> str:
    name, _ = _replica(trial_spec)
    return f"status.replicaStatuses.{name}.failed > 0"


def _job_success(trial_spec: Mapping[str, Any]) -> str:
    return f"status.succeeded > {_count(_part(trial_spec, 'spec'), 'completions', 1, 'spec') - 1}"


def _job_failure(trial_spec: Mapping[str, Any]) -> str:
    return f"status.failed > {_count(_part(trial_spec, 'spec'), 'backoffLimit', 6, 'spec')}"


def _train_job(field: str) -> Callable[[Mapping[str, Any]], str]:
    def selector(trial_spec: Mapping[str, Any]) -> str:
        if _part(trial_spec, "spec").get("initializer"):
            message = (
                "Argo cannot find the training job of a TrainJob with an initializer in status.jobsStatus"
            )
            raise _UntranslatableError(message, "initialize data and model in the trainer's command")
        return f"status.jobsStatus.0.{field} > 0"

    return selector


_SUCCESS = {
    **dict.fromkeys(_REPLICAS, _training_success),
    JOB: _job_success,
    TRAIN_JOB: _train_job("succeeded"),
}
_FAILURE = {**dict.fromkeys(_REPLICAS, _training_failure), JOB: _job_failure, TRAIN_JOB: _train_job("failed")}
