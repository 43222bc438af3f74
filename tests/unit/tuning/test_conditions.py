"""Conditions of trials: which objects they match, and what they are for Argo."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import UnsupportedError
from mlplat.tuning.conditions import ConditionError, Match, evaluate, parse
from mlplat.tuning.experiment import TrialTemplate
from mlplat.tuning.kinds import KINDS, condition
from mlplat.tuning.selectors import Selectors, selectors

COMPLETE = condition("Complete")
DONE = {"type": "Complete", "status": "True", "reason": "Finished", "message": "all pods succeeded"}
PHASE = 'status.[@this].#(phase=="Succeeded")#'


def conditions(*found: Any) -> dict[str, Any]:
    return {"status": {"conditions": list(found)}}


@pytest.mark.parametrize(
    ("text", "document", "expected"),
    [
        (COMPLETE, conditions(DONE), Match("Finished", "all pods succeeded")),
        (
            COMPLETE,
            conditions({"type": "Failed", "status": "True"}, DONE),
            Match("Finished", "all pods succeeded"),
        ),
        (COMPLETE, conditions({"type": "Complete", "status": "True"}), Match()),
        (COMPLETE, conditions({"type": "Complete", "status": "False"}), None),
        (COMPLETE, conditions({"type": "Failed", "status": "True"}), None),
        (COMPLETE, conditions(), None),
        (COMPLETE, {}, None),
        (COMPLETE, {"status": {"conditions": None}}, None),
        (PHASE, {"status": {"phase": "Succeeded", "message": "done"}}, Match("", "done")),
        (PHASE, {"status": {"phase": "Failed"}}, None),
        (PHASE, {"status": {}}, None),
        (PHASE, {}, None),
        ('status.conditions.#(type=="Complete")', conditions(DONE), Match("Finished", "all pods succeeded")),
        ("status.conditions.0", conditions(DONE), Match("Finished", "all pods succeeded")),
        ("status.conditions.1", conditions(DONE), None),
        ("status.conditions", conditions(DONE), Match("Finished", "all pods succeeded")),
        ("status.phase", {"status": {"phase": "Succeeded"}}, None),
        ("status", {"status": {}}, Match()),
        ("status.#(n>1)#", {"status": [{"n": 2}]}, Match()),
        ("status.#(n>1)#", {"status": [{"n": 1}]}, None),
        ("status.#(n>1)#", {"status": [{"n": 10**400}]}, Match()),
        ('status.#(n=="x")#', {"status": [{"n": "\ud800"}]}, None),
        ("status.#(ok==true)#", {"status": [{"ok": True}]}, Match()),
        ('status.#(a.b="x")#', {"status": [{"a": {"b": "x"}}]}, Match()),
        ("status.#(name)#", {"status": [{"name": 1}]}, Match()),
        (r"metadata.labels.example\.com", {"metadata": {"labels": {"example.com": {}}}}, Match()),
    ],
)
def test_which_objects_match(text: str, document: dict[str, Any], expected: Match | None) -> None:
    assert evaluate(parse(text), document) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the path has an empty part"),
        ("status.", "the path has an empty part"),
        ("status..x", "'.x' is not supported"),
        ("status.#", "'#' is not supported"),
        ("status.@reverse", "'@reverse' is not supported"),
        ("status.{a,b}", "'{a,b}' is not supported"),
        ("status.#(a==1", "'#(a==1' is not supported"),
        ('status.#(a%"x*")#', """'#(a%"x*")#' is not supported"""),
        ("status.#(a==1)#.b", "'.' after '#(…)#' is not supported; join the next part with '|'"),
        ("status x", "expected '.' or '|' at ' x'"),
        (r"status\x", r"expected '.' or '|' at '\x'"),
        (r'status.#(a=="\n")', r"""'#(a=="\n")' is not supported"""),
        ("status.#(a==~true)", "'#(a==~true)' is not supported"),
    ],
)
def test_what_is_not_supported(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value) == message


def _of(kind: str, spec: dict[str, Any], success: str, failure: str = condition("Failed")) -> Selectors:
    template = TrialTemplate(success_condition=success, failure_condition=failure)
    version = f"{KINDS[kind].group}/v1" if kind in KINDS else "example.com/v1"
    return selectors(template, {"apiVersion": version, "kind": kind, "spec": spec})


@pytest.mark.parametrize(
    ("kind", "spec", "success", "failure"),
    [
        ("Job", {}, "status.succeeded > 0", "status.failed > 6"),
        ("Job", {"completions": 3, "backoffLimit": 0}, "status.succeeded > 2", "status.failed > 0"),
        ("TrainJob", {}, "status.jobsStatus.0.succeeded > 0", "status.jobsStatus.0.failed > 0"),
    ],
)
def test_default_conditions_for_argo(kind: str, spec: dict[str, Any], success: str, failure: str) -> None:
    assert _of(kind, spec, COMPLETE) == Selectors(success, failure)


@pytest.mark.parametrize(
    ("kind", "replicas", "deciding", "count"),
    [
        ("PyTorchJob", {"pytorchReplicaSpecs": {"Master": {}, "Worker": {"replicas": 2}}}, "Master", 0),
        ("PyTorchJob", {"pytorchReplicaSpecs": {"Worker": {"replicas": 2}}}, "Worker", 1),
        ("TFJob", {"tfReplicaSpecs": {"Worker": {"replicas": 2}, "Chief": {"replicas": 1}}}, "Chief", 0),
        ("TFJob", {"tfReplicaSpecs": {"Worker": {"replicas": 2}, "PS": {}}}, "Worker", 1),
        ("XGBoostJob", {"xgbReplicaSpecs": {"Master": {}, "Worker": {}}}, "Master", 0),
        ("MPIJob", {"mpiReplicaSpecs": {"Launcher": {}, "Worker": {"replicas": 2}}}, "Launcher", 0),
    ],
)
def test_the_replica_that_decides(kind: str, replicas: dict[str, Any], deciding: str, count: int) -> None:
    assert _of(kind, replicas, condition("Succeeded")) == Selectors(
        f"status.replicaStatuses.{deciding}.succeeded > {count}",
        f"status.replicaStatuses.{deciding}.failed > 0",
    )


def test_a_field_of_the_status_is_compared_for_any_kind() -> None:
    failure = 'status.[@this].#(phase=="Failed")#'
    assert _of("Anything", {}, PHASE, failure) == Selectors(
        "status.phase == Succeeded", "status.phase == Failed"
    )
    assert _of("Anything", {}, "status.[@this].#(ready>2)#", 'status.a.[@this].#(b.c=="d")').success == (
        "status.ready > 2"
    )


EXIT_CODE = "Argo cannot tell whether a pod with restartPolicy ExitCode in replica Master will be restarted"
REPLICAS = "spec.tfReplicaSpecs.Worker.replicas must be an integer, got '${trialParameters.n}'"


@pytest.mark.parametrize(
    ("kind", "spec", "success", "message"),
    [
        (
            "PipelineRun",
            {},
            COMPLETE,
            f"Argo cannot test the condition '{COMPLETE}' of an object of kind PipelineRun",
        ),
        ("", {}, COMPLETE, f"Argo cannot test the condition '{COMPLETE}' of an object without a kind"),
        (
            "Job",
            {},
            "status.conditions",
            "Argo cannot test the condition 'status.conditions' of an object of kind Job",
        ),
        (
            "Job",
            {},
            'status.[@this].#(phase=="not a label!")#',
            "Argo cannot test the condition 'status.[@this].#(phase==\"not a label!\")#' of an object of kind Job",
        ),
        (
            "Job",
            {},
            'status.[@this].#(phase!="Running")#',
            "Argo cannot test the condition 'status.[@this].#(phase!=\"Running\")#' of an object of kind Job",
        ),
        (
            "TrainJob",
            {"initializer": {"model": {}}},
            COMPLETE,
            "Argo cannot find the training job of a TrainJob with an initializer in status.jobsStatus",
        ),
        (
            "PyTorchJob",
            {"pytorchReplicaSpecs": {"Master": {"restartPolicy": "ExitCode"}}},
            condition("Succeeded"),
            EXIT_CODE,
        ),
        (
            "XGBoostJob",
            {"xgbReplicaSpecs": ["Master"]},
            condition("Succeeded"),
            "XGBoostJob has none of the replicas Master, Worker in spec.xgbReplicaSpecs",
        ),
        (
            "TFJob",
            {"tfReplicaSpecs": {"Worker": {"replicas": "${trialParameters.n}"}}},
            condition("Succeeded"),
            REPLICAS,
        ),
    ],
)
def test_what_argo_can_not_test(kind: str, spec: dict[str, Any], success: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        _of(kind, spec, success, success)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("MLP937", message)
    assert found.hint


def test_both_conditions_are_refused_at_once() -> None:
    with pytest.raises(UnsupportedError) as caught:
        _of("PipelineRun", {}, COMPLETE)
    assert [one.path for one in caught.value.diagnostics] == [
        "spec.trialTemplate.failureCondition",
        "spec.trialTemplate.successCondition",
    ]


def test_a_kind_of_the_same_name_in_another_group_is_another_kind() -> None:
    template = TrialTemplate(success_condition=COMPLETE, failure_condition=condition("Failed"))
    with pytest.raises(UnsupportedError, match="of an object of kind Job"):
        selectors(template, {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {}})
