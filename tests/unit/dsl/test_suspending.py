"""Steps that wait, traced, compiled and run here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.dsl import durations
from mlplat.engine import terminal
from mlplat.runs.documents import with_name
from tests.unit.engine.manifests import node, value


@dsl.component
def score() -> float:
    return 0.5


@dsl.component
def deploy(how: str) -> str:
    return how


@dsl.pipeline
def gate() -> str:
    scored = score()
    asked = dsl.approval(f"the score is {scored.output}: deploy?", choices=["no", "yes, now"])
    with dsl.If(asked.output == "yes, now"):
        done = deploy(how=f"{asked.output}!")
    with dsl.Else():
        left = deploy(how=asked.output)
    return dsl.OneOf(done.output, left.output)  # type: ignore[return-value]


@dsl.pipeline
def waits() -> None:
    scored = score().set_timeout("1m30.5s")
    deploy(how="late").after(dsl.suspend(0.1).after(scored), dsl.approval(timeout="0.1s"))


def documents(pipeline: dsl.Pipeline) -> list[dict[str, Any]]:
    text = manifest.dump(ir.write(pipeline.spec))
    read = ir.read(manifest.load(text))
    return with_name(compiler.manifest(read, compiler.Options(cache=False)), "wf")


@pytest.mark.parametrize(("answer", "output"), [({}, "no"), ({"choice": "yes, now"}, "yes, now!")])
def test_a_person_chooses(answer: Mapping[str, str], output: str, tmp_path: Path) -> None:
    async def ask(asked: Mapping[str, Any]) -> Mapping[str, str]:
        (message, choice) = asked["inputs"]["parameters"]
        assert message["value"] == "the score is 0.5: deploy?"
        assert choice["enum"] == ["no", "yes, now"]
        return answer

    done = engine.run(documents(gate), home=tmp_path, ask=ask)
    assert json.loads(value(done, "wf", "Output")) == output


@pytest.mark.parametrize("is_runtime_value", [False, True])
def test_any_text_can_be_a_message(is_runtime_value: bool, tmp_path: Path) -> None:
    text = "take {{x}} of \x1b[2J \"a\" 'b' \\ ü 😀\x7f?"

    @dsl.pipeline
    def p(word: str = text) -> None:
        dsl.approval(word if is_runtime_value else text)

    async def ask(asked: Mapping[str, Any]) -> Mapping[str, str]:
        (message,) = asked["inputs"]["parameters"]
        assert message["value"] == "take { {x}} of [2J \"a\" 'b' \\ ü 😀?"
        return {}

    assert engine.run(documents(p), home=tmp_path, ask=ask)["status"]["phase"] == "Succeeded"


def test_a_person_says_no(tmp_path: Path) -> None:
    async def ask(_: Mapping[str, Any]) -> None:
        return None

    done = engine.run(documents(gate), home=tmp_path, ask=ask)
    assert done["status"]["phase"] == "Failed"
    assert node(done, "wf.approval")["message"] == "stopped by the user"


def test_the_terminal_asks_until_the_answer_is_one_of_the_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["maybe", "yes, now"])
    asked: list[str] = []

    def read(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr("builtins.input", read)
    done = engine.run(documents(gate), home=tmp_path, ask=terminal.ask)
    assert json.loads(value(done, "wf", "Output")) == "yes, now!"
    choice = "approval: the score is 0.5: deploy?\napproval: choice (no, yes, now) [no]: "
    assert asked == [choice, "'maybe' is not one of no, yes, now: "]


def test_a_person_is_asked_even_if_the_step_continues_after_a_timeout(tmp_path: Path) -> None:
    @dsl.pipeline
    def p() -> str:
        asked = dsl.approval("deploy?", choices=["no", "yes"], timeout="1m")
        return deploy(how=asked.output).output  # type: ignore[return-value]

    async def ask(_: Mapping[str, Any]) -> Mapping[str, str]:
        return {"choice": "yes"}

    async def never(_: Mapping[str, Any]) -> Mapping[str, str]:
        await asyncio.sleep(60)
        return {"choice": "yes"}

    done = engine.run(documents(p), home=tmp_path, ask=ask)
    assert json.loads(value(done, "wf", "Output")) == "yes"
    shorter = json.loads(json.dumps(documents(p)).replace('"duration": "60s"', '"duration": "0.2s"'))
    done = engine.run(shorter, home=tmp_path, ask=never)
    assert json.loads(value(done, "wf", "Output")) == "no"


def test_the_terminal_shows_the_message_and_asks_whether_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dsl.pipeline
    def p() -> None:
        dsl.approval("deploy?")

    asked: list[str] = []

    def read(prompt: str) -> str:
        asked.append(prompt)
        return "n"

    monkeypatch.setattr("builtins.input", read)
    done = engine.run(documents(p), home=tmp_path, ask=terminal.ask)
    assert node(done, "wf.approval")["phase"] == "Failed"
    assert asked == ["approval: deploy?\napproval: continue? [y/N] "]


def test_steps_that_wait_for_a_time_need_no_person(tmp_path: Path) -> None:
    compiled = documents(waits)
    templates = {template["name"]: template for template in compiled[-1]["spec"]["templates"]}
    assert templates["suspend"]["suspend"] == {"duration": "0.1s"}
    assert templates["score"]["activeDeadlineSeconds"] == 91
    done = engine.run(compiled, home=tmp_path)
    assert done["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("10s", 10), ("1h30m", 5400), ("1.5 h", 5400), ("500ms", 0.5), ("90", 90), (3, 3.0), ("1d", 86400)],
)
def test_durations(duration: str | float, seconds: float) -> None:
    assert durations.seconds(duration) == pytest.approx(seconds)
    assert durations.seconds(durations.text(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize("duration", ["", "s", "1x", "-1s", -1, float("nan"), True, None, "1 h m"])
def test_an_invalid_duration_is_refused(duration: Any) -> None:
    assert durations.seconds(duration) is None
