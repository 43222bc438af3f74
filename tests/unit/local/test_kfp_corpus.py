"""Pipelines that KFP users compiled run here, unless they need something that is not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, ir, local, manifest
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
    "long-running": "sleeps for minutes",
    "pipeline_with_condition_dynamic_task_output_custom_training_job": "starts a job of a cloud",
    "pipeline_with_importer": "reads from the bucket of a cloud",
    "pipeline_with_importer_and_gcpc_types": "runs a program of its image",
    "pipeline_with_various_io_types": "its command stands in its image",
    "sequential_v2": "runs a program of a cloud",
    "take_nap_pipeline_root_compiled": "sleeps for minutes",
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


def left_out(stem: str, spec: PipelineSpec) -> str:
    """Say why a pipeline is not run; empty when it is."""
    functions = [one.python for one in spec.executors.values() if isinstance(one, Container)]
    packages = {package for function in functions if function is not None for package in function.packages}
    installs = bool(packages - set(NOTEBOOK_PACKAGES))
    return LEFT_OUT.get(stem, "installs packages" if installs else "")


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
    if "counter_path" in spec.root.input_parameters:
        given["counter_path"] = str(folder / "counter")
    return given


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_pipeline_runs(file: Path, tmp_path: Path) -> None:
    spec = ir.read(manifest.load(file.read_text(encoding="utf-8"), file.name), file.name)
    if why := left_out(file.stem, spec):
        pytest.skip(why)
    options = compiler.Options(name=f"{spec.name[:40]}-run", arguments=arguments(spec, tmp_path), cache=False)
    done = local.run([*secrets_of_corpus(), *compiler.manifest(spec, options)], home=tmp_path / "home")
    logs = "\n".join(log.read_text() for log in sorted((tmp_path / "home/logs").rglob("*.log")))
    if file.stem in FAILS:
        assert done["status"]["phase"] == "Failed"
        assert FAILS[file.stem] in logs
    else:
        assert done["status"]["phase"] == "Succeeded", logs[-2000:]
