"""Annotations of component and pipeline functions, read into the IR's interface."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeAlias, TypeVar

from mlplat.dsl import context, docstrings
from mlplat.dsl.interface import Interface
from mlplat.errors import AuthoringError, Diagnostic, Source
from mlplat.ir.model import (
    ABSENT,
    ArtifactType,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    OutputParameter,
    ParameterType,
)
from mlplat.ir.types import TYPE_NAMES, fits, json_problem
from mlplat.runtime import artifacts
from mlplat.runtime.artifacts import is_artifact_class
from mlplat.runtime.objects import PipelineTaskFinalStatus, TaskConfig

T = TypeVar("T")


class _InputMarker:
    pass


class _OutputMarker:
    pass


Input: TypeAlias = Annotated[T, _InputMarker]
"""An artifact that a component reads: ``data: Input[Dataset]``."""

Output: TypeAlias = Annotated[T, _OutputMarker]
"""An artifact that a component writes: ``model: Output[Model]``."""


class _EmbeddedMarker:
    pass


EmbeddedInput: TypeAlias = Annotated[T, _EmbeddedMarker]
"""The file or folder of ``embedded_artifact_path``: ``files: EmbeddedInput[Dataset]``; callers pass nothing."""


class InputPath:
    """The local path of an input artifact, as a string: ``data: InputPath('Dataset')``."""

    def __init__(self, type: Any = None) -> None:
        self.type = type


class OutputPath:
    """A path to write a parameter or an artifact to: ``accuracy: OutputPath(float)``."""

    def __init__(self, type: Any = None) -> None:
        self.type = type


PARAMETER_TYPES: Mapping[Any, ParameterType] = {
    PipelineTaskFinalStatus: ParameterType.TASK_FINAL_STATUS,
    TaskConfig: ParameterType.TASK_CONFIG,
    str: ParameterType.STRING,
    int: ParameterType.NUMBER_INTEGER,
    float: ParameterType.NUMBER_DOUBLE,
    bool: ParameterType.BOOLEAN,
    list: ParameterType.LIST,
    dict: ParameterType.STRUCT,
}
_PARAMETER_NAMES: Mapping[str, ParameterType] = {
    **dict.fromkeys(("str", "string", "text"), ParameterType.STRING),
    **dict.fromkeys(("int", "integer"), ParameterType.NUMBER_INTEGER),
    **dict.fromkeys(("float", "double"), ParameterType.NUMBER_DOUBLE),
    **dict.fromkeys(("bool", "boolean"), ParameterType.BOOLEAN),
    **dict.fromkeys(("list", "jsonarray"), ParameterType.LIST),
    **dict.fromkeys(("dict", "jsonobject"), ParameterType.STRUCT),
}
_ARTIFACT_NAMES: Mapping[str, Any] = {
    cls.__name__.lower(): cls for cls in artifacts.ARTIFACT_CLASSES.values()
}
_WRONG_DEFAULT = "MLP104"
_WRITE_INSTEAD = (
    "a parameter is str, int, float, bool, list or dict; an artifact is Input[Dataset], Output[Model], …; "
    "a value written to a file is OutputPath(float)"
)


def plain_function(value: Any) -> Callable[..., Any]:
    """Return the argument of a decorator if it is a function.

    Raises:
        AuthoringError: it is anything else: a class, a component, a ``functools.partial``.
    """
    if isinstance(value, types.FunctionType):
        return value
    name = getattr(value, "__name__", None) or repr(value)
    hint = "put the decorator directly above a def"
    raise AuthoringError(Diagnostic("MLP105", name, "it is not a plain function", hint, context.caller()))


def source_of(function: Callable[..., Any]) -> Source:
    """Return the file and line where a function is defined."""
    code = function.__code__
    return Source(code.co_filename, code.co_firstlineno)


def artifact_type(cls: Any) -> ArtifactType:
    """Return the IR's name of an artifact class."""
    return ArtifactType(cls.schema_title, cls.schema_version)


def named_parameter(name: str) -> ParameterType | None:
    """Return the parameter type for a type name, as in component YAML or ``OutputPath('Integer')``.

    Args:
        name: any spelling that KFP's ``type_utils`` accepts, such as ``JsonObject``, ``bool`` or ``List[str]``.

    Returns:
        The type; None if the name is that of an artifact.
    """
    if name == PipelineTaskFinalStatus.__name__:
        return ParameterType.TASK_FINAL_STATUS
    return _PARAMETER_NAMES.get(name.removeprefix("typing.").partition("[")[0].lower())


