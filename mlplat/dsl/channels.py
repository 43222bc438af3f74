"""Values that exist only when the pipeline runs, and conditions over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from mlplat.dsl import context
from mlplat.dsl.nodes import GraphNode, Group
from mlplat.errors import AuthoringError, Diagnostic, nearest
from mlplat.ir.model import ArtifactType, ParameterType
from mlplat.ir.types import TYPE_NAMES


def _refused(code: str, path: str, message: str, hint: str) -> AuthoringError:
    return AuthoringError(Diagnostic(code, path, message, hint, context.caller()))


class Condition:
    """A boolean that is known when the pipeline runs: comparisons, joined by ``&``, ``|`` and ``~``.

    Python's ``and``, ``or``, ``not`` and ``if`` need the value earlier, so they raise :class:`AuthoringError`.
    """

    def __and__(self, other: Any) -> Condition:
        return Joined("&&", self, condition(other))

    def __or__(self, other: Any) -> Condition:
        return Joined("||", self, condition(other))

    def __invert__(self) -> Condition:
        return Negated(self)

    def __bool__(self) -> NoReturn:
        message = "a condition has no value until the pipeline runs"
        hint = "combine conditions with & | ~ (put each comparison in parentheses), and branch with dsl.If"
        raise _refused("MLP110", "", message, hint)


@dataclass(frozen=True, eq=False, slots=True)
class Comparison(Condition):
    """``left operator right``; one side is a channel, the other a channel or constant."""

    operator: str
    left: Any
    right: Any


@dataclass(frozen=True, eq=False, slots=True)
class Joined(Condition):
    """``left && right`` or ``left || right``."""

    operator: str
    left: Condition
    right: Condition


@dataclass(frozen=True, eq=False, slots=True)
class Negated(Condition):
    """``!condition``."""

    condition: Condition


def condition(value: Any) -> Condition:
    """Return a condition as it is; compare a runtime value with True.

    Raises:
        AuthoringError: it is neither a condition nor a runtime value.
    """
    if isinstance(value, Condition):
        return value
    plain = channel_of(value)
    if isinstance(plain, Channel):
        is_number = plain.type in (ParameterType.NUMBER_INTEGER, ParameterType.NUMBER_DOUBLE)
        if not is_number or _is_untyped(plain):
            return _compared("==", plain, True)
        message = f"'{plain.name}' is of type {_type_name(plain)}; dsl.If needs a comparison"
        hint = f"compare it: {plain.name} > 0"
        context.report(Diagnostic("MLP111", plain.name, message, hint, context.caller()))
        return Comparison("==", plain, True)
    message = f"{value!r} is not a condition on runtime values"
    raise _refused(
        "MLP111", "", message, "compare a task's output or a pipeline parameter: task.output > 0.8"
    )


def channel_of(value: Any) -> Any:
    """Return the runtime value that an object represents, such as the only output of a task, or the object itself."""
    return value.__channel__ if isinstance(value, Deferred) else value


def _compared(operator: str, left: Any, right: Any) -> Comparison:
    sides = channel_of(left), channel_of(right)
    for path, message, hint in _problems(*sides):
        context.report(Diagnostic("MLP111", path, message, hint, context.caller()))
    return Comparison(operator, *sides)


def _problems(left: Any, right: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the errors of a comparison: place, message and hint."""
    for side in (left, right):
        if isinstance(side, Channel):
            if isinstance(side.type, ArtifactType) or side.type in (ParameterType.LIST, ParameterType.STRUCT):
                message = f"'{side.name}' is of type {_type_name(side)}, which cannot be compared"
                hint = "compare a string, number or boolean, such as the output of a component that reads it"
                yield side.name, message, hint
                return
        elif isinstance(side, str) and context.holds_marks(side):
            message = "a string that contains a runtime value cannot be compared"
            yield "", message, "build the string in a component, and compare its output"
            return
        elif not isinstance(side, (str, int, float)) or (isinstance(side, float) and not math.isfinite(side)):
            yield "", f"{side!r} cannot be compared", "compare with a string, a number, True or False"
            return
    if problem := _unlike(left, right):
        yield "", problem, "compare it with a value of its type, or change the declared type"


def _unlike(left: Any, right: Any) -> str:
    """Return why a value cannot be compared with a constant of another type; empty if it can."""
    for channel, constant in ((left, right), (right, left)):
        if not isinstance(channel, Channel) or isinstance(constant, Channel) or _is_untyped(channel):
            continue
        kind = channel.type
        if isinstance(kind, ParameterType) and type(constant) not in _COMPARED.get(kind, (type(constant),)):
            return f"'{channel.name}' is of type {TYPE_NAMES[kind]} and cannot be compared with {constant!r}"
    return ""


