"""Random pipelines: a strategy of hypothesis, the pipeline that each stands for, and what plain Python makes of it.

A program is a list of statements over named values. :func:`pipeline` traces it, :func:`expected` runs the same
functions in this process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, List, TypeAlias

from hypothesis import strategies as st

from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output

# ruff: noqa: UP006, UP035, PTH123 - functions of components run on Python 3.8


@dsl.component
def join(text: str, number: int) -> str:
    return f"{text}|{number}"


@dsl.component
def add(left: int, right: int) -> int:
    return left + right


@dsl.component
def measure(text: str) -> int:
    return len(text)


@dsl.component
def is_even(number: int) -> bool:
    return number % 2 == 0


@dsl.component
def pair(first: str, second: str) -> List[str]:
    return [first, second]


@dsl.component
def chain(items: List[str]) -> str:
    return "+".join(items)


@dsl.component
def wrap(text: str, number: int) -> dict:  # type: ignore[type-arg]
    return {"text": text, "number": number, "both": [text, number, number / 2, None]}


@dsl.component
def unwrap(record: dict) -> str:  # type: ignore[type-arg]
    import json

    return json.dumps(record, sort_keys=True)


@dsl.component
def store(text: str, data: Output[Dataset]) -> None:
    with open(data.path, "w", newline="") as file:
        file.write(text)
    data.metadata["note"] = text[:10]


@dsl.component
def load(data: Input[Dataset]) -> str:
    with open(data.path, newline="") as file:
        return file.read() + str(data.metadata["note"])


def _load(data: str) -> str:
    return data + data[:10]


COMPONENTS: dict[str, tuple[Any, Callable[..., Any], dict[str, str], str]] = {
    "join": (join, lambda text, number: f"{text}|{number}", {"text": "str", "number": "int"}, "str"),
    "add": (add, lambda left, right: left + right, {"left": "int", "right": "int"}, "int"),
    "measure": (measure, len, {"text": "str"}, "int"),
    "is_even": (is_even, lambda number: number % 2 == 0, {"number": "int"}, "bool"),
    "pair": (pair, lambda first, second: [first, second], {"first": "str", "second": "str"}, "list"),
    "chain": (chain, "+".join, {"items": "list"}, "str"),
    "wrap": (
        wrap,
        lambda text, number: {"text": text, "number": number, "both": [text, number, number / 2, None]},
        {"text": "str", "number": "int"},
        "dict",
    ),
    "unwrap": (unwrap, lambda record: json.dumps(record, sort_keys=True), {"record": "dict"}, "str"),
    "store": (store, lambda text: text, {"text": "str"}, "data"),
    "load": (load, _load, {"data": "data"}, "str"),
}
"""By name: the component, the same in plain Python, the types of its inputs, the type of its output."""


@dataclass(frozen=True)
class Constant:
    """A constant argument."""

    value: Any


@dataclass(frozen=True)
class Name:
    """An earlier value, or a field of an item."""

    name: str
    field: str = ""


Value: TypeAlias = Constant | Name


@dataclass(frozen=True)
class Compare:
    """A comparison of an earlier value with a constant."""

    left: Name
    operator: str
    right: Any


@dataclass(frozen=True)
class Both:
    """Two conditions joined."""

    left: Condition
    operator: str
    right: Condition


Condition: TypeAlias = Compare | Both


@dataclass(frozen=True)
class Call:
    """A call of a component."""

    result: str
    component: str
    arguments: dict[str, Value]


@dataclass(frozen=True)
class Branches:
    """``If``, ``Elif``, ``Else``: conditions, and bodies whose last value is the outcome."""

    result: str
    conditions: tuple[Condition, ...]
    bodies: tuple[tuple[Statement, ...], ...]


@dataclass(frozen=True)
class Loop:
    """A loop over a list; the last values of its body are collected."""

    result: str
    items: Value
    item: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Nested:
    """A pipeline of its own, with a text and a number as inputs; its last value is its output."""

    result: str
    text: Value
    number: Value
    body: tuple[Statement, ...]


Statement: TypeAlias = Call | Branches | Loop | Nested

ODD = (
    '{{workflow.name}} {{=1+1}} $(HOME) $$(E) $$ it\'s "q" \\n \\\\ null 1 true \t\r\n \x01 é 漢字 🎉 </script>'
    " \x7f \\u0041 \U000e0067"
)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from([*ODD.split(" "), ODD])
LARGE = st.just("$" * 6_000)
"""A text that is too large for a parameter; conditions cannot compare it, so only what measures it gets it."""

NUMBERS = st.integers(-(2**53), 2**53) | st.integers(-3, 3)


class _Names:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"v{self.count}"


Environment: TypeAlias = dict[str, str]


def _argument(draw: st.DrawFn, kind: str, known: Environment) -> Value | None:
    earlier: list[Value] = [Name(name) for name, type_of in known.items() if type_of == kind]
    earlier += [
        Name(name, field) for name, type_of in known.items() if type_of == "item" for field in _FIELDS[kind]
    ]
    if kind in ("str", "int") and (not earlier or draw(st.integers(0, 3)) == 0):
        return Constant(draw(TEXTS if kind == "str" else NUMBERS))
    return draw(st.sampled_from(earlier)) if earlier else None


_FIELDS = {"str": ["text"], "int": ["number"], "bool": [], "list": [], "dict": [], "data": []}


def _call(draw: st.DrawFn, names: _Names, known: Environment, component: str) -> Call | None:
    inputs = COMPONENTS[component][2]
    if component == "measure" and draw(st.integers(0, 3)) == 0:
        return Call(names(), component, {"text": Constant(draw(LARGE))})
    arguments = {name: _argument(draw, kind, known) for name, kind in inputs.items()}
    if any(value is None for value in arguments.values()):
        return None
    return Call(names(), component, {name: value for name, value in arguments.items() if value is not None})


def _condition(draw: st.DrawFn, known: Environment, depth: int = 0) -> Condition | None:
    if depth < 1 and draw(st.integers(0, 3)) == 0:
        first, second = _condition(draw, known, depth + 1), _condition(draw, known, depth + 1)
        return Both(first, draw(st.sampled_from("&|")), second) if first and second else None
    kind = draw(st.sampled_from(["str", "int", "bool"]))
    earlier = [Name(name) for name, type_of in known.items() if type_of == kind]
    if not earlier:
        return None
    left = draw(st.sampled_from(earlier))
    if kind == "bool":
        return Compare(left, "==", draw(st.booleans()))
    if kind == "str":
        return Compare(
            left, draw(st.sampled_from(["==", "!="])), draw(TEXTS.filter(lambda text: len(text) < 100))
        )
    return Compare(left, draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="])), draw(NUMBERS))


def _body(draw: st.DrawFn, names: _Names, known: Environment, depth: int, size: int) -> tuple[Statement, ...]:
    """Return statements of which the last one is a call that gives a text."""
    known = dict(known)
    statements: list[Statement] = []
    for _ in range(draw(st.integers(0 if depth else 1, size))):
        statement = _statement(draw, names, known, depth)
        if statement is not None:
            statements.append(statement)
            known[statement.result] = _kind(statement)
    last = _call(draw, names, known, "join")
    assert last is not None
    return (*statements, last)


def _kind(statement: Statement) -> str:
    if isinstance(statement, Call):
        return COMPONENTS[statement.component][3]
    return "list" if isinstance(statement, Loop) else "str"


def _statement(draw: st.DrawFn, names: _Names, known: Environment, depth: int) -> Statement | None:
    kind = draw(
        st.sampled_from(["call", "call", "call", "branches", "loop", "nested"] if depth < 2 else ["call"])
    )
    if kind == "branches":
        conditions = [_condition(draw, known) for _ in range(draw(st.integers(1, 2)))]
        if any(one is None for one in conditions):
            return None
        bodies = [_body(draw, names, known, depth + 1, 2) for _ in range(len(conditions) + 1)]
        return Branches(names(), tuple(one for one in conditions if one), tuple(bodies))
    if kind == "loop":
        item = names()
        items = _argument(draw, "list", known)
        of = "str"
        if items is None or draw(st.booleans()):
            of = draw(st.sampled_from(["str", "item"]))
            records = st.fixed_dictionaries({"text": TEXTS, "number": NUMBERS})
            items = Constant(draw(st.lists(TEXTS if of == "str" else records, min_size=1, max_size=2)))
        return Loop(names(), items, item, _body(draw, names, {**known, item: of}, depth + 1, 2))
    if kind == "nested":
        text, number = _argument(draw, "str", known), _argument(draw, "int", known)
        assert text is not None
        assert number is not None
        return Nested(
            names(), text, number, _body(draw, names, {"text": "str", "number": "int"}, depth + 1, 2)
        )
    return _call(draw, names, known, draw(st.sampled_from(sorted(COMPONENTS))))


@st.composite
def programs(draw: st.DrawFn, size: int = 5) -> tuple[Statement, ...]:
    """Draw a program of at most ``size`` statements at its top, which knows a ``text`` and a ``number``."""
    return _body(draw, _Names(), {"text": "str", "number": "int"}, 0, size)


def pipeline(program: tuple[Statement, ...]) -> dsl.Pipeline:
    """Return the pipeline that a program stands for; its output is the program's last value."""

    return _pipeline(program, "random-pipeline")


