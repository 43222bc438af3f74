"""Compares conditions and log patterns of trials, as they are here, with answers of the packages of Katib and Argo.

The answers come from the program in ``tests/e2e/oracle_katib`` or from a recording of it. Run as a program, this module
writes the recording of the unit tests::

    go -C tests/e2e/oracle_katib build -o /tmp/oracle . && python -m tests.katib_oracle /tmp/oracle
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from mlplat.argo import goregexp
from mlplat.errors import UnsupportedError
from mlplat.tuning.conditions import ConditionError, evaluate, parse
from mlplat.tuning.experiment import TrialTemplate
from mlplat.tuning.kinds import KINDS, condition
from mlplat.tuning.logs import DEFAULT_PATTERN
from mlplat.tuning.selectors import selectors
from tests import go_oracle

RECORDED = Path(__file__).parent / "unit" / "tuning" / "oracle.jsonl"
"""Questions with the answers of the real packages."""

QUESTIONS = ("condition", "groups", "selectors")
"""What is asked: whether a GJSON path matches, the groups of a pattern, and what Argo's conditions say."""

Question = dict[str, Any]

_TYPES = ("Complete", "Failed", "Succeeded", "")
_VALUES = ('"Complete"', '"Failed"', "True", '"True"', "1", "0", "true", "2.5", '"a"', '"x"', "Succeeded")
_LINES = (
    *("loss=0.3", "loss = -1.5e-3, accuracy=.9", "loss=nan", "loss=-inf accuracy=1", "a|b-c=5loss=7"),
    *(
        "loss=cross_entropy",
        "2024-01-02T03:04:05Z loss=1",
        "é loss=1 ",
        "loss=+",
        "loss=1e",
        "train/loss=0.5",
    ),
    *("{metricName: loss, metricValue: 0.1}", "loss\x0b=3", "loss\x85= 3", "NaN=INFINITY", "loss=infx 1"),
)
_PATTERNS = (
    DEFAULT_PATTERN,
    r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
    r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}",
    r"([\w-]+)=(Genotype.*)",
    r"(a)|(b)",
    r"([a-z]+)(\d+)?",
    r"(?=a)(b)",
)
_REPLICAS = {
    "PyTorchJob": ("pytorchReplicaSpecs", "Master"),
    "TFJob": ("tfReplicaSpecs", "Worker"),
    "XGBoostJob": ("xgbReplicaSpecs", "Master"),
    "MPIJob": ("mpiReplicaSpecs", "Launcher"),
}


