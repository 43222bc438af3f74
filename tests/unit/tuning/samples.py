"""An Experiment to start from, and what is wrong with one that was changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mlplat import manifest
from mlplat.errors import Diagnostic, ManifestError
from mlplat.tuning import LoadedExperiment, load

TEXT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: random
  namespace: team
spec:
  objective:
    type: minimize
    goal: 0.001
    objectiveMetricName: loss
    additionalMetricNames: [accuracy]
  algorithm:
    algorithmName: random
  parallelTrialCount: 3
  maxTrialCount: 12
  maxFailedTrialCount: 3
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "0.01", max: "0.05"}
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: [sgd, adam]}
  trialTemplate:
    primaryContainerName: training
    trialParameters:
      - {name: learningRate, description: Learning rate, reference: lr}
      - {name: optimizer, reference: optimizer}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: training
                image: python:3.12
                command: [train, "--lr=${trialParameters.learningRate}", "${trialParameters.optimizer}"]
"""

REMOVED = object()


def experiment(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the Experiment with other values at paths such as ``spec/parameters/0/name``."""
    document: dict[str, Any] = copy.deepcopy(manifest.load(TEXT)[0])
    for path, value in (changes or {}).items():
        *around, last = (int(part) if part.isdecimal() else part for part in path.split("/"))
        place: Any = document
        for part in around:
            place = place[part]
        if value is REMOVED:
            del place[last]
        else:
            place[last] = value
    return document


def loaded(
    changes: Mapping[str, Any] | None = None, others: Sequence[Mapping[str, Any]] = ()
) -> LoadedExperiment:
    """Return the changed Experiment."""
    return load([experiment(changes), *others])


def problems(
    changes: Mapping[str, Any] | None = None, others: Sequence[Mapping[str, Any]] = ()
) -> tuple[Diagnostic, ...]:
    """Return the errors and warnings of the changed Experiment."""
    try:
        return tuple(loaded(changes, others).warnings)
    except ManifestError as error:
        return error.diagnostics
