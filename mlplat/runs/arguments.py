"""Reads arguments of a pipeline: ``NAME=VALUE``, and files of values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat import manifest
from mlplat.argo import names
from mlplat.canonical import read_json
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.ir.model import InputParameter, ParameterType
from mlplat.ir.types import TYPE_NAMES, fits
from mlplat.runs.load import unreadable


def check_name(name: str, limit: int = names.LONGEST_WORKFLOW) -> None:
    """Refuse a name of a run or resource that is not valid in Kubernetes; an empty name is valid.

    Raises:
        ArgumentError: it is not valid; the hint has a valid name.
    """
    fit = names.dns_label(name, limit)
    if name and name != fit:
        message = f"not a valid name: use lower-case letters, digits and '-' between them, at most {limit} characters"
        raise ArgumentError(Diagnostic("MLP417", name, message, f"--name {fit}"))


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values for the parameters of a pipeline, as a person typed them.

    Attributes:
        words: ``NAME=VALUE`` each.
        files: YAML or JSON files of values by name; words have precedence.
    """

    words: Sequence[str] = ()
    files: Sequence[str] = ()

    def values(self, parameters: Mapping[str, InputParameter] | None) -> dict[str, Any]:
        """Return the values by name.

        Args:
            parameters: the pipeline's, for the types; None to keep strings.

        Raises:
            ArgumentError: a word has no ``=``, a name is repeated, or a value is not of the declared type; all at
                once.
        """
        problems: list[Diagnostic] = []
        values: dict[str, Any] = {}
        for file in self.files:
            values.update(_file(file))
        names: set[str] = set()
        for word in self.words:
            name, equals, text = word.partition("=")
            if not equals:
                problems.append(Diagnostic("MLP406", "", f"-p {word} has no '='", "write -p NAME=VALUE"))
            elif _is_no_text(word):
                message = f"-p {name!a}: the value is not valid UTF-8"
                problems.append(
                    Diagnostic("MLP403", "", message, "write the value into a file, and pass its path")
                )
            elif name in names:
                problems.append(Diagnostic("MLP405", "", f"parameter '{name}' is set twice", "set it once"))
            else:
                names.add(name)
                kind = parameters[name].type if parameters and name in parameters else ParameterType.STRING
                try:
                    values[name] = typed(text, kind)
                except ValueError:
                    message = f"parameter '{name}': {text!r} is not a valid {TYPE_NAMES[kind]}"
                    problems.append(Diagnostic("MLP403", "", message, _EXAMPLES[kind]))
        if problems:
            raise ArgumentError(problems)
        return values


_EXAMPLES = {
    ParameterType.NUMBER_INTEGER: "use an integer, such as 3",
    ParameterType.NUMBER_DOUBLE: "use a number, such as 0.5",
    ParameterType.BOOLEAN: "use true or false",
    ParameterType.LIST: "use a JSON list, such as '[1, 2]'",
    ParameterType.STRUCT: "use a JSON object, such as '{\"key\": 1}'",
}


def check_kept(values: Mapping[str, Any], parameters: Mapping[str, InputParameter], run: str) -> None:
    """Refuse values of an earlier run that the pipeline no longer accepts.

    Args:
        values: by name.
        parameters: the pipeline's.
        run: name of the earlier run.

    Raises:
        ArgumentError: a value is of another type than the parameter; all at once.
    """
    problems = [
        _changed_type(name, value, parameters[name].type, run)
        for name, value in values.items()
        if not (fits(value, parameters[name].type) or (value is None and parameters[name].optional))
    ]
    if problems:
        raise ArgumentError(problems)


def _changed_type(name: str, value: Any, kind: ParameterType, run: str) -> Diagnostic:
    had = "had no value" if value is None else f"was {value!r}"
    message = f"parameter '{name}' is declared {TYPE_NAMES[kind]}, but {had} in the run {run}"
    return Diagnostic(
        "MLP403", "", message, f"set it again: -p {name}=VALUE; {_EXAMPLES.get(kind, 'use a string')}"
    )


def typed(text: str, kind: ParameterType) -> Any:
    """Turn typed text into a value of a type.

    Raises:
        ValueError: the string is not a value of the type.
    """
    match kind:
        case ParameterType.NUMBER_INTEGER:
            return int(text)
        case ParameterType.NUMBER_DOUBLE:
            number = float(text)
            return number if math.isfinite(number) else _no(text)
        case ParameterType.BOOLEAN:
            return (
                {"true": True, "false": False}[text.lower()]
                if text.lower() in ("true", "false")
                else _no(text)
            )
        case ParameterType.LIST | ParameterType.STRUCT:
            value = read_json(text)
            return value if isinstance(value, list if kind is ParameterType.LIST else dict) else _no(text)
    return text


def _is_no_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return True
    return False


def _no(text: str) -> Any:
    raise ValueError(text)


def _file(path: str) -> dict[str, Any]:
    file = Path(path)
    try:
        with file.open("rb") as opened:
            text = opened.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(unreadable(error, path)) from None
    return manifest.load(text, path)[0]
