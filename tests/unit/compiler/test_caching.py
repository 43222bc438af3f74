"""What the cache asks for: which tasks come from it, and which are run again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplat import compiler, dsl, engine, kubernetes, metadata


@dsl.component
def write() -> None:
    from pathlib import Path

    Path("/data/x").write_text("1")


@dsl.component
def read() -> str:
    from pathlib import Path

    return Path("/data/x").read_text()


@dsl.component
def exit_handler_1() -> str:
    return "no exit handler"


@dsl.component
def after(x: str) -> str:
    return x


def hits(pipeline: Any, home: Path, name: str, **options: Any) -> Mapping[str, bool]:
    """Return whether each pod's task came from the cache."""
    manifest = compiler.manifest(pipeline.spec, compiler.Options(name=name, **options))
    with metadata.open_store(home / "mlplat.db") as store:
        done = engine.run(manifest, home=home, cache=store.cache())
    nodes = done["status"]["nodes"].values()
    assert done["status"]["phase"] == "Succeeded", [node.get("message") for node in nodes]
    return {
        node["displayName"]: bool(node.get("memoizationStatus", {}).get("hit"))
        for node in nodes
        if node["type"] == "Pod"
    }


def test_a_claim_of_another_name_is_another_task(tmp_path: Path) -> None:
    @dsl.pipeline
    def working() -> None:
        claim = kubernetes.CreatePVC(access_modes=["ReadWriteOnce"], size="1Mi", pvc_name_suffix="-work")
        first = write()
        second = read().after(first)
        for task in (first, second):
            kubernetes.mount_pvc(task, claim.outputs["name"], "/data")

    assert not any(hits(working, tmp_path, "first").values())
    assert not any(hits(working, tmp_path, "second").values())


def test_a_claim_that_is_known_before_is_in_the_key(tmp_path: Path) -> None:
    def working(claim: str) -> Any:
        @dsl.pipeline
        def working() -> None:
            kubernetes.mount_pvc(write(), claim, "/data")

        return working

    assert not hits(working("a"), tmp_path, "first")["write"]
    assert hits(working("a"), tmp_path, "second")["write"]
    assert not hits(working("b"), tmp_path, "third")["write"]


def test_a_task_called_as_exit_handlers_are_is_none(tmp_path: Path) -> None:
    @dsl.pipeline
    def working() -> None:
        first = exit_handler_1()
        after(x="a").after(first).ignore_upstream_failure()

    hits(working, tmp_path, "first")
    assert hits(working, tmp_path, "second") == {"exit-handler-1": True, "after": True}
