"""Names that a component's body uses and that nothing defines where it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplat.dsl.undefined import undefined
from mlplat.runs.load import load_all
from tests.unit.cli.commands import told

PRELUDE = "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"
LINES = PRELUDE.count("\n")

DEFINED = {
    "builtins": "def f(a): return len(print(a)) or __name__ or __debug__",
    "prelude": "def f(a: Input[Dataset]) -> List[int]: return dsl, kfp, Model, Optional[a]",
    "imports": "def f():\n import numpy as np\n from a.b import c as d\n import x.y\n return np, d, x.y.z",
    "comprehensions": "def f(b): return [x for y in b for x in y], {k: v for k, v in b}, (g for g in b)",
    "nested functions": "def f(b):\n def g(x): return x + b + later\n later = 1\n return g(1), (lambda z: z)(1)",
    "globals assigned": "def f():\n global count\n count = 1\n def g(): return count\n return g()",
    "nonlocal": "def f():\n n = 1\n def g():\n  nonlocal n\n  n += 1\n return g",
    "tried": "def f():\n try:\n  unicode\n except (NameError, KeyError):\n  pass",
    "deleted": "def f(a):\n b = a\n del b\n try: pass\n except ValueError as error: print(error)",
    "class bodies": "def f():\n class A:\n  x = 1\n  y = x\n  def m(self): return __class__, super().m()\n return A",
    "walrus": "def f(a):\n if (n := len(a)) > 1: return n\n return [m for x in a if (m := x)] and m",
    "match": "def f(a):\n match a:\n  case {'x': x, **rest}: return x, rest\n  case [b, *c]: return b, c",
    "annotations only": "def f(a: np.X, *b: pd.X) -> tf.X:\n x: no = 1\n y: no2\n def g(z: other) -> more: pass",
    "with and for": "def f(a):\n with open(a) as (b, c):\n  for d, *e in b: print(c, d, e)",
    "star of unknown": "from unknown import *\ndef f(): return anything",
    "dynamic": "def f():\n exec('x = 1', globals())\n return x",
    "assigned in a branch": "def f(a):\n if a:\n  import json\n return json",
    "another function": "def helper(x): return x\nCONSTANT = 1\ndef f(): return helper(CONSTANT), f",
    "unreadable": "def f(: pass",
    "decorated inside": "def f():\n import functools\n @functools.cache\n def g(): pass\n return g",
}


@pytest.mark.parametrize("name", DEFINED)
def test_defined_names_are_no_alarm(name: str) -> None:
    assert undefined(PRELUDE + DEFINED[name] + "\n") == []


UNDEFINED = {
    "name": ("def f():\n return np.array([1])", [(2, "np")]),
    "name in a nested scope": (
        "def f(b):\n def g():\n  return [helper(x) for x in b]\n return g",
        [(3, "helper")],
    ),
    "each once": ("def f():\n a = np\n b = np\n return pd", [(2, "np"), (4, "pd")]),
    "default": ("def f(a=LIMIT): return a", [(1, "LIMIT")]),
    "base class": ("def f():\n class A(Base): pass", [(2, "Base")]),
    "local of another scope": ("def f():\n def g():\n  np = 1\n  return 1\n return np", [(5, "np")]),
    "caught too widely": ("def f():\n try:\n  np\n except Exception: pass", [(3, "np")]),
    "in an f-string": ("def f(): return f'{np.pi:{width}}'", [(1, "np"), (1, "width")]),
    "awaited, called, indexed": ("def f():\n a()\n b[1]\n c.d", [(2, "a"), (3, "b"), (4, "c")]),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_undefined_names_are_found_with_their_lines(name: str) -> None:
    text, expected = UNDEFINED[name]
    assert [(use.line - LINES, use.name) for use in undefined(PRELUDE + text + "\n")] == expected


PROGRAM = """\
import json as js
import os
from pathlib import Path as P
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output

LIMIT = 3


class Config:
    pass


def helper(x):
    return x


@dsl.component
def other() -> int:
    return 1


@dsl.component(
    base_image="python:3.12",
)
def work(data: Output[Dataset]) -> int:
    js.dumps(LIMIT)
    os.getcwd()
    P(".")
    Config()
    helper(1)
    other()
    prnt()
    pd.DataFrame()
    return later()


@dsl.component(additional_funcs=[helper])
def right(data: Input[Dataset]) -> int:
    return helper(1)


def later():
    return 1


def made(n):
    @dsl.component
    def inner() -> int:
        return n

    return inner


inner = made(1)


@dsl.pipeline
def first():
    right(data=work().outputs["data"])
    inner()


@dsl.pipeline
def second():
    work()
"""
EXPECTED = [
    (27, "'js'", "add to the function: import json as js"),
    (27, "'LIMIT'", "define it inside the function, or make it a parameter"),
    (28, "'os'", "add to the function: import os"),
    (29, "'P'", "add to the function: from pathlib import Path as P"),
    (30, "'Config'", "define the class inside the function"),
    (31, "'helper'", "additional_funcs=[helper]"),
    (32, "'other'", "call 'other' in the pipeline"),
    (33, "'prnt'", "did you mean 'print'?"),
    (34, "'pd'", "define it, or import it, inside the function"),
    (35, "'later'", "additional_funcs=[later]"),
    (50, "'n'", "define it inside the function, or make it a parameter"),
]


def test_the_hint_depends_on_what_the_name_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(PROGRAM)
    warnings = [warning for loaded in load_all("program.py") for warning in loaded.warnings]
    found = sorted((one.source.line if one.source else 0, one.message, one.hint) for one in warnings)
    assert len(found) == len(EXPECTED)
    for (line, message, hint), expected in zip(found, sorted(EXPECTED), strict=True):
        assert (line, message.split()[0]) == expected[:2]
        assert expected[2] in hint
    out, _ = told(capsys, "lint", "program.py")
    assert out.count("warning MLP154") == len(EXPECTED)
    _, error = told(capsys, "compile", "program.py:first")
    assert error.count("warning MLP154") == len(EXPECTED)
    told(capsys, "compile", "program.py:first", "--to", "ir", "-o", "first.yaml")
    out, _ = told(capsys, "lint", "first.yaml")
    assert out.count("warning MLP154") == len(EXPECTED)
    assert "first.yaml:" in out
