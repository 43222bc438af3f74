"""Components that are a container: any image, and a command line with placeholders for inputs and outputs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplat.dsl import docstrings, signatures
from mlplat.dsl.broken import unless_wrong
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.interface import Interface
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import Container, InputArtifact, OutputArtifact


class Placeholder:
    """A placeholder in a command line for a runtime value; f-strings may contain it.

    Args:
        path: steps after ``{{$``, as KFP writes them.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"{{{{${self._path}}}}}"

    def __repr__(self) -> str:
        return str(self)


class Metadata(Placeholder):
    """The metadata of an artifact: all as JSON, or one value by its name."""

    def __getitem__(self, name: str) -> Placeholder:
        return Placeholder(f"{self._path}['{name}']")


class ArtifactPlaceholder(Placeholder):
    """An artifact in a command line: its ``path``, ``uri``, ``name`` and ``metadata``."""

    @property
    def path(self) -> Placeholder:
        """The local path of its bytes."""
        return Placeholder(f"{self._path}.path")

    @property
    def uri(self) -> Placeholder:
        """Where its bytes are; the local path if they are in the run's artifact store."""
        return Placeholder(f"{self._path}.uri")

    @property
    def name(self) -> Placeholder:
        """Its name."""
        return Placeholder(f"{self._path}.name")

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        return Metadata(f"{self._path}.metadata")


CommandPart: TypeAlias = "str | Placeholder | ConcatPlaceholder | IfPresentPlaceholder"


class ConcatPlaceholder:
    """One element of a command line, put together from several.

    Args:
        items: strings, placeholders, and ``IfPresentPlaceholder``s of one element.
    """

    def __init__(self, items: Sequence[CommandPart]) -> None:
        self.items = list(items)

    def structure(self) -> Any:
        """Return it as the IR has it."""
        return {"Concat": [_structure(item) for item in self.items]}

    def __str__(self) -> str:
        return json.dumps(self.structure())


class IfPresentPlaceholder:
    """Elements of a command line that are used only if an input has a value.

    Args:
        input_name: the input.
        then: the element or elements if it has.
        else_: the elements otherwise; none by default.
    """

    def __init__(
        self,
        input_name: str,
        then: CommandPart | Sequence[CommandPart],
        else_: CommandPart | Sequence[CommandPart] | None = None,
    ) -> None:
        self.input_name = input_name
        self.then = then
        self.otherwise = else_

    def structure(self) -> Any:
        """Return it as the IR has it."""
        found: dict[str, Any] = {"InputName": self.input_name, "Then": _elements(self.then)}
        if self.otherwise:
            found["Else"] = _elements(self.otherwise)
        return {"IfPresent": found}

    def __str__(self) -> str:
        return json.dumps(self.structure())


def _structure(part: CommandPart) -> Any:
    return part.structure() if isinstance(part, (ConcatPlaceholder, IfPresentPlaceholder)) else str(part)


def _elements(value: CommandPart | Sequence[CommandPart]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_structure(item) for item in value]
    return _structure(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ContainerSpec:
    """What a container component runs.

    Attributes:
        image: the image.
        command: its command: strings and placeholders.
        args: its arguments: strings and placeholders.
    """

    image: str
    command: Sequence[CommandPart] | None = None
    args: Sequence[CommandPart] | None = None


class ContainerComponent(BaseComponent):
    """A container that runs as a task.

    Attributes:
        python_func: the function that returned its :class:`ContainerSpec`.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        func = signatures.plain_function(func)
        interface = signatures.interface(func, returns=False)
        spec = func(**_placeholders(interface))
        if not isinstance(spec, ContainerSpec):
            message = f"it returned {spec!r}, not a dsl.ContainerSpec"
            hint = "return dsl.ContainerSpec(image=..., command=[...], args=[...])"
            raise AuthoringError(
                Diagnostic("MLP108", func.__name__, message, hint, signatures.source_of(func))
            )
        container = Container(
            image=str(spec.image),
            command=tuple(map(str, _listed(spec.command))),
            args=tuple(map(str, _listed(spec.args))),
        )
        super().__init__(sanitized(func.__name__), interface, executor=container)
        functools.update_wrapper(self, func)
        self.python_func = func
        self.description = docstrings.summary(func.__doc__)


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _placeholders(interface: Interface) -> dict[str, Any]:
    """Return the arguments of a function: a placeholder for each input and output."""
    placeholders: dict[str, Any] = {}
    declared = {
        **interface.input_parameters,
        **interface.input_artifacts,
        **interface.output_parameters,
        **interface.output_artifacts,
    }
    for name, spec in declared.items():
        if isinstance(spec, (InputArtifact, OutputArtifact)):
            side = "inputs" if isinstance(spec, InputArtifact) else "outputs"
            artifact = ArtifactPlaceholder(f".{side}.artifacts['{name}']")
            placeholders[name] = artifact.path if name in interface.paths else artifact
        elif name in interface.output_parameters:
            placeholders[name] = Placeholder(f".outputs.parameters['{name}'].output_file")
        else:
            placeholders[name] = Placeholder(f".inputs.parameters['{name}']")
    return placeholders


def container_component(func: Callable[..., Any]) -> ContainerComponent:
    """Make a component of a container.

    Args:
        func: returns a :class:`ContainerSpec`; called once, when the component is defined, with placeholders for its
            inputs and outputs.

    Returns:
        The component; call it inside a pipeline.

    Raises:
        AuthoringError: an annotation is not valid, or the function returns something else.
    """
    return unless_wrong(lambda: ContainerComponent(func), func)
