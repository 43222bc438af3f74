"""Why a pod has not started."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.argo.status import WAITING
from mlplat.k8s import Event
from mlplat.runs.pending import explained, hint, is_new, reasons

NODE = {
    "id": "n",
    "type": "Pod",
    "phase": "Pending",
    "startedAt": "2026-01-01T00:00:05Z",
    "displayName": "train",
}


def event(reason: str, message: str, *, count: int = 1, second: int = 10) -> Event:
    return Event(reason, message, count, f"2026-01-01T00:00:{second:02}Z")


def node(message: str = "", **fields: Any) -> dict[str, Any]:
    return {**NODE, "message": message, **fields}


@pytest.mark.parametrize(
    "one",
    [
        node(),
        node("PodInitializing"),
        node("ContainerCreating"),
        node("Waiting for argo/Mutex/m lock. Lock status: 0/1"),
        node("main: Error (exit code 1)", phase="Failed"),
        node("0/1 nodes", type="Retry"),
    ],
)
def test_nodes_that_run_or_have_ended_have_no_reasons(one: dict[str, Any]) -> None:
    assert reasons(one, ()) == ()
    assert explained(one, (), "team") == one


def test_warnings_tell_what_the_message_of_the_node_does_not() -> None:
    mount = event("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "s" not found', count=3)

    assert reasons(node("ContainerCreating"), [mount]) == (
        'FailedMount: MountVolume.SetUp failed for volume "v" : secret "s" not found (3 times)',
    )


def test_warnings_are_the_last_ones_each_once() -> None:
    warnings = [
        event("Failed", "Error: ErrImagePull"),
        event("Failed", 'Back-off pulling image "i"'),
        *[event("FailedScheduling", f"0/{number} nodes are available") for number in (1, 2)],
        *[event("Odd", f"{letter} is very odd") for letter in "abcd"],
    ]

    found = reasons(node('ImagePullBackOff: Back-off pulling image "i"'), warnings)

    assert found == (
        'ImagePullBackOff: Back-off pulling image "i"',
        "Odd: b is very odd",
        "Odd: c is very odd",
        "Odd: d is very odd",
    )


def test_only_the_first_of_two_equivalent_sentences_is_shown() -> None:
    pull = 'failed to pull and unpack image "i:1": not found'
    said = [f"ErrImagePull: {pull}"]

    assert not is_new(f'ImagePullBackOff: Back-off pulling image "i:1": ErrImagePull: {pull}', said)
    assert not is_new(f'Failed: Failed to pull image "i:1": {pull} (2 times)', said)
    assert not is_new("Unschedulable: 0/3 nodes are available", ["FailedScheduling: 0/1 nodes are available"])
    assert is_new('FailedMount: secret "s" not found', said)


def test_warnings_from_before_the_node_are_of_an_earlier_pod() -> None:
    assert reasons(node(), [event("FailedMount", "old", second=1)]) == ()


@pytest.mark.parametrize(
    ("sentence", "advice"),
    [
        (
            'ErrImageNeverPull: Container image "i" is not present with pull policy of Never',
            "imagePullPolicy",
        ),
        ('ErrImagePull: failed to pull and unpack image "i"', "imagePullSecrets"),
        ("InvalidImageName: couldn't parse image", "name of the image"),
        ('CreateContainerConfigError: secret "s" not found', "create it in namespace team"),
        ('FailedMount: configmap "c" not found', "create it in namespace team"),
        ('Unschedulable: persistentvolumeclaim "p" not found', "kubectl describe pvc -n team"),
        ("Unschedulable: pod has unbound immediate PersistentVolumeClaims", "kubectl describe pvc -n team"),
        ("Unschedulable: 1 node(s) didn't match Pod's node affinity/selector", "node selector"),
        ("Unschedulable: 0/1 nodes are available: 1 Insufficient cpu", "request less"),
        ('pods "p" is forbidden: exceeded quota: all', "kubectl describe resourcequota -n team"),
        ("something else", ""),
    ],
)
def test_hints_for_reasons_of_waiting(sentence: str, advice: str) -> None:
    found = hint([sentence], "team")
    assert advice in found
    assert bool(found) == bool(advice)


def test_a_node_says_why_it_waits() -> None:
    told = explained(node("ErrImagePull: no"), [event("Failed", "no such image")], "team")

    assert told["message"] == "ErrImagePull: no; Failed: no such image"
    assert told[WAITING][:2] == ["ErrImagePull: no", "Failed: no such image"]
    assert told[WAITING][2].startswith("hint: ")
