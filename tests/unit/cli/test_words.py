"""The words of command lines."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from mlplat.cli import main
from mlplat.cli.parser import parser


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("get tasks --limit 3 RUN", {"what": "tasks", "limit": 3, "name": "RUN"}),
        ("get -o json artifacts RUN", {"what": "artifacts", "output": "json", "name": "RUN"}),
        ("get --limit 3 runs", {"what": "runs", "limit": 3, "name": None}),
        ("logs RUN --engine local TASK", {"name": "RUN", "engine": "local", "task": "TASK"}),
        ("logs RUN", {"name": "RUN", "engine": "local", "task": None}),
        (
            "run -p a=b FILE --no-cache -p c=d",
            {"file": "FILE", "parameter": ["a=b", "c=d"], "no_cache": True},
        ),
        ("run --no-cache -- FILE", {"file": "FILE", "no_cache": True}),
        ("lint FILE OTHER", {"files": ["FILE", "OTHER"]}),
        ("cache --engine argo clear", {"action": "clear", "engine": "argo"}),
    ],
)
def test_options_stand_anywhere(words: str, expected: dict[str, Any]) -> None:
    given: argparse.Namespace = parser().parse_args(words.split())
    assert {name: getattr(given, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("runn x.py", "COMMAND: there is no 'runn'", "did you mean 'run'? mlplat --help"),
        (
            "run x.py --paramater a=b",
            "there is no option --paramater",
            "did you mean '--parameter'? mlplat run",
        ),
        ("run --parameter=a=b --nam=x x.py", "there is no option --nam", "did you mean '--name'? mlplat run"),
        ("run x.py --engine agro", "--engine: there is no 'agro'", "did you mean 'argo'? mlplat run --help"),
        (
            "get x",
            "{runs,tasks,parameters,artifacts,lineage,metrics}: there is no 'x'",
            "there is: runs, tasks, parameters",
        ),
        (
            "get",
            "the following arguments are required: {runs,tasks,parameters,artifacts,lineage,metrics}",
            "mlplat get --help",
        ),
        ("get tasks a b", "too many words: b", "mlplat get --help"),
        ("run", "name a file, or a module with -m", "mlplat run --help"),
        ("lint", "name a file, or a module with -m", "mlplat lint --help"),
        ("compile a.py -m a", "name one file or one module", "mlplat compile --help"),
        ("doctor -x", "there is no option -x", "mlplat doctor --help"),
    ],
)
def test_a_wrong_word_is_told_with_the_one_that_is_meant(
    words: str, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error MLP001: {message}\n  hint: {hint}")