def _pipeline(body: tuple[Statement, ...], name: str) -> dsl.Pipeline:
    inner = {one.result: _pipeline(one.body, f"inner-{one.result}") for one in _nested(body)}

    def traced(text: str, number: int) -> str:
        return _trace(body, {"text": text, "number": number, **inner})  # type: ignore[no-any-return]

    return dsl.pipeline(name=name)(traced)


def _nested(body: tuple[Statement, ...]) -> Iterator[Nested]:
    """Give the pipelines that a body calls; they must be there before it is traced."""
    for statement in body:
        if isinstance(statement, Nested):
            yield statement
        elif isinstance(statement, Loop):
            yield from _nested(statement.body)
        elif isinstance(statement, Branches):
            for one in statement.bodies:
                yield from _nested(one)


def _trace(body: tuple[Statement, ...], known: dict[str, Any]) -> Any:
    known = dict(known)
    for statement in body:
        known[statement.result] = _traced(statement, known)
    return known[body[-1].result]


def _given(value: Value, known: dict[str, Any]) -> Any:
    if isinstance(value, Constant):
        return value.value
    return getattr(known[value.name], value.field) if value.field else known[value.name]


def _traced(statement: Statement, known: dict[str, Any]) -> Any:
    if isinstance(statement, Call):
        arguments = {name: _given(value, known) for name, value in statement.arguments.items()}
        return COMPONENTS[statement.component][0](**arguments).output
    if isinstance(statement, Nested):
        inner = known[statement.result]
        return inner(text=_given(statement.text, known), number=_given(statement.number, known)).output
    if isinstance(statement, Loop):
        with dsl.ParallelFor(_given(statement.items, known)) as item:
            last = _trace(statement.body, {**known, statement.item: item})
        return dsl.Collected(last)
    outcomes = []
    for number, body in enumerate(statement.bodies):
        if number == len(statement.conditions):
            region: Any = dsl.Else()
        else:
            kind = dsl.Elif if number else dsl.If
            region = kind(_compared(statement.conditions[number], known))
        with region:
            outcomes.append(_trace(body, known))
    return dsl.OneOf(*outcomes)