def _type_name(channel: Channel) -> str:
    kind = channel.type
    return kind.schema_title if isinstance(kind, ArtifactType) else TYPE_NAMES[kind]


def _is_untyped(channel: Channel) -> bool:
    return isinstance(channel, Item)


_COMPARED: dict[ParameterType, tuple[type, ...]] = {
    ParameterType.NUMBER_INTEGER: (int, float),
    ParameterType.NUMBER_DOUBLE: (int, float),
    ParameterType.BOOLEAN: (bool,),
}
"""Types that values of a declared type are compared with; any, for strings: components without types return strings."""


class Deferred:
    """An object that represents a runtime value: Python cannot compute with it."""

    __slots__ = ()

    @property
    def __channel__(self) -> Channel:
        """The runtime value."""
        raise NotImplementedError


def _not_yet(what: str) -> Callable[..., NoReturn]:
    def refusing(self: Deferred, *others: Any) -> NoReturn:
        name = channel_of(self).name
        message = f"it has no value until the pipeline runs, so {what}"
        hint = "compute it in a component, and use its output"
        if any(isinstance(other, str) for other in others):
            hint = f"put it into a string: f'…{{{name}}}…'; or compute it in a component"
        raise _refused("MLP112", name, message, hint)

    return refusing


_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "divmod": "divmod()",
    "pow": "**",
    "matmul": "@",
    "lshift": "<<",
    "rshift": ">>",
}
_ASKED = {
    "neg": "it cannot be used with '-'",
    "pos": "it cannot be used with '+'",
    "abs": "abs() cannot be called on it",
    "round": "round() cannot be called on it",
    "len": "len() cannot be called on it",
    "int": "it cannot be converted to int",
    "index": "it cannot be used as an index",
    "float": "it cannot be converted to float",
    "complex": "it cannot be converted to complex",
    "getitem": "it cannot be indexed",
}
for _name, _sign in _OPERATORS.items():
    setattr(Deferred, f"__{_name}__", _not_yet(f"it cannot be used with '{_sign}'"))
    setattr(Deferred, f"__r{_name}__", _not_yet(f"it cannot be used with '{_sign}'"))
for _name, _what in _ASKED.items():
    setattr(Deferred, f"__{_name}__", _not_yet(_what))


class Comparable(Deferred):
    """A runtime value that can be compared; comparisons return conditions."""

    __slots__ = ()

    def __eq__(self, other: object) -> Comparison:  # type: ignore[override]
        return _compared("==", self, other)

    def __ne__(self, other: object) -> Comparison:  # type: ignore[override]
        return _compared("!=", self, other)

    def __lt__(self, other: Any) -> Comparison:
        return _compared("<", self, other)

    def __le__(self, other: Any) -> Comparison:
        return _compared("<=", self, other)

    def __gt__(self, other: Any) -> Comparison:
        return _compared(">", self, other)

    def __ge__(self, other: Any) -> Comparison:
        return _compared(">=", self, other)

    def __and__(self, other: Any) -> Condition:
        return Joined("&&", condition(self), condition(other))

    def __or__(self, other: Any) -> Condition:
        return Joined("||", condition(self), condition(other))

    def __invert__(self) -> Condition:
        return ~condition(self)

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        message = "it has no value until the pipeline runs"
        hint = "branch with dsl.If, and compare: dsl.If(value == 'yes')"
        raise _refused("MLP110", channel_of(self).name, message, hint)

    def __iter__(self) -> NoReturn:
        message = "it has no value until the pipeline runs, so Python cannot loop over it"
        raise _refused("MLP112", channel_of(self).name, message, "use: with dsl.ParallelFor(values) as value")

    def __contains__(self, item: object) -> NoReturn:
        message = "it has no value until the pipeline runs, so Python's 'in' cannot be used"
        hint = "use: dsl.If(value.is_in(['a', 'b']))"
        raise _refused("MLP110", channel_of(self).name, message, hint)

    def is_in(self, values: Iterable[Any]) -> Condition:
        """Compare with several constants: true if the value equals one of them.

        Args:
            values: strings, numbers or booleans; at least one.

        Raises:
            AuthoringError: the list is empty, or a value cannot be compared.
        """
        found: Condition | None = None
        for value in values:
            one = _compared("==", self, value)
            found = one if found is None else found | one
        if found is None:
            hint = "pass at least one value"
            raise _refused("MLP111", channel_of(self).name, "the list of values is empty", hint)
        return found

    def __str__(self) -> str:
        """Return a mark for use in strings; the value replaces it when the pipeline runs."""
        return context.tracing(channel_of(self).name).mark(channel_of(self))

    def __format__(self, specification: str) -> str:
        if specification:
            message = f"it has no value until the pipeline runs, so ':{specification}' cannot format it"
            hint = "remove the format, or build the string in a component"
            raise _refused("MLP112", channel_of(self).name, message, hint)
        return str(self)


