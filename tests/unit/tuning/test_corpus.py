"""Real Experiments of Katib's users."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplat import manifest
from mlplat.errors import ManifestError
from mlplat.tuning import document, load, parse, with_defaults
from mlplat.tuning.references import values
from mlplat.tuning.selectors import Selectors, selectors
from mlplat.tuning.space import search_space
from mlplat.tuning.templates import fill, with_name

REFUSED = {
    "nas__darts-cpu.yaml": [
        (22, "MLP926", "neural architecture search is not supported (algorithm darts)"),
    ],
    "nas__enas-cpu.yaml": [
        (25, "MLP926", "neural architecture search is not supported (algorithm enas)"),
    ],
    "nas__enas-gpu.yaml": [
        (22, "MLP926", "neural architecture search is not supported (algorithm enas)"),
    ],
    "tekton__pipeline-run.yaml": [
        (
            38,
            "MLP933",
            "parameter name: learningRate in spec.trialParameters not found in spec.trialTemplate",
        ),
    ],
    "trial-template__trial-configmap-source.yaml": [
        (51, "MLP931", "ConfigMap 'trial-templates' of namespace 'kubeflow' is not in this file"),
    ],
}
"""Lines, codes and messages of the files that cannot be used; Tekton's ``$(trialParameters.lr)`` is no placeholder."""

WARNED = {"hp-tuning__cma-es.yaml": ["MLP925"], "hp-tuning__simple-pbt.yaml": ["MLP909"]}

CONDITIONS = {
    "argo__argo-workflow.yaml": Selectors("status.phase == Succeeded", "status.phase == Failed"),
    "kubeflow-trainer__trainjob-pytorch.yaml": Selectors(
        "status.jobsStatus.0.succeeded > 0", "status.jobsStatus.0.failed > 0"
    ),
    "kubeflow-training-operator__tfjob-mnist-with-summaries.yaml": Selectors(
        "status.replicaStatuses.Worker.succeeded > 1", "status.replicaStatuses.Worker.failed > 0"
    ),
}
"""Those of Jobs are all alike."""


@pytest.fixture(scope="session")
def experiments(corpus: Path) -> dict[str, str]:
    found = {path.name: path.read_text() for path in sorted((corpus / "katib").glob("*.yaml"))}
    assert len(found) >= 18
    return found


def test_each_is_read_or_refused_for_the_right_reason(experiments: dict[str, str]) -> None:
    for name, text in experiments.items():
        try:
            warnings = load(manifest.load(text), name, text).warnings
        except ManifestError as error:
            found = [(one.source.line, one.code, one.message) for one in error.diagnostics if one.source]
            assert found == REFUSED[name], name
        else:
            assert name not in REFUSED
            assert [one.code for one in warnings] == WARNED.get(name, []), name


def test_reading_what_was_written_gives_the_same_experiment(experiments: dict[str, str]) -> None:
    for name, text in experiments.items():
        read, problems = parse(manifest.load(text)[0])
        assert not problems, name
        again, problems = parse(manifest.load(manifest.dump(document(read)))[0])
        assert (again, problems) == (read, []), name
        assert with_defaults(with_defaults(read)) == with_defaults(read), name


def test_a_trial_has_no_placeholder_left(experiments: dict[str, str]) -> None:
    for name, text in experiments.items():
        if name in REFUSED:
            continue
        experiment, template, _ = load(manifest.load(text))
        space = search_space(experiment.parameters)
        point = space.assignments({one.name: one.value(0) for one in space.dimensions})
        spec = fill(template, {})
        assigned = values(experiment.trial_template.parameters, point, spec, "trial-1", "team")
        trial = with_name(fill(template, assigned), "trial-1", "team")
        assert "${trialParameters" not in manifest.dump(trial), name
        assert trial["metadata"] == {"name": "trial-1", "namespace": "team"}, name
        assert trial["kind"] == spec["kind"]


def test_the_conditions_of_each_can_be_tested_by_argo(experiments: dict[str, str]) -> None:
    of_job = Selectors("status.succeeded > 0", "status.failed > 6")
    for name, text in experiments.items():
        if name not in REFUSED:
            experiment, template, _ = load(manifest.load(text))
            found = selectors(experiment.trial_template, fill(template, {}))
            assert found == CONDITIONS.get(name, of_job), name