def named_artifact(name: str) -> ArtifactType:
    """Return the artifact type of a name; ``system.Artifact`` for an unknown name, as in KFP."""
    return artifact_type(_ARTIFACT_NAMES.get(name.lower(), artifacts.Artifact))


def interface(function: Callable[..., Any], *, is_pipeline: bool = False, returns: bool = True) -> Interface:
    """Read the signature of a component or pipeline function.

    Args:
        function: the function; annotations may be strings (``from __future__ import annotations``).
        is_pipeline: whether parameters become run arguments; then there are no ``Output`` parameters.
        returns: whether the return annotation declares outputs.

    Returns:
        The interface.

    Raises:
        AuthoringError: annotations are missing or not valid; all errors at once.
    """
    return _Reader(function, is_pipeline).read(returns)


class _Reader:
    def __init__(self, function: Callable[..., Any], is_pipeline: bool) -> None:
        self.function = function
        self.is_pipeline = is_pipeline
        self.namespace = namespace_of(function)
        self.problems: list[Diagnostic] = []
        self.items: dict[str, ParameterType] = {}
        self.output_items: dict[str, ParameterType] = {}
        self.paths: set[str] = set()

    def problem(self, code: str, name: str, message: str, hint: str = _WRITE_INSTEAD) -> None:
        path = f"{self.function.__name__}.{name}" if name else self.function.__name__
        self.problems.append(Diagnostic(code, path, message, hint, source_of(self.function)))

    def read(self, returns: bool) -> Interface:
        inputs: dict[str, InputParameter] = {}
        artifacts_in: dict[str, InputArtifact] = {}
        outputs: dict[str, OutputParameter] = {}
        artifacts_out: dict[str, OutputArtifact] = {}
        order: list[str] = []
        descriptions = docstrings.arguments(self.function.__doc__)
        output_descriptions = docstrings.outputs(self.function.__doc__)
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                self.problem("MLP101", name, "*args and **kwargs are not supported", "name each parameter")
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self.problem(
                    "MLP101",
                    name,
                    "it is positional-only, but arguments are passed by name",
                    "remove the / from the signature",
                )
            order.append(name)
            annotation = self.resolve(name, parameter.annotation)
            described = self.describe(name, annotation, parameter.default)
            self.refuse_default(name, described, parameter.default, annotation)
            if self.is_pipeline and isinstance(described, (OutputParameter, OutputArtifact)):
                hint = "declare it with -> Dataset (several as a NamedTuple), and return a task's output"
                self.problem("MLP102", name, "a pipeline's outputs are what it returns", hint)
            described = _described(described, descriptions, output_descriptions, name)
            match described:
                case InputParameter():
                    inputs[name] = described
                case InputArtifact():
                    artifacts_in[name] = described
                case OutputParameter():
                    outputs[name] = described
                case OutputArtifact():
                    artifacts_out[name] = described
        for name, annotation in self.returned().items() if returns else ():
            described = _described(annotation, {}, output_descriptions, name)
            if name in {**outputs, **artifacts_out}:
                self.problem(
                    "MLP103", name, f"the output '{name}' is both a parameter and returned", "rename one"
                )
            elif isinstance(described, OutputArtifact):
                artifacts_out[name] = described
            else:
                outputs[name] = described
        if all(problem.code == _WRONG_DEFAULT for problem in self.problems) and self.problems:
            context.keep(self.problems)  # the interface is whole without them
        elif self.problems:
            raise AuthoringError(self.problems)
        return Interface(
            inputs,
            artifacts_in,
            outputs,
            artifacts_out,
            tuple(order),
            {name: kind for name, kind in self.items.items() if name in inputs},
            self.output_items,
            frozenset(self.paths),
        )

    def resolve(self, name: str, annotation: Any) -> Any:
        if not isinstance(annotation, (str, typing.ForwardRef)):
            return annotation
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        try:
            return eval(text, self.namespace)
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            if named_parameter(text):
                return text
            self.problem("MLP102", name, f"the annotation '{text}' cannot be evaluated: {error}")
            return ABSENT

    def describe(
        self, name: str, annotation: Any, default: Any
    ) -> InputParameter | InputArtifact | OutputParameter | OutputArtifact | None:
        if annotation is ABSENT:
            return None
        if annotation is inspect.Parameter.empty:
            self.problem("MLP102", name, "it has no type")
            return None
        has_default = default is not inspect.Parameter.empty
        annotation, is_optional = _without_none(_aliased(annotation))
        optional = is_optional or has_default
        if annotation is OutputPath:
            annotation = OutputPath(str)
        elif annotation is InputPath:
            annotation = InputPath()
        if isinstance(annotation, (InputPath, OutputPath)):
            self.paths.add(name)
        if isinstance(annotation, OutputPath):
            return self.written(name, annotation.type)
        if isinstance(annotation, InputPath):
            return self.read_from_path(annotation.type, default, optional)
        marker = _marker(annotation)
        if marker is _EmbeddedMarker:
            return None
        if marker is _InputMarker and parameter_type(inner := self.resolve(name, _unmarked(annotation))):
            annotation = inner
        elif marker is not None:
            return self.marked(name, annotation, marker, optional)
        of, is_list = _list_of(annotation)
        if is_artifact_class(of):
            return InputArtifact(artifact_type(of), is_list, optional)
        kind = parameter_type(annotation)
        if kind is None:
            self.problem("MLP102", name, f"{_name(annotation)} is not a valid parameter type")
            return None
        if item := item_type(annotation):
            self.items[name] = item
        # Callers don't pass these: the engine fills them.
        is_given = kind in (ParameterType.TASK_FINAL_STATUS, ParameterType.TASK_CONFIG)
        return InputParameter(kind, _default(default), optional or is_given)

    def marked(
        self, name: str, annotation: Any, marker: type, optional: bool
    ) -> InputArtifact | OutputArtifact | None:
        of, is_list = _list_of(self.resolve(name, typing.get_args(annotation)[0]))
        if of is ABSENT:
            return None
        if not is_artifact_class(of):
            message = f"{marker.__name__[1:-6]}[…] expects an artifact class, got {_name(of)}"
            self.problem("MLP102", name, message)
            return None
        if marker is _InputMarker:
            return InputArtifact(artifact_type(of), is_list, optional)
        return OutputArtifact(artifact_type(of), is_list)

    def refuse_default(self, name: str, described: object, default: Any, annotation: Any) -> None:
        if default is inspect.Parameter.empty or default is None:
            return
        if not isinstance(described, InputParameter):
            if described is not None:
                self.problem(
                    _WRONG_DEFAULT,
                    name,
                    "an artifact or output can only have the default None",
                    "remove the default",
                )
        elif default not in _choices(annotation, default):
            choices = ", ".join(map(repr, _choices(annotation, default)))
            message = f"the default {default!r} is not one of {choices}"
            self.problem(_WRONG_DEFAULT, name, message, "use one of them")
        elif not fits(default, described.type):
            message = f"the default {default!r} is not of type {TYPE_NAMES[described.type]}"
            self.problem(_WRONG_DEFAULT, name, message, "use a default of the declared type")
        elif problem := json_problem(default):
            self.problem(
                _WRONG_DEFAULT,
                name,
                f"the default cannot be written as JSON: {problem}",
                "use another default",
            )

    def written(self, name: str, annotation: Any) -> OutputParameter | OutputArtifact:
        """Return the output of a path: a parameter where the type is one, else an artifact."""
        kind = parameter_type(annotation)
        if kind is None:
            return OutputArtifact(_path_type(annotation))
        if item := item_type(annotation):
            self.output_items[name] = item
        return OutputParameter(kind)

    def read_from_path(self, annotation: Any, default: Any, optional: bool) -> InputParameter | InputArtifact:
        """Return the input of a path: a parameter, whose value the file holds, where the type is one."""
        kind = parameter_type(annotation)
        if kind is None:
            return InputArtifact(_path_type(annotation), False, optional)
        return InputParameter(kind, _default(default), optional)

    def output(self, name: str, annotation: Any) -> OutputParameter | OutputArtifact | None:
        of, is_list = _list_of(_unmarked(annotation))
        if is_artifact_class(of):
            return OutputArtifact(artifact_type(of), is_list)
        kind = parameter_type(annotation)
        if kind is None:
            self.problem("MLP102", name, f"{_name(annotation)} is not a valid output type")
            return None
        if item := item_type(annotation):
            self.output_items[name] = item
        return OutputParameter(kind)

    def returned(self) -> dict[str, OutputParameter | OutputArtifact]:
        annotation = self.resolve("return", self.function.__annotations__.get("return"))
        if annotation in (None, type(None), ABSENT):
            return {}
        named = {"Output": annotation}
        if hasattr(annotation, "_fields"):
            named = getattr(annotation, "__annotations__", {})
            for field in annotation._fields:
                if field not in named:
                    self.problem(
                        "MLP102", field, "the returned field has no type", "write it as a typing.NamedTuple"
                    )
        outputs = {name: self.output(name, self.resolve(name, given)) for name, given in named.items()}
        return {name: output for name, output in outputs.items() if output is not None}


