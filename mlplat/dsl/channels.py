"""Values that exist only when the pipeline runs, and conditions over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import ArtifactType, ParameterType

if TYPE_CHECKING:
    from mlplat.dsl.groups import ParallelFor
    from mlplat.dsl.task import PipelineTask


class Condition:
    """A truth value of the run: comparisons, joined by ``&``, ``|`` and ``~``.

    Python's ``and``, ``or``, ``not`` and ``if`` ask for the truth now, when there is none yet; they raise.
    """

    def __and__(self, other: Condition) -> Condition:
        return Joined("&&", self, _condition(other))

    def __or__(self, other: Condition) -> Condition:
        return Joined("||", self, _condition(other))

    def __invert__(self) -> Condition:
        return Negated(self)

    def __bool__(self) -> NoReturn:
        raise AuthoringError(
            Diagnostic(
                "MLP110",
                "",
                "a condition over values of the run has no truth yet when the pipeline is written",
                "join conditions with & | ~ (each comparison in parentheses), and branch with dsl.If",
            )
        )


@dataclass(frozen=True, eq=False, slots=True)
class Comparison(Condition):
    """``left operator right``; either side may be a constant."""

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


def _condition(value: Any) -> Condition:
    if isinstance(value, Condition):
        return value
    if isinstance(value, Channel):
        return value == True  # noqa: E712
    raise AuthoringError(
        Diagnostic(
            "MLP111",
            "",
            f"{value!r} is no condition over values of the run",
            "compare a task's output or a pipeline's parameter: task.output > 0.8",
        )
    )


class Channel:
    """A value that a run will have: a pipeline's parameter, a task's output, a loop's item.

    Attributes:
        name: of the parameter or output.
        type: a parameter's type, or an artifact's.
        producer: the task that gives it, the loop whose item it is, or None for the pipeline's parameter.
        is_list: whether it is a list of artifacts.
        selector: fields to take of it, one after another.
    """

    __slots__ = ("is_list", "name", "producer", "selector", "type")

    def __init__(
        self,
        name: str,
        type: ParameterType | ArtifactType,
        producer: PipelineTask | ParallelFor | None = None,
        is_list: bool = False,
        selector: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.type = type
        self.producer = producer
        self.is_list = is_list
        self.selector = selector

    def __eq__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison("==", self, other)

    def __ne__(self, other: object) -> Comparison:  # type: ignore[override]
        return Comparison("!=", self, other)

    def __lt__(self, other: Any) -> Comparison:
        return Comparison("<", self, other)

    def __le__(self, other: Any) -> Comparison:
        return Comparison("<=", self, other)

    def __gt__(self, other: Any) -> Comparison:
        return Comparison(">", self, other)

    def __ge__(self, other: Any) -> Comparison:
        return Comparison(">=", self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        raise AuthoringError(
            Diagnostic(
                "MLP110",
                self.name,
                "the value has no truth yet when the pipeline is written",
                "branch with dsl.If, and compare: dsl.If(value == 'yes')",
            )
        )

    def __str__(self) -> NoReturn:
        raise AuthoringError(
            Diagnostic(
                "MLP112",
                self.name,
                "the value is not there yet when the pipeline is written, so it can't be put into a text",
                "give it to a component as an argument, and build the text there",
            )
        )

    def __format__(self, specification: str) -> NoReturn:
        self.__str__()

    def __repr__(self) -> str:
        return f"<{self.name} of {getattr(self.producer, 'name', 'the pipeline')}>"


class LoopItem(Channel):
    """The item of a loop; ``item.field`` is a field of it."""

    __slots__ = ()

    def __getattr__(self, field: str) -> LoopItem:
        if field.startswith("__"):
            raise AttributeError(field)
        return LoopItem(self.name, ParameterType.STRING, self.producer, False, (*self.selector, field))
