"""The same programs as processes and as containers of this machine: the records agree node by node."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlplat import compiler, engine, metadata
from mlplat.runs.documents import with_name
from mlplat.runs.load import load
from mlplat.testing import ExecutorConformance
from tests.e2e.engines import CHANCE, Both, Document, differences, find, output, run_both
from tests.e2e.harness import images
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.paths import Cache
from tests.e2e.harness.versions import MODEL_FILES, MODEL_IMAGE, PYTHON_IMAGE

ROOT = Path(__file__).parents[2]
MODELCAR = ROOT.parent / "shared/corpus/kfp-ir/critical__modelcar.yaml"
LIMITS = '[containers]\nnetns = "none"\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'


@pytest.fixture(scope="module")
def podman(cluster: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables with which podman keeps all in a folder of these tests; it knows images of Python and of a model."""
    if cluster.s3_root is None:
        pytest.skip("the harness's images are not there")
    folder = tmp_path_factory.mktemp("podman")
    (folder / "containers.conf").write_text(LIMITS)
    places = f'driver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    (folder / "storage.conf").write_text(f"[storage]\n{places}")
    names = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
    variables = {name: str(folder / file) for name, file in names.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        cache = Cache.of_user()
        for image in images.catalogue(cache):
            if image.name in (PYTHON_IMAGE, MODEL_IMAGE):
                subprocess.run(["podman", "load", "--quiet", "--input", image.archive(cache)], check=True)
        yield variables
        subprocess.run(["podman", "rmi", "--all", "--force"], check=True)


@pytest.fixture
def containers(podman: dict[str, str]) -> engine.ImageExecutor:
    assert podman
    return engine.ImageExecutor("podman")


class TestImageExecutor(ExecutorConformance):
    image = PYTHON_IMAGE

    @pytest.fixture
    def executor(self, containers: engine.ImageExecutor) -> engine.ImageExecutor:
        return containers


def leftovers() -> list[str]:
    """The containers that are there, whatever they do."""
    listed = subprocess.run(
        ["podman", "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def manifest(program: Path, function: str = "") -> list[Document]:
    loaded = load(f"{program}:{function}" if function else str(program))
    assert loaded.spec is not None
    return compiler.manifest(loaded.spec)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("containers", marks=pytest.mark.smoke),
        "branches",
        "large_values",
        "loops",
        "odd_names",
        "paths",
        "regions",
        "repeating",
        "fields",
    ],
)
def test_a_program_gives_the_same_in_its_images(
    program: str, containers: engine.ImageExecutor, tmp_path: Path
) -> None:
    documents = with_name(manifest(ROOT / f"tests/programs/{program}.py"), f"as-{program.replace('_', '-')}")
    as_processes = engine.run(documents, home=tmp_path / "processes")
    in_images = engine.run(documents, home=tmp_path / "images", executor=containers)
    assert not differences(as_processes, in_images, ignoring=CHANCE)
    assert not leftovers()


MODELS = """
from mlplat import dsl
from mlplat.dsl import Input, Model


@dsl.component
def files(model: Input[Model]) -> list:
    import os

    found = [os.path.join(folder, name) for folder, _, names in os.walk(model.path) for name in names]
    return sorted(os.path.relpath(one, model.path) for one in found)


@dsl.component
def length(models: Input[list[Model]]) -> list:
    return [len(open(one.path + "/latest", "rb").read()) for one in models]


@dsl.container_component
def show(model: Input[Model]):
    return dsl.ContainerSpec(image="python:3.11", command=["cat"], args=[f"{model.path}/config.json"])


@dsl.pipeline
def models(where: str) -> None:
    found = dsl.importer(where, Model, metadata={"by": "a team"}).output
    files(model=found)
    show(model=found)
    with dsl.ParallelFor(["a", "b"]) as name:
        again = dsl.importer(where, Model, metadata={"name": name})
    length(models=dsl.Collected(again.output))


@dsl.pipeline
def cached(where: str, run: str) -> None:
    files(model=dsl.importer(where, Model, metadata={"of": run}).output)
"""


@pytest.fixture
def on_both(
    cluster: Access, cluster_of_kubeconfig: object, containers: engine.ImageExecutor, tmp_path: Path
) -> Callable[..., Both]:
    """Runs a file on the cluster and in containers of this machine."""
    del cluster_of_kubeconfig

    def run(file: Path, pipeline: str = "", **arguments: str) -> Both:
        spec = load(f"{file}:{pipeline}" if pipeline else str(file)).spec
        assert spec is not None
        options = compiler.Options(
            arguments=arguments, cache=False, namespace=cluster.namespace, service_account="mlplat-task"
        )
        name = f"e2e-{secrets.token_hex(4)}"
        return run_both(compiler.manifest(spec, options), name, tmp_path / "home", executor=containers)

    return run


def test_an_importer_copies_the_model_of_an_image(on_both: Callable[..., Both], tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    both = on_both(file, "models", where=f"oci://{MODEL_IMAGE}")
    assert both.argo["status"]["phase"] == "Succeeded"
    assert not differences(both.here, both.argo, ignoring=CHANCE)
    assert output(both.here, "files") == sorted([*MODEL_FILES, "latest", "parts/1.bin"])
    assert output(both.here, "length") == [256, 256]
    assert not leftovers()


def test_a_model_comes_from_the_cache(
    cluster: Access, cluster_of_kubeconfig: object, containers: engine.ImageExecutor, tmp_path: Path
) -> None:
    del cluster_of_kubeconfig
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    spec = load(f"{file}:cached").spec
    assert spec is not None
    name = f"e2e-{secrets.token_hex(4)}"
    given = {"where": f"oci://{MODEL_IMAGE}", "run": name}
    options = compiler.Options(arguments=given, namespace=cluster.namespace, service_account="mlplat-task")
    manifest = compiler.manifest(spec, options)
    with metadata.open_store(tmp_path / "mlplat.db") as store:
        cache = store.cache(cluster.namespace)
        for one in (name, f"{name}-again"):
            both = run_both(manifest, one, tmp_path / "home", cache=cache, executor=containers)
            assert both.argo["status"]["phase"] == "Succeeded"
            assert not differences(both.here, both.argo, ignoring=CHANCE)
    assert find(both.argo, "fetch-oci")["memoizationStatus"]["hit"]
    assert find(both.argo, "files")["memoizationStatus"]["hit"]
    assert not leftovers()


def test_an_image_without_a_model_is_an_error(on_both: Callable[..., Both], tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    both = on_both(file, "models", where="oci://python:3.11")
    assert both.argo["status"]["phase"] == "Failed"
    assert not differences(both.here, both.argo, ignoring=CHANCE)
    logs = [log.read_text() for log in (tmp_path / "home/logs").rglob("*.log")]
    assert all("no folder /models" in log for log in logs)


@pytest.mark.skipif(not MODELCAR.exists(), reason="the corpus of compiled pipelines is not there")
def test_the_model_of_kfps_own_tests(on_both: Callable[..., Both]) -> None:
    both = on_both(MODELCAR)
    assert both.argo["status"]["phase"] == "Succeeded"
    assert not differences(both.here, both.argo, ignoring=CHANCE)
    assert set(MODEL_FILES) < set(output(both.here, "get-model-files-list").split(", "))


ODD = """
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output


@dsl.component(base_image="nosuch.invalid/none:1")
def missing() -> int:
    return 1


@dsl.container_component
def no_program():
    return dsl.ContainerSpec(image="python:3.11", command=["nosuchprogram"], args=["a"])


@dsl.container_component
def of_the_image():
    return dsl.ContainerSpec(image="python:3.11", args=["python3", "-c", "print('from the image')"])


@dsl.component
def me(folder: Output[Dataset]) -> str:
    import os

    os.makedirs(folder.path)
    with open(folder.path + "/a", "w") as file:
        file.write("a")
    return "{}:{}".format(os.getuid(), os.path.exists("/etc/debian_version"))


@dsl.component
def names(folder: Input[Dataset]) -> list:
    import os

    return os.listdir(folder.path)


@dsl.component
def sleep(seconds: int) -> None:
    import time

    print("sleeping", flush=True)
    time.sleep(seconds)


@dsl.component
def tell(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.pipeline
def odd():
    missing()
    no_program()
    of_the_image()


@dsl.pipeline
def users():
    names(folder=me().outputs["folder"])


@dsl.pipeline
def late():
    with dsl.ExitHandler(tell()):
        sleep(seconds=300).set_timeout("2s")


@dsl.pipeline
def long():
    sleep(seconds=300)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    file = tmp_path / "odd.py"
    file.write_text(ODD)
    return file


def test_what_cannot_start_says_why(programs: Path, containers: engine.ImageExecutor, tmp_path: Path) -> None:
    run = engine.run(with_name(manifest(programs, "odd"), "odd"), home=tmp_path, executor=containers)
    assert "nosuch.invalid" in find(run, "missing")["message"]
    assert find(run, "no-program")["phase"] == "Failed"
    (log,) = (tmp_path / "logs/odd").glob(f"{find(run, 'no-program')['id']}.log")
    assert "o such file" in log.read_text()
    assert find(run, "of-the-image")["phase"] == "Succeeded"
    (log,) = (tmp_path / "logs/odd").glob(f"{find(run, 'of-the-image')['id']}.log")
    assert log.read_text() == "from the image\n"
    assert not leftovers()


@pytest.mark.usefixtures("podman")
def test_options_reach_the_container(programs: Path, tmp_path: Path) -> None:
    executor = engine.ImageExecutor("podman", ["--user", "1000:1000"])
    run = engine.run(with_name(manifest(programs, "users"), "users"), home=tmp_path, executor=executor)
    assert output(run, "me") == "1000:True"
    assert output(run, "names") == ["a"]


def test_a_task_that_takes_too_long_is_ended(
    programs: Path, containers: engine.ImageExecutor, tmp_path: Path
) -> None:
    run = engine.run(with_name(manifest(programs, "late"), "late"), home=tmp_path, executor=containers)
    assert "deadline" in find(run, "sleep")["message"]
    assert output(run, "tell") == "FAILED"
    assert not leftovers()


def test_runs_that_are_stopped_or_killed_leave_no_container(
    podman: dict[str, str], programs: Path, tmp_path: Path
) -> None:
    assert podman

    def started(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "mlplat", *words, "--executor", "podman"]
        environment = {**os.environ, "MLPLAT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        logs = tmp_path / "home/logs/long"
        while not any("sleeping" in log.read_text() for log in logs.glob("*.log")):
            assert process.poll() is None
            time.sleep(0.05)
        assert len(leftovers()) == 1
        return process

    killed = started("run", f"{programs}:long", "--name", "long")
    killed.kill()
    killed.wait()
    while leftovers():  # the watchdog removes what a killed engine leaves
        time.sleep(0.1)
    for log in (tmp_path / "home/logs/long").glob("*.log"):
        log.unlink()
    stopped = started("retry", "long")
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait() == 130
    assert not leftovers()
    recorded = json.loads((tmp_path / "home/runs/long/workflow.json").read_text())
    assert recorded["status"]["phase"] == "Failed"
