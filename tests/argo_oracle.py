"""Compares Argo's expression languages, as they are here, with answers of Argo's own packages.

The answers come from the program in ``tests/e2e/oracle`` or from a recording of it. Run as a program, this module
writes the recording of the unit tests::

    go -C tests/e2e/oracle build -o /tmp/oracle . && TZ=UTC python -m tests.argo_oracle /tmp/oracle
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlplat.argo import gotext, govalues, templating
from mlplat.argo.expressions import ExpressionError, environment, evaluate, should_execute
from tests import go_oracle
from tests.random_expressions import VARIABLES, Expressions, Templates, Whens

RECORDED = Path(__file__).parent / "unit" / "argo" / "oracle.jsonl"
"""Questions with the answers of the real packages."""

_LONGEST = 250
"""Characters of a question that is recorded."""

Question = dict[str, Any]


def questions(kind: str, seed: int, count: int) -> list[Question]:
    """Return different random questions of a kind: ``expression``, ``when`` or ``template``."""
    found: dict[str, Question] = {}
    if kind == "template":
        templates = Templates(seed)
        while len(found) < count:
            text, strict = templates.next()
            found.setdefault(text + strict, {"kind": kind, "text": text, "strict": strict})
        return list(found.values())
    texts = Expressions(seed) if kind == "expression" else Whens(seed)
    while len(found) < count:
        text = texts.next()
        found.setdefault(text, {"kind": kind, "text": text})
    return list(found.values())


def ask(program: Path, asked: Iterable[Question]) -> list[dict[str, Any]]:
    """Return the oracle's answers.

    Args:
        program: the built oracle.
        asked: the questions.
    """
    return go_oracle.ask(program, ({"variables": VARIABLES, **one} for one in asked))


def theirs(question: Question, answer: dict[str, Any]) -> Any:
    """Return an oracle's answer in the form of :func:`ours`."""
    if "error" in answer:
        return None
    if question["kind"] == "when":
        return answer["text"] == "true"
    if question["kind"] == "template":
        return json.loads(answer["text"])
    return _comparable(answer["type"], answer.get("json"), answer.get("text", ""))


def ours(question: Question) -> Any:
    """Return what comes of a question here; None when it is refused."""
    try:
        return {"when": _when, "template": _template, "expression": _expression}[question["kind"]](question)
    except (ExpressionError, templating.TemplatingError):
        return None


def _when(question: Question) -> bool:
    return should_execute(question["text"])


def _template(question: Question) -> Any:
    strict = question["strict"]
    strictness = {"lenient": templating.LENIENT, "all": templating.EVERYTHING}.get(strict)
    scope = templating.Scope(VARIABLES)
    tree = json.loads(question["text"])
    return templating.replace(tree, scope, strictness or templating.Strictness(strict.split(",")))


def _expression(question: Question) -> Any:
    value = evaluate(question["text"], environment(VARIABLES))
    try:
        written: str | None = gotext.to_json(value)
    except ValueError:
        written = None
    return _comparable(govalues.type_of(value), written, govalues.valid(gotext.sprint(value)))


def _comparable(kind: str, written: str | None, text: str) -> Any:
    if kind.startswith("func"):
        return ["func"]
    # The keys of such a map are printed in the order of the addresses of their types.
    return [kind, written, "" if kind.startswith("map[interface") else text]


def record(program: Path, count: int = 1200) -> None:
    """Write the recording.

    Args:
        program: the built oracle.
        count: questions of each kind.
    """
    lines: list[str] = []
    for seed, kind in enumerate(("expression", "when", "template"), start=100):
        asked = [one for one in questions(kind, seed, count) if len(one["text"]) <= _LONGEST]
        for question, answer in zip(asked, ask(program, asked), strict=True):
            line = json.dumps([question, theirs(question, answer)], ensure_ascii=False)
            lines.append(line if len(line) <= 3 * _LONGEST else "")
    RECORDED.write_text("".join(f"{line}\n" for line in lines if line), encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
