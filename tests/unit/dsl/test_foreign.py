"""Components and pipelines that KFP's own SDK made, in pipelines of ours, in an environment that has both."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-kfp/bin/python"
START = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path += {paths!r}
from mlplat.cli import main
sys.exit(main(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make kfp installs KFP's own SDK")

TEAM = """
from kfp import dsl, kubernetes
from kfp.dsl import Dataset, Input, Model, Output
from kfp.components import load_component_from_text


class Table(dsl.Dataset):
    schema_title = "google.VertexDataset"


@dsl.component
def make(rows: int, name: str = "x", data: Output[Dataset] = None) -> str:
    with open(data.path, "w") as file:
        file.write(name * rows)
    return name


@dsl.component(packages_to_install=[])
def measure(data: Input[Dataset], scale: float = 1.0, more: dict = {"a": 1}) -> float:
    return scale * len(open(data.path).read()) + more["a"]


@dsl.container_component
def shell(words: list, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image="alpine", command=["sh", "-ec", 'mkdir -p "$(dirname "$1")"; printf %s "$0" > "$1"'], args=[words, out]
    )


@dsl.component
def tell(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.pipeline
def both(rows: int = 2) -> float:
    made = make(rows=rows)
    kubernetes.add_pod_label(made, label_key="team", label_value="a")
    with dsl.If(made.outputs["Output"] == "x"):
        shell(words=[made.outputs["Output"]])
    return measure(data=made.outputs["data"]).output


old = load_component_from_text('''
name: old
inputs: [{name: text, type: String}]
outputs: [{name: out, type: String}]
implementation: {container: {image: alpine, command: [cp, {inputValue: text}, {outputPath: out}]}}
''')
"""
PIPE = """
import team
from mlplat import dsl, kubernetes
from team import measure


@dsl.component
def half(value: float) -> float:
    return value / 2


@dsl.pipeline
def p(rows: int = 3) -> float:
    with dsl.ExitHandler(team.tell()):
        made = team.make(rows=rows).set_cpu_limit("1").set_retry(1)
        kubernetes.add_pod_label(made, label_key="a", label_value="b")
        again = team.make(rows=1, name="yy")
        with dsl.ParallelFor([1.0, 2.0]) as scale:
            found = measure(data=made.outputs["data"], scale=scale)
        team.shell(words=dsl.Collected(found.output))
        nested = team.both(rows=4).after(again)
        halved = half(value=nested.output)
    return half(value=team.both().output).output
"""


def mlplat(folder: Path, *words: str, expected: int = 0) -> tuple[str, str]:
    """Run a command with the Python that has KFP; our packages come after its own."""
    script = START.format(paths=[str(ROOT), sysconfig.get_paths()["purelib"]])
    ended = subprocess.run(
        [PYTHON, "-c", script, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == expected, ended.stderr + ended.stdout
    return ended.stdout, ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    version = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout
    if version.split()[1].split(".")[:2] != [str(one) for one in sys.version_info[:2]]:
        pytest.skip("KFP's environment has another Python")
    (tmp_path / "team.py").write_text(TEAM)
    (tmp_path / "pipe.py").write_text(PIPE)
    return tmp_path


def outputs(text: str) -> dict[str, Any]:
    document = json.loads(text)
    return {
        node["displayName"]: json.loads(parameter["value"])
        for node in document["status"]["nodes"].values()
        if node["type"] == "Pod"
        for parameter in node["outputs"].get("parameters", ())
        if parameter["name"] in ("Output", "out")
    }


def test_components_of_kfp_are_tasks_of_ours(folder: Path) -> None:
    out, _ = mlplat(folder, "run", "pipe.py", "-o", "json")
    found = outputs(out)
    assert found["tell"] == "SUCCEEDED"
    assert found["half"] == 2.5
    ir, _ = mlplat(folder, "compile", "pipe.py", "--to", "ir")
    spec, platform = yaml.safe_load_all(ir)
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert {"make", "make-2", "both", "shell", "half"} <= tasks.keys()
    made = tasks["make"]["componentRef"]["name"].removeprefix("comp-")
    assert spec["deploymentSpec"]["executors"][f"exec-{made}"]["container"]["resources"]["cpuLimit"] == 1
    labels = [
        one["podMetadata"]["labels"]
        for one in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    ]
    assert {"a": "b"} in labels
    assert {"team": "a"} in labels
    mlplat(folder, "lint", "pipe.py")


def test_pipeline_of_kfp_runs_as_it_is(folder: Path) -> None:
    assert outputs(mlplat(folder, "run", "team.py", "-p", "rows=5", "-o", "json")[0])["measure"] == 6.0
    inside = """
    import kfp.dsl

    @kfp.dsl.pipeline
    def inner() -> str:
        return team.make(rows=1).outputs["Output"]

    inner()
    return"""
    (folder / "pipe.py").write_text(PIPE.replace("    return half(value=team", f"{inside} half(value=team"))
    out, _ = mlplat(folder, "compile", "pipe.py", "--to", "ir")
    assert "comp-inner" in next(iter(yaml.safe_load_all(out)))["components"]


def test_a_wrong_call_of_a_kfp_component_is_reported(folder: Path) -> None:
    (folder / "pipe.py").write_text(PIPE.replace("rows=1, name=", "row=1, name="))
    _, error = mlplat(folder, "compile", "pipe.py", expected=2)
    assert "MLP132: make-2: it has no input 'row'" in error
    assert "MLP133: make-2: the input 'rows' is missing" in error
    assert "pipe.py:17" in error