def _compared(condition: Condition, known: dict[str, Any]) -> Any:
    if isinstance(condition, Both):
        left, right = _compared(condition.left, known), _compared(condition.right, known)
        return left & right if condition.operator == "&" else left | right
    return _OPERATORS[condition.operator](known[condition.left.name], condition.right)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def expected(program: tuple[Statement, ...], text: str, number: int) -> str:
    """Return what plain Python gives for a program's last value."""
    value: str = _run(program, {"text": text, "number": number})
    return value


def _run(body: tuple[Statement, ...], known: dict[str, Any]) -> Any:
    known = dict(known)
    for statement in body:
        known[statement.result] = _ran(statement, known)
    return known[body[-1].result]


def _value(value: Value, known: dict[str, Any]) -> Any:
    if isinstance(value, Constant):
        return value.value
    return known[value.name][value.field] if value.field else known[value.name]


def _ran(statement: Statement, known: dict[str, Any]) -> Any:
    if isinstance(statement, Call):
        arguments = {name: _value(value, known) for name, value in statement.arguments.items()}
        function = COMPONENTS[statement.component][1]
        return function(*arguments.values())
    if isinstance(statement, Nested):
        given = {"text": _value(statement.text, known), "number": _value(statement.number, known)}
        return _run(statement.body, given)
    if isinstance(statement, Loop):
        items = _value(statement.items, known)
        return [_run(statement.body, {**known, statement.item: item}) for item in items]
    for condition, body in zip(statement.conditions, statement.bodies, strict=False):
        if _holds(condition, known):
            return _run(body, known)
    return _run(statement.bodies[-1], known)


def _holds(condition: Condition, known: dict[str, Any]) -> bool:
    if isinstance(condition, Both):
        left, right = _holds(condition.left, known), _holds(condition.right, known)
        return left and right if condition.operator == "&" else left or right
    return bool(_OPERATORS[condition.operator](known[condition.left.name], condition.right))