class _Random:
    """Writes random questions."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def condition(self) -> Question:
        while True:
            path = self._path()
            try:
                parse(path)
            except ConditionError:
                continue
            return {"kind": "condition", "path": path, "document": json.dumps(self._document())}

    def groups(self) -> Question:
        parts = (self._one(*_LINES, *"=.- ae1\t|") for _ in range(self.random.randrange(1, 5)))
        return {"kind": "groups", "pattern": self._one(*_PATTERNS), "text": "".join(parts)}

    def selectors(self) -> Question:
        """Return conditions with an object of a kind of trial, as its controller writes it."""
        if self._is_in(0.3):
            return self._comparison()
        kind = self._one(*KINDS)
        phase = self._one("Running", "Succeeded", "Failed")
        spec, status = self._trial(kind, phase)
        known = KINDS[kind]
        types = {"Succeeded": known.success, "Failed": known.failure}
        status["conditions"] = [{"type": types.get(phase, "Created"), "status": "True"}]
        return self._translated(
            condition(known.success),
            condition(known.failure),
            {"apiVersion": f"{known.group}/v1", "kind": kind, "spec": spec, "status": status},
        )

    def _comparison(self) -> Question:
        field, operator = self._one("phase", "state", "count"), self._one("==", "=", "<", ">")
        values = ("1", "2", "-3") if operator in ("<", ">") else ("Succeeded", '"Failed"', "1")
        success, failure = (f"status.[@this].#({field}{operator}{self._one(*values)})#" for _ in range(2))
        value = (
            self._one("Succeeded", "Failed", "Running", 1, 2)
            if operator in ("==", "=")
            else self._one(0, 2, 3)
        )
        status = self._one({field: value}, {field: value}, {}, {"other": 1})
        return self._translated(success, failure, {"apiVersion": "v1", "kind": "Any", "status": status})

    def _translated(self, success: str, failure: str, trial: dict[str, Any]) -> Question:
        template = TrialTemplate(success_condition=success, failure_condition=failure)
        try:
            found = selectors(template, trial)
        except UnsupportedError:
            return self.selectors()
        return {
            "kind": "selectors",
            "success": found.success,
            "failure": found.failure,
            "document": json.dumps(trial),
            "conditions": [success, failure],
        }

    def _trial(self, kind: str, phase: str) -> tuple[dict[str, Any], dict[str, Any]]:
        count = self.random.randrange(1, 4)
        if kind == "Job":
            done = {"Succeeded": {"succeeded": count}, "Failed": {"failed": 3}}
            return {"completions": count, "backoffLimit": 2}, dict(
                done.get(phase, {"active": 1, "failed": 1})
            )
        ended = {"succeeded": int(phase == "Succeeded"), "failed": int(phase == "Failed")}
        if kind == "TrainJob":
            return {}, {"jobsStatus": [{"name": "node", "active": 1, **ended}]}
        field, replica = _REPLICAS[kind]
        replicas = {replica: {"replicas": count}, "PS": {"replicas": 1}}
        of_replica = {name: count * number for name, number in ended.items() if number}
        return {field: replicas}, {"replicaStatuses": {replica: of_replica, "PS": {"active": 1}}}

    def _one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def _is_in(self, share: float) -> bool:
        return self.random.random() < share

    def _path(self) -> str:
        parts = [self._one("status", "status", "status", "x")]
        if self._is_in(0.7):
            parts.append(self._one("conditions", "conditions", "phase", "list", "0", "1", r"a\.b"))
        if self._is_in(0.3):
            parts.append("[@this]")
        path = ".".join(parts)
        for _ in range(self.random.randrange(3)):
            path += self._one(".", "|") + self._filter()
        return path + (self._one(".", "|") + self._one("type", "0", "a") if self._is_in(0.15) else "")

    def _filter(self) -> str:
        path = self._one("type", "status", "phase", "n", "a.b")
        operator = self._one("==", "==", "=", "!=", "<", ">", "<=", ">=")
        query = f"{path}{operator}{self._one(*_VALUES)}" if self._is_in(0.9) else path
        return f"#({query}){self._one('#', '#', '')}"

    def _condition(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": self._one(*_TYPES)}
        if self._is_in(0.9):
            found["status"] = self._one("True", "False", "Unknown")
        if self._is_in(0.2):
            found["n"] = self._one(0, 1, 2.5, "1", True, False, {}, [1], None)
        return found

    def _document(self) -> dict[str, Any]:
        status: dict[str, Any] = {}
        if self._is_in(0.9):
            listed = [self._condition() for _ in range(self.random.randrange(4))]
            status["conditions"] = self._one(listed, listed, {}, "x", [1, "a"], [])
        if self._is_in(0.7):
            status["phase"] = self._one("Succeeded", "Failed", "", 1, True, {"a": 1})
        if self._is_in(0.3):
            status["list"] = [[{"type": "a"}], {"type": "b"}, {"a": {"b": self._one("x", 1)}}]
        if self._is_in(0.2):
            status["a.b"] = {"c": 1}
        return dict(self._one(*[{"status": status}] * 4, {}, {"status": []}, {"status": None}))


def questions(kind: str, seed: int, count: int) -> list[Question]:
    """Return random questions of a kind in :data:`QUESTIONS`."""
    source = _Random(seed)
    ask_one = {"condition": source.condition, "groups": source.groups, "selectors": source.selectors}[kind]
    return [ask_one() for _ in range(count)]


def ours(question: Question) -> Any:
    """Return what comes of a question here."""
    match question["kind"]:
        case "condition":
            return evaluate(parse(question["path"]), json.loads(question["document"])) is not None
        case "groups":
            try:
                return [*goregexp.find_all_groups(question["pattern"], question["text"])] or None
            except goregexp.RegexpError:
                return "error"
        case _:
            return _phase(question)


def _phase(question: Question) -> str:
    """Return the phase by Katib's conditions, for which the selectors are."""
    document = json.loads(question["document"])
    success, failure = (evaluate(parse(one), document) for one in question["conditions"])
    if failure is not None:
        return "Failed"
    return "Succeeded" if success is not None else "Running"


def record(program: Path, count: int = 250) -> None:
    """Write the recording.

    Args:
        program: the built oracle.
        count: questions of each kind.
    """
    asked = [one for seed, kind in enumerate(QUESTIONS, start=100) for one in questions(kind, seed, count)]
    answered = zip(asked, go_oracle.ask(program, asked), strict=True)
    lines = "".join(f"{json.dumps(list(pair), ensure_ascii=False)}\n" for pair in answered)
    RECORDED.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
