"""Loops over nothing, and exit tasks: what they give, and what comes from the cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlplat import compiler, dsl, engine
from tests.programs import empties


class Cache(dict[tuple[str, str], Any]):
    """Results of earlier runs."""

    def load(self, cache_name: str, key: str, max_age: float | None) -> Any:
        del max_age
        return self.get((cache_name, key))

    def save(self, cache_name: str, key: str, node_id: str, outputs: Any) -> None:
        del node_id
        self[cache_name, key] = outputs


def run(pipeline: Any, home: Path, name: str = "run", cache: Cache | None = None, **arguments: Any) -> Any:
    options = compiler.Options(name=name, arguments=arguments)
    return engine.run(compiler.manifest(pipeline.spec, options), home=home, cache=cache)


def outputs(done: Any, task: str) -> list[Any]:
    return [
        json.loads(node["outputs"]["parameters"][0]["value"])
        for node in sorted(done["status"]["nodes"].values(), key=lambda one: str(one["name"]))
        if node["displayName"] == task
    ]


def test_what_comes_out_of_a_loop_over_nothing_is_an_empty_list(tmp_path: Path) -> None:
    done = run(empties.empties, tmp_path)
    assert [outputs(done, task) for task in ("total", "total-2", "weigh", "depth")] == [
        [0],
        [0, 0],
        [[]],
        ["[[], []]"],
    ]


def test_exit_tasks_run_whatever_ran_before(tmp_path: Path) -> None:
    @dsl.component
    def note(file: str) -> None:
        from pathlib import Path

        path = Path(file)
        path.write_text((path.read_text() if path.exists() else "") + "x")

    @dsl.pipeline
    def clean(file: str) -> None:
        note(file=file)

    @dsl.pipeline
    def with_a_task(file: str) -> None:
        with dsl.ExitHandler(note(file=file)):
            note(file=f"{file}-inside")

    @dsl.pipeline
    def with_a_pipeline(file: str) -> None:
        with dsl.ExitHandler(clean(file=file)):
            clean(file=f"{file}-inside")

    for pipeline in (with_a_task, with_a_pipeline):
        cache, file = Cache(), tmp_path / pipeline.spec.name
        for number in range(2):
            done = run(pipeline, tmp_path, f"{pipeline.spec.name}-{number}", cache, file=str(file))
            assert done["status"]["phase"] == "Succeeded"
        assert file.read_text() == "xx"
        assert file.with_name(f"{file.name}-inside").read_text() == "x"


def test_tasks_between_branches_run_whichever_branch_does(tmp_path: Path) -> None:
    @dsl.component
    def say(text: dsl.Input[str], times: dsl.Input[int] = 1) -> str:
        return text * times

    @dsl.pipeline
    def between(word: str) -> None:
        with dsl.If(word == "a"):
            say(text="first")
        second = say(text="b", times=2)
        with dsl.Elif(second.output == word):
            say(text="second")
        third = say(text="c")
        with dsl.Else():
            say(text=f"third {third.output}")

    for word, branch in (("a", "first"), ("bb", "second"), ("d", "third c")):
        done = run(between, tmp_path, f"run-{word}", word=word)
        said = [outputs(done, f"say-{number}" if number > 1 else "say") for number in (1, 2, 3, 4, 5)]
        assert [text for texts in (said[0], said[2], said[4]) for text in texts] == [branch]
        assert (said[1], said[3]) == (["bb"], ["c"])