class Channel(Comparable):
    """A value that a run will have: a pipeline's parameter, a task's output, a loop's item.

    Attributes:
        name: of the parameter or output.
        type: a parameter's type, or an artifact's.
        producer: the task, or the group that passes an output of its tasks on; None for the pipeline's parameter.
        is_list: whether it is a list of artifacts.
        item_type: the type of a list's items, where its declaration says it.
        is_collected: whether it is the list of the outputs of all iterations of the loops around its task.
    """

    __slots__ = ("is_collected", "is_list", "item_type", "name", "producer", "type")

    def __init__(
        self,
        name: str,
        type: ParameterType | ArtifactType,
        producer: GraphNode | None = None,
        is_list: bool = False,
        item_type: ParameterType | None = None,
        is_collected: bool = False,
    ) -> None:
        self.name = name
        self.type = type
        self.producer = producer
        self.is_list = is_list
        self.item_type = item_type
        self.is_collected = is_collected

    def __repr__(self) -> str:
        return f"<{self.name} of {self.producer_name}>"

    @property
    def __channel__(self) -> Channel:
        return self

    @property
    def producer_name(self) -> str:
        """The producer's name, for messages."""
        return self.producer.name if self.producer is not None else "the pipeline"

    @property
    def is_output(self) -> bool:
        """Whether a task makes it: it has no value if the task fails or is skipped."""
        return self.producer is not None

    @property
    def input_name(self) -> str:
        """Name of the input through which a group reads it, as KFP names it."""
        producer = f"{self.producer.name}-" if self.producer is not None else ""
        return f"pipelinechannel--{producer}{self.name}"


class Item(Channel):
    """The item of a loop, or a field of it.

    Attributes:
        loop: the loop.
        fields: path of field names, from the item.
        constants: its value in each iteration, for a loop over constants; None for other loops.
    """

    __slots__ = ("constants", "fields", "loop")

    def __init__(
        self,
        name: str,
        type: ParameterType | ArtifactType,
        loop: Group,
        constants: list[Any] | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, type, loop)
        self.loop = loop
        self.constants = constants
        self.fields = fields

    @property
    def is_output(self) -> bool:
        """False: a loop has its items before it starts."""
        return False

    @property
    def input_name(self) -> str:
        """Name of the input through which a group inside of the loop reads it."""
        return "-subvar-".join((self.name, *self.fields))

    def field(self, name: str) -> Item:
        """Return a field as a string, because its type is not known."""
        constants = None if self.constants is None else [_field(item, name) for item in self.constants]
        return Item(self.name, ParameterType.STRING, self.loop, constants, (*self.fields, name))


ABSENT = object()
"""Value of a field in an iteration whose item does not have it."""


def _field(value: Any, name: str) -> Any:
    return value.get(name, ABSENT) if isinstance(value, dict) else ABSENT


class LoopItem(Comparable):
    """The item of a loop; ``item.field`` and ``item["field"]`` select a field."""

    __slots__ = ("__item",)  # private to the class, so that no name of a field is hidden

    def __init__(self, item: Item) -> None:
        self.__item = item

    @property
    def __channel__(self) -> Channel:
        return self.__item

    def __getattr__(self, field: str) -> LoopItem:
        if field.startswith("__"):
            raise AttributeError(field)
        return self[field]

    def __getitem__(self, field: Any) -> LoopItem:
        item = self.__item
        if not isinstance(field, str):
            message = f"{field!r} is not a field name; items of a list cannot be selected"
            raise _refused(
                "MLP112", item.name, message, "pass the whole item to a component, and select from it there"
            )
        for number, one in enumerate(item.constants or (), start=1):
            if one is not ABSENT and _field(one, field) is ABSENT:
                fields = [name for name in one if isinstance(name, str)] if isinstance(one, dict) else []
                message = f"item {number} of the loop has no field '{field}': {one!r}"
                hint = nearest(field, fields) or "add the field to each item"
                context.report(Diagnostic("MLP120", "dsl.ParallelFor", message, hint, context.caller()))
                break
        return LoopItem(item.field(field))

    def __repr__(self) -> str:
        return repr(self.__channel__)
