"""The kinds of objects that Katib knows as trials: their conditions, and where their metrics come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TrialKind:
    """A kind of trial.

    Attributes:
        group: API group of the kind.
        success: type of the condition in ``status.conditions`` that is true when an object has succeeded.
        failure: the same for one that has failed.
        pod_labels: labels of the pod that reports the metrics; all pods without them.
    """

    group: str
    success: str
    failure: str = "Failed"
    pod_labels: Mapping[str, str] = field(default_factory=dict)


_MASTER = {"training.kubeflow.org/job-role": "master"}
_NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}

JOB = "Job"
TRAIN_JOB = "TrainJob"
TRAINING_KINDS = ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob")

KINDS: Mapping[str, TrialKind] = {
    JOB: TrialKind("batch", "Complete"),
    **{kind: TrialKind("kubeflow.org", "Succeeded", pod_labels=_MASTER) for kind in TRAINING_KINDS},
    TRAIN_JOB: TrialKind("trainer.kubeflow.org", "Complete", pod_labels=_NODE),
}
"""By ``kind``: Katib gives these defaults whatever the API group is. Others need conditions of their own."""


def condition(type_: str) -> str:
    """Return the GJSON path that matches objects with a condition that is true."""
    return f'status.conditions.#(type=="{type_}")#|#(status=="True")#'


def kind_of(trial_spec: Mapping[str, Any] | None) -> str:
    """Return the kind of a trial's object; empty without one."""
    kind = (trial_spec or {}).get("kind")
    return kind if isinstance(kind, str) else ""
