"""What pipelines can say means the same on both engines: the programs that have golden manifests, and odd artifacts."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl
from mlplat.dsl import Dataset, Input, Output
from mlplat.ir import PipelineSpec
from mlplat.runs.load import load
from tests.e2e.engines import TIMES, Both, Engines, output, record, run_both
from tests.e2e.harness.cluster import Access

TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


def once(spec: PipelineSpec | None, cluster: Access, home: Path) -> Both:
    """Run a pipeline that cannot come from the cache."""
    assert spec is not None
    options = compiler.Options(cache=False, namespace=cluster.namespace, service_account="mlplat-task")
    return run_both(compiler.manifest(spec, options), f"e2e-{secrets.token_hex(4)}", home)


@pytest.mark.parametrize(
    ("program", "values", "other", "phase"),
    [
        pytest.param(
            "e2e/programs/retried.py:retried", {}, {"last": 2}, "Succeeded", marks=pytest.mark.smoke
        ),
        ("e2e/programs/failing.py:failing", {}, {"x": 2}, "Failed"),
        ("e2e/programs/failing.py:retried", {}, {"x": 2}, "Failed"),
        ("programs/artifacts.py", {}, {"rows": 2}, "Succeeded"),
        ("programs/fields.py", {}, {"items": ["b", "c"]}, "Succeeded"),
        ("programs/large_values.py", {}, {"times": 1}, "Succeeded"),
        (
            "programs/loops.py",
            {"people": [{"first": "é{{", "last": "$$"}]},
            {"people": [{"first": "é{{", "last": "$$"}, {"first": "A", "last": ""}]},
            "Succeeded",
        ),
        ("programs/branches.py", {"seed": 8, "names": ["{{workflow.name}}", "b"]}, {"seed": 1}, "Succeeded"),
        ("programs/nested.py:nested", {}, {"text": "b"}, "Succeeded"),
        ("programs/odd_names.py", {}, {"n": "y", "no": True}, "Succeeded"),
        ("programs/containers.py", {}, {"name": "Grace"}, "Succeeded"),
        ("programs/repeating.py:repeating", {}, {"target": 2}, "Succeeded"),
        ("programs/empties.py", {}, {"more": [1]}, "Succeeded"),
    ],
)
def test_program_leaves_the_same_record(
    program: str, values: dict[str, Any], other: dict[str, Any], phase: str, engines: Engines
) -> None:
    engines.run(str(TESTS / program), values, other=other, phase=phase)


def test_templates_of_argo_leave_the_same_record(engines: Engines) -> None:
    values, other = {"who": "Grace"}, {"who": "Ada"}
    engines.run(str(TESTS / "programs/argo.py"), values, other=other, again=["read"])


def test_artifacts_that_are_handed_on_leave_the_same_record(engines: Engines) -> None:
    engines.run(str(TESTS / "programs/handing_on.py"), left_out=TIMES)


@pytest.mark.usefixtures("volume")
def test_paths_that_only_a_caller_knows_leave_the_same_record(cluster: Access, tmp_path: Path) -> None:
    """Runs once: the volume is that of one claim, and what reads a claim does not come from the cache."""
    spec = load(str(TESTS / "programs/paths.py")).spec
    both = once(spec, cluster, tmp_path)
    assert both.argo["status"]["phase"] == "Succeeded"
    assert record(both.here) == record(both.argo)


def test_what_comes_out_of_regions_and_why_tasks_failed(engines: Engines) -> None:
    place = f"{TESTS / 'programs/regions.py'}:regions"
    series = engines.run(place, {"name": "two"}, other={"name": "one", "least": 3}, phase="Failed")
    for both, name, total in (
        (series.first, "two", 10),
        (series.cached, "two", 10),
        (series.other, "one", 6),
    ):
        assert (
            output(both.argo, "report") == f"dear {name}: exit-handler-7 FAILED stumble: ValueError: stumbled"
        )
        assert output(both.argo, "total") == total


def test_part_of_a_large_value_fails_where_it_can_not_be_known(engines: Engines) -> None:
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

    both = engines.run(p.spec, phase="Error").cached
    for workflow in (both.argo, both.here):
        messages = [node.get("message", "") for node in workflow["status"]["nodes"].values()]
        assert any("only tasks can use a value of more than 32 KiB" in text for text in messages)


def test_links_and_empty_folders_arrive(engines: Engines) -> None:
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

    for both in (series := engines.run(p.spec)).first, series.cached:
        assert output(both.argo, "read") == output(both.here, "read") == ["text", []]


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

    both = once(p.spec, cluster, tmp_path)
    assert output(both.argo, "most") == output(both.here, "most") == 2
