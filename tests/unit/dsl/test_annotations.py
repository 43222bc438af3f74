"""Annotations that say a parameter's type in a roundabout way."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from typing_extensions import TypeAliasType

from mlplat import dsl
from mlplat.errors import AuthoringError
from mlplat.ir.model import ABSENT, ParameterType

Rate = TypeAliasType("Rate", float)
Rates = TypeAliasType("Rates", "list[Rate] | None")


@dsl.component
def taken(
    mode: Literal["fast", "slow"],
    rate: Rate,
    rates: Rates = None,
    depth: Literal[1, 2] | None = 2,
    name: Annotated[str, "how to call it"] = "x",
    old: String = "y",  # type: ignore[name-defined] # noqa: F821
) -> Literal["done", "failed"]:
    return "done"


def test_type_is_found() -> None:
    found = {name: one.type for name, one in taken.interface.input_parameters.items()}
    assert found == {
        "mode": ParameterType.STRING,
        "rate": ParameterType.NUMBER_DOUBLE,
        "rates": ParameterType.LIST,
        "depth": ParameterType.NUMBER_INTEGER,
        "name": ParameterType.STRING,
        "old": ParameterType.STRING,
    }
    assert taken.interface.required() == ["mode", "rate"]
    assert taken.interface.input_parameters["rates"].default is ABSENT
    assert taken.interface.output_parameters["Output"].type is ParameterType.STRING


def test_default_that_is_not_a_choice_is_reported() -> None:
    with pytest.raises(
        AuthoringError, match=r"MLP104: wrong\.mode: the default 'fas' is not one of 'fast', 'slow'"
    ):

        @dsl.component
        def wrong(mode: Literal["fast", "slow"] = "fas") -> None:  # type: ignore[assignment]
            pass


def test_choices_of_several_types_are_reported() -> None:
    with pytest.raises(AuthoringError, match=r"MLP102: wrong\.mode: .* is not a valid parameter type"):

        @dsl.component
        def wrong(mode: Literal["fast", 1]) -> None:
            pass
