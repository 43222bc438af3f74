"""Pipelines that KFP users compiled run here, unless they need something that is not here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, engine, ir, manifest
from mlplat.dsl.notebooks import PACKAGES as NOTEBOOK_PACKAGES
from mlplat.ir import PipelineSpec
from mlplat.ir.model import ABSENT, Container, ParameterType

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "kfp-ir"
CASES = sorted(CORPUS.glob("*.yaml")) if CORPUS.is_dir() else []
LEFT_OUT = {
    "containerized_python_component": "its function stands in an image that is not there",
    "container_with_artifact_output": "runs a program of its image",
    "container_with_if_placeholder": "runs a program of its image",
    "container_with_placeholder_in_fstring": "runs a program of its image",
    "create_pod_metadata_complex": "asserts that a variable that nothing sets is an empty text",
    "critical__modelcar": "reads a model from an image",
    "critical__pipeline_with_artifact_upload_download": "loads a data set from a hub",
    "integration__ray_integration_compiled": "starts a cluster of Ray",
    "pipeline_with_condition_dynamic_task_output_custom_training_job": "starts a job of a cloud",
    "pipeline_with_google_artifact_type": "imports what a cloud's package had once",
    "pipeline_with_importer": "reads from the bucket of a cloud",
    "pipeline_with_importer_and_gcpc_types": "runs a program of its image",
    "pipeline_with_various_io_types": "its command stands in its image",
    "sequential_v2": "runs a program of a cloud",
    "xgboost_sample_pipeline": "runs a program of its image",
    "artifacts_simple": "opens the addresses of a list of artifacts as files",
}
FAILS = {
    "failing__pipeline_with_exit_handler": "Task failed.",
}
"""Files that fail by design, and what their failing task says."""

VALUES = {
    ParameterType.STRING: "text",
    ParameterType.NUMBER_INTEGER: 3,
    ParameterType.NUMBER_DOUBLE: 0.5,
    ParameterType.BOOLEAN: True,
    ParameterType.LIST: ["a", "b"],
    ParameterType.STRUCT: {"a": "b"},
}
BY_NAME = {
    "naptime_secs": 1,
    "cpu_limit": "1",
    "memory_limit": "1G",
    "accelerator_type": "nvidia.com/gpu",
}
"""Values that take the place of defaults: what a small machine has, and a short nap."""
INSTALLED = {*NOTEBOOK_PACKAGES, "requests"}
"""What the tests' own environment has."""
SECRETS = {
    f"test-secret-{number}": {"username": f"user{number}", "password": f"psw{number - 1}"}
    for number in (1, 2, 3)
}

pytestmark = pytest.mark.skipif(not CASES, reason="the corpus of compiled pipelines is not there")


def secrets_of_corpus() -> list[dict[str, Any]]:
    """Return the Secrets that pipelines of the corpus name."""
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
        for name, data in SECRETS.items()
    ]


def packages(spec: PipelineSpec) -> set[str]:
    """Return what the functions of a pipeline ask for."""
    functions = [one.python for one in spec.executors.values() if isinstance(one, Container)]
    return {package for function in functions if function is not None for package in function.packages}


def shortened(spec: PipelineSpec) -> PipelineSpec:
    """Return the pipeline with a container that sleeps for a second where it sleeps for minutes."""
    executors = {
        label: replace(one, args=tuple(text.replace("sleep 300", "sleep 1") for text in one.args))
        if isinstance(one, Container)
        else one
        for label, one in spec.executors.items()
    }
    return replace(spec, executors=executors)


def arguments(spec: PipelineSpec, folder: Path) -> dict[str, Any]:
    """Return a value for each parameter that needs one; artifacts and files lie in the folder."""
    given = {
        name: VALUES[parameter.type]
        for name, parameter in spec.root.input_parameters.items()
        if parameter.default is ABSENT and not parameter.optional
    }
    (folder / "input.txt").write_text("1,2\n")
    given |= {
        name: str(folder / "input.txt")
        for name, artifact in spec.root.input_artifacts.items()
        if not artifact.is_list
    }
    given |= {name: value for name, value in BY_NAME.items() if name in spec.root.input_parameters}
    if "counter_path" in spec.root.input_parameters:
        given["counter_path"] = str(folder / "counter")
    return given


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_pipeline_runs(file: Path, tmp_path: Path) -> None:
    spec = shortened(ir.read(manifest.load(file.read_text(encoding="utf-8"), file.name), file.name))
    if why := LEFT_OUT.get(file.stem, "installs packages" if packages(spec) - INSTALLED else ""):
        pytest.skip(why)
    options = compiler.Options(name=f"{spec.name[:40]}-run", arguments=arguments(spec, tmp_path), cache=False)
    done = engine.run([*secrets_of_corpus(), *compiler.manifest(spec, options)], home=tmp_path / "home")
    logs = "\n".join(log.read_text() for log in sorted((tmp_path / "home/logs").rglob("*.log")))
    if file.stem in FAILS:
        assert done["status"]["phase"] == "Failed"
        assert FAILS[file.stem] in logs
    else:
        assert done["status"]["phase"] == "Succeeded", logs[-2000:]