def parameter_type(annotation: Any) -> ParameterType | None:
    """Return the IR type of an annotation, or None if it is not a parameter type."""
    if isinstance(annotation, str):
        return named_parameter(annotation)
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Literal:
        kinds = {PARAMETER_TYPES.get(type(value)) for value in typing.get_args(annotation)}
        return kinds.pop() if len(kinds) == 1 else None
    if origin is typing.Annotated:
        return parameter_type(typing.get_args(annotation)[0])
    try:
        return PARAMETER_TYPES.get(origin)
    except TypeError:
        return None


def item_type(annotation: Any) -> ParameterType | None:
    """Return the IR type of the items of ``list[…]``, or None if the annotation does not declare it."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is not list or len(arguments) != 1:
        return None
    return parameter_type(arguments[0])


def namespace_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the names that the annotations of a function can use."""
    own = {
        "Input": Input,
        "Output": Output,
        "EmbeddedInput": EmbeddedInput,
        "InputPath": InputPath,
        "OutputPath": OutputPath,
    }
    own.update({cls.__name__: cls for cls in artifacts.ARTIFACT_CLASSES.values()})
    own.update({name: getattr(typing, name) for name in ("List", "Dict", "Optional", "NamedTuple", "Any")})
    closed_over = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
    frame, own_file = sys._getframe(), __file__
    around: dict[str, Any] = {}
    caller = frame.f_back
    while caller is not None:
        if caller.f_code.co_filename == function.__code__.co_filename != own_file:
            around = dict(caller.f_locals)
            break
        caller = caller.f_back
    return {**own, **function.__globals__, **around, **closed_over}


