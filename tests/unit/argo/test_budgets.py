"""No expression takes long or much: it is answered at once, or refused with a reason."""

from __future__ import annotations

import builtins
import resource
import subprocess
import sys
from typing import Any

import pytest

from mlplat.argo import goregexp
from mlplat.argo.expressions import ExpressionError, environment, evaluate, should_execute

NAMES = environment({"item": "5", "text": "x" * 5000})


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("len(1..2000000000)", "memory budget exceeded"),
        ("map(1..1000, map(1..1000, #))", "memory budget exceeded"),
        ("repeat('ab', 600000)", "memory budget exceeded"),
        ("sprig.repeat(3000000000, 'a')", r"a string of 3,000,000,000 bytes"),
        ("sprig.indent(2000000000, 'a')", r"a string of 2,000,000,000 bytes"),
        ("sprig.nindent(100000, sprig.repeat(1000, '\\n'))", "a string of"),
        ("sprig.replace('a', sprig.repeat(100000, 'b'), sprig.repeat(10000, 'a'))", "a string of"),
        ("replace(sprig.repeat(10000, 'a'), '', sprig.repeat(100000, 'b'))", "a string of"),
        ("join(split(sprig.repeat(10000, 'a'), ''), sprig.repeat(100000, 'b'))", "a string of"),
        ("sprig.join(sprig.repeat(100000, 'b'), sprig.until(10000))", "a string of"),
        ("sprig.wrapWith(1, sprig.repeat(100000, 'b'), sprig.repeat(10000, 'a'))", "a string of"),
        ("sprig.regexReplaceAll('', sprig.repeat(10000, 'a'), sprig.repeat(100000, 'b'))", "a string of"),
        ("reduce(1..60, #acc + #acc, 'aaaa')", "a string of"),
        ("sprig.until(3000000000)", "a list of 3,000,000,000 items"),
        ("sprig.untilStep(0, 3000000000, 2)", "a list of 1,500,000,000 items"),
        ("sprig.seq(3000000000)", "a list of"),
        ("reduce(1..60, sprig.concat(#acc, #acc), [1, 2])", "a list of"),
        (
            "count(1..1000, count(1..1000, count(1..1000, true) > 0) > 0)",
            "memory budget exceeded|takes too long",
        ),
        ("let a = 1..900; count(a, count(a, count(a, # > 0) > 0) > 0)", "takes too long"),
        ("let s = sprig.repeat(9000000, 'ab'); let a = 1..9999; count(a, s contains 'x')", "takes too long"),
        ("sprig.genPrivateKey('rsa')", "sprig.genPrivateKey is not supported on this machine"),
    ],
)
def test_what_would_take_too_much_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        evaluate(expression, NAMES)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5 in 1..2000000000", True),
        ("('" + "a" * 40 + "!') matches '^(a+)+$'", False),
        ("sprig.regexMatch('^(a|aa)+$', '" + "a" * 60 + "!')", False),
        ("sprig.regexFind('(x+x+)+y', text)", ""),
        ("len(sprig.regexFindAll('(x*)*', text, -1))", 1),
        ("len(sprig.regexSplit('(x+x+)+y', text, -1))", 1),
        ("len(sprig.regexReplaceAll('(x+x+)+y', text, 'z'))", 5000),
        ("len(jsonpath('[\"" + "a" * 40 + "!\"]', \"$[?(@ =~ '^(a+)+$')]\"))", 0),
        ("sum(1..40000, # % 7)", 119997),
        (" + ".join(["1"] * 3000), 3000),
        (" && ".join(["item == '5'"] * 1500), True),
    ],
)
def test_what_is_only_large_is_answered(expression: str, expected: Any) -> None:
    assert evaluate(expression, NAMES) == expected


def test_an_expression_of_too_many_parts_is_refused() -> None:
    with pytest.raises(ExpressionError, match="exceeds maximum allowed nodes"):
        evaluate(" + ".join(["1"] * 6000), NAMES)


def test_a_pattern_of_when_is_matched_in_linear_time() -> None:
    assert should_execute(f"'{'a' * 40}!' !~ '^(a+)+$'")


@pytest.fixture
def without_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "re2":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    goregexp._compiled.cache_clear()


@pytest.mark.usefixtures("without_re2")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'abc' matches '^a.c$'", True),
        ("'abc\\n' matches 'c$'", False),
        ("'ab1' matches '[a-c]+'", True),
        ("sprig.regexReplaceAll('o', 'föo', '[$0]')", "fö[o]"),
        ("sprig.regexFindAll('[a-z]+', 'ab é cd', -1)", ["ab", "cd"]),
        ("'x' matches '\\\\d'", False),
    ],
)
def test_simple_patterns_need_no_re2(expression: str, expected: Any) -> None:
    assert evaluate(expression, NAMES) == expected
    goregexp._compiled.cache_clear()


@pytest.mark.usefixtures("without_re2")
@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "a*a*a*b", "(a|b)", "a{2,}", "[[:alpha:]]", "(?i)a", "\\\\pL"]
)
def test_other_patterns_tell_what_to_install(pattern: str) -> None:
    with pytest.raises(ExpressionError, match=r"pip install 'mlplat\[local\]'"):
        evaluate(f"'a' matches '{pattern}'", NAMES)
    goregexp._compiled.cache_clear()


def test_an_expression_stays_within_memory() -> None:
    program = """
from mlplat.argo.expressions import ExpressionError, environment, evaluate
names = environment({})
for expression in (
    "map(1..200000, string(#))",
    "reduce(1..900000, sprig.append(#acc, #), [])",
    "map(1..30, sprig.repeat(3000000, 'abcdefgh'))",
    "fromJSON(repeat('[', 900000))",
):
    try:
        evaluate(expression, names)
    except ExpressionError:
        pass
"""
    limit = 1_500_000_000

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-c", program], preexec_fn=bound, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
