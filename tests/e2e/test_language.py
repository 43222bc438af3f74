"""What pipelines can say means the same on both engines: the programs that have golden manifests, and odd artifacts."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl
from mlplat.cli.load import load
from mlplat.dsl import Dataset, Input, Output
from mlplat.ir import PipelineSpec
from tests.e2e.engines import Both, output, record, run_both
from tests.e2e.harness.cluster import Access

PROGRAMS = Path(__file__).parents[1] / "programs"
ML_IMAGE = "mlplat.test/python:ml"


pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


def on_both(spec: PipelineSpec | None, cluster: Access, home: Path, **arguments: Any) -> Both:
    assert spec is not None
    options = compiler.Options(
        arguments=arguments,
        cache=False,
        image=ML_IMAGE,
        namespace=cluster.namespace,
        service_account="mlplat-task",
    )
    return run_both(compiler.manifest(spec, options), f"e2e-{secrets.token_hex(4)}", home)


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("artifacts.py", {}),
        ("fields.py", {}),
        ("large_values.py", {}),
        ("loops.py", {"people": [{"first": "é{{", "last": "$$"}]}),
        ("branches.py", {"seed": 8, "names": ["{{workflow.name}}", "b"]}),
        ("odd_names.py", {}),
        ("containers.py", {}),
        ("repeating.py:repeating", {}),
        ("empties.py", {}),
        ("argo.py", {"who": "Grace"}),
    ],
)
def test_program_leaves_the_same_record(
    program: str, arguments: dict[str, Any], cluster: Access, tmp_path: Path
) -> None:
    both = on_both(load(str(PROGRAMS / program)).spec, cluster, tmp_path, **arguments)
    assert both.argo["status"]["phase"] == "Succeeded"
    assert record(both.here) == record(both.argo)


@pytest.mark.usefixtures("volume")
def test_paths_that_only_a_caller_knows_leave_the_same_record(cluster: Access, tmp_path: Path) -> None:
    both = on_both(load(str(PROGRAMS / "paths.py")).spec, cluster, tmp_path)
    assert both.argo["status"]["phase"] == "Succeeded"
    assert record(both.here) == record(both.argo)


def test_what_comes_out_of_regions_and_why_tasks_failed(cluster: Access, tmp_path: Path) -> None:
    both = on_both(load(f"{PROGRAMS / 'regions.py'}:regions").spec, cluster, tmp_path, name="two")
    assert both.argo["status"]["phase"] == "Failed"
    assert output(both.argo, "report") == "dear two: exit-handler-7 FAILED stumble: ValueError: stumbled"
    assert output(both.argo, "total") == 10
    assert record(both.here) == record(both.argo)


def test_part_of_a_large_value_fails_where_it_can_not_be_known(cluster: Access, tmp_path: Path) -> None:
    @dsl.component
    def people() -> list:  # type: ignore[type-arg]
        return [{"name": "a" * 40_000}]

    @dsl.component
    def say(text: str) -> str:
        return text

    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor(people().output) as person, dsl.If(person.name != "b"):
            say(text="reached")

    both = on_both(p.spec, cluster, tmp_path)
    assert both.argo["status"]["phase"] == both.here["status"]["phase"] == "Error"
    for workflow in (both.argo, both.here):
        messages = [node.get("message", "") for node in workflow["status"]["nodes"].values()]
        assert any("or a part of one, is known in tasks only" in text for text in messages)


def test_links_and_empty_folders_arrive(cluster: Access, tmp_path: Path) -> None:
    @dsl.component
    def write(linked: Output[Dataset], empty: Output[Dataset]) -> None:
        from pathlib import Path

        elsewhere = Path("elsewhere/é").absolute()
        elsewhere.mkdir(parents=True)
        (elsewhere / "file").write_text("text")
        Path(linked.path).mkdir(parents=True)
        Path(linked.path, "link").symlink_to(elsewhere)
        Path(empty.path).mkdir(parents=True)

    @dsl.component
    def read(linked: Input[Dataset], empty: Input[Dataset]) -> list:  # type: ignore[type-arg]
        from pathlib import Path

        return [Path(linked.path, "link/file").read_text(), list(Path(empty.path).iterdir())]

    @dsl.pipeline
    def p() -> None:
        written = write()
        read(linked=written.outputs["linked"], empty=written.outputs["empty"])

    both = on_both(p.spec, cluster, tmp_path)
    assert output(both.argo, "read") == output(both.here, "read") == ["text", []]
    assert record(both.here) == record(both.argo)


def test_a_task_with_a_limit_takes_turns(cluster: Access, tmp_path: Path) -> None:
    @dsl.component
    def work(first: int, second: int) -> list:  # type: ignore[type-arg]
        import time

        begin = time.time()
        time.sleep(2)
        return [begin, time.time()]

    @dsl.component
    def most(spans: list) -> int:  # type: ignore[type-arg]
        flat = [span for inner in spans for span in inner]
        counts: list[int] = [sum(begin <= at < end for begin, end in flat) for at, _ in flat]
        return max(counts)

    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor([0, 1, 2]) as first, dsl.ParallelFor([1, 2]) as second:
            worked = work(first=first, second=second).set_parallelism(2).set_retry(1)
        most(spans=dsl.Collected(worked.output))

    both = on_both(p.spec, cluster, tmp_path)
    assert output(both.argo, "most") == output(both.here, "most") == 2