def _aliased(annotation: Any) -> Any:
    """Return what a ``type`` statement names."""
    while type(annotation).__name__ == "TypeAliasType":
        annotation = annotation.__value__
    return annotation


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return annotation, False


def _marker(annotation: Any) -> type | None:
    metadata = getattr(annotation, "__metadata__", ())
    return next(
        (marker for marker in metadata if marker in (_InputMarker, _OutputMarker, _EmbeddedMarker)), None
    )


def _unmarked(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if _marker(annotation) else annotation


def _list_of(annotation: Any) -> tuple[Any, bool]:
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is list and arguments and is_artifact_class(arguments[0]):
        return arguments[0], True
    return annotation, False


def _path_type(annotation: Any) -> ArtifactType:
    of = _unmarked(annotation)
    return artifact_type(of) if is_artifact_class(of) else named_artifact(str(of))


def _choices(annotation: Any, default: Any) -> tuple[Any, ...]:
    """Return the values that a ``Literal`` allows; just the default for another annotation."""
    plain, _ = _without_none(_aliased(annotation))
    return typing.get_args(plain) if typing.get_origin(plain) is typing.Literal else (default,)


def _default(value: Any) -> Any:
    return ABSENT if value is inspect.Parameter.empty or value is None else value


def _described(declared: Any, inputs: Mapping[str, str], outputs: Mapping[str, str], name: str) -> Any:
    """Return a declaration with its description from the docstring."""
    if declared is None:
        return None
    is_input = isinstance(declared, (InputParameter, InputArtifact))
    return replace(declared, description=(inputs if is_input else outputs).get(name, ""))


def _name(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation)
