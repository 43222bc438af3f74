"""Loads a file: a Python program, IR YAML, or Argo YAML."""

from __future__ import annotations

import contextlib
import re
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat import ir, manifest
from mlplat.argo import hera
from mlplat.dsl import context, undefined
from mlplat.errors import AuthoringError, Diagnostic, ManifestError, MlplatError, Source, nearest, suggestion
from mlplat.ir import PipelineSpec
from mlplat.ir.effects import without_effect
from mlplat.ir.model import Constant, Container, Importer
from mlplat.runs import hints, programs
from mlplat.runs.programs import Module, as_typed

if TYPE_CHECKING:
    from mlplat.manifest.lines import Lines

_ARGO_KINDS = (
    "Workflow",
    "WorkflowTemplate",
    "ClusterWorkflowTemplate",
    "CronWorkflow",
    "ConfigMap",
    "Secret",
)
_ELSEWHERE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:|.*\{\{|\Z")
_ENDINGS = ("py", "yaml", "yml", "json")
_OURS = str(Path(__file__).parent.parent)


class ProgramError(MlplatError):
    """The user's Python file raised; the text is its own traceback."""

    default_code = "MLP206"

    def __init__(self, text: str, diagnostics: list[Diagnostic]) -> None:
        self.text = text
        super().__init__(diagnostics)

    def __str__(self) -> str:
        return f"{self.text}{super().__str__()}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The content of a file: a pipeline, or documents for Argo.

    Attributes:
        spec: the pipeline.
        documents: those for Argo.
        warnings: warnings about the file.
        text: the YAML of the documents; empty if a program created them.
        name: the pipeline's name in its program, if that has several.
    """

    spec: PipelineSpec | None = None
    documents: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    text: str = ""
    name: str = ""


def load(place: str) -> Loaded:
    """Read a file with one pipeline or Workflow.

    Args:
        place: a path, or a module; with ``:name`` for one of several pipelines, or for a component by itself.

    Returns:
        Its content.

    Raises:
        MlplatError: it does not exist, cannot be read, raises, or has no pipeline or several.
    """
    found = load_all(place)
    if len(found) == 1:
        return found[0]
    hint = f"specify one: {', '.join(as_typed(place, one.name) for one in found)}"
    raise ManifestError(Diagnostic("MLP207", "", f"the file has {len(found)} pipelines", hint, Source(place)))


def load_all(place: str) -> list[Loaded]:
    """Read all pipelines of a file, or its documents for Argo.

    Args:
        place: a path, or a module; with ``:name`` for one of several pipelines, or for a component by itself.

    Returns:
        The pipelines that no other one calls; one item for documents.

    Raises:
        MlplatError: it does not exist, cannot be read, raises, or has no pipeline.
    """
    if isinstance(place, Module):
        module, _, name = place.partition(":")
        return _program(Module(module), name)
    path, _, name = place.rpartition(":") if ".py:" in place else (place, "", "")
    file = Path(path)
    if not file.exists():
        there = sorted(str(other) for other in file.parent.glob("*.[py]*") if other.is_file())
        hint = nearest(path, there)
        parts = place.partition(":")[0].split(".")
        if parts[-1] not in _ENDINGS and all(part.isidentifier() for part in parts):
            hint = f"{hint}; to load a module: -m {place}".removeprefix("; ")
        raise ManifestError(Diagnostic("MLP204", "", f"file '{path}' not found", hint, Source(path)))
    if file.suffix == ".py":
        return _program(file, name)
    with _of_known_kind(file):
        text = read_text(file)
        documents, warnings, booleans = manifest.read(text, path)
    if ir.is_ir(documents[0]):
        from mlplat.manifest.lines import Lines  # imports PyYAML, which programs do without

        spec, lines = ir.read(documents, path), Lines(text)
        warnings += [
            replace(one, source=Source(path, lines.line(number, one.path)))
            for number, one in without_effect(documents)
        ]
        warnings += [*_relative_paths(spec, file), *_undefined(spec, lines, path)]
        return [Loaded(spec, warnings=tuple(warnings))]
    unknown = [document for document in documents if document.get("kind") not in _ARGO_KINDS]
    if unknown or not any("Workflow" in document["kind"] for document in documents):
        kind = unknown[0].get("kind") if unknown else documents[0]["kind"]
        message = f"kind {kind!r} is not a pipeline or a Workflow"
        hint = "use Python with @dsl.pipeline, IR YAML (pipelineInfo, root), or an Argo Workflow"
        raise ManifestError(Diagnostic("MLP205", "", message, hint, Source(path)))
    return [Loaded(documents=tuple(documents), warnings=(*warnings, *booleans), text=text)]


@contextlib.contextmanager
def _of_known_kind(file: Path) -> Iterator[None]:
    """Report the supported kinds of files for a file with another extension."""
    try:
        yield
    except ManifestError as error:
        ending = file.suffix.removeprefix(".")
        if file.is_dir() or not ending or ending in _ENDINGS:
            raise
        hint = "use Python (.py), or IR YAML or Argo YAML (.yaml, .yml, .json)"
        raise ManifestError(replace(one, hint=hint) for one in error.diagnostics) from None


def read_text(file: Path) -> str:
    """Return the text of a file, without a byte order mark.

    Raises:
        ManifestError: it cannot be read, or is too large.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(manifest.LARGEST + 1)
        if len(content) > manifest.LARGEST:
            raise ManifestError(manifest.too_large(str(file)))
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(unreadable(error, str(file))) from None


def unreadable(error: OSError | UnicodeDecodeError, file: str) -> Diagnostic:
    """Return the diagnostic for a file that cannot be read, or that is not text."""
    hint = ""
    if isinstance(error, UnicodeDecodeError):
        message = f"not UTF-8: invalid byte 0x{error.object[error.start]:02x} at offset {error.start}"
        hint = "save it as UTF-8"
    elif isinstance(error, FileNotFoundError):
        message = f"file '{file}' not found"
        hint = suggestion(file, [str(other) for other in Path(file).parent.glob("*") if other.is_file()])
    elif isinstance(error, IsADirectoryError):
        message, hint = "it is a directory", "pass a file"
    else:
        message = f"it cannot be read: {error.strerror}"
    return Diagnostic("MLP204", "", message, hint, Source(file))


def _program(place: Path | Module, name: str) -> list[Loaded]:
    try:
        with context.keeping_warnings() as warnings, _running(place) as module:
            first, *others = _made_by(module, place, name)
    except AuthoringError as error:
        raise AuthoringError(_mistakes(place) or error.diagnostics) from None
    return [replace(first, warnings=(*warnings, *first.warnings)), *others]


def _mistakes(place: Path | Module) -> list[Diagnostic]:
    """Read a program again to collect the errors of all components and pipelines."""
    with context.past_errors() as errors, context.keeping_warnings() as warnings:
        try:
            with programs.silenced(), _running(place):
                pass
        except MlplatError as error:
            errors.extend(error.diagnostics)
    return [*warnings, *errors] if errors else []


@contextlib.contextmanager
def _running(place: Path | Module) -> Iterator[types.ModuleType]:
    try:
        with programs.running(place) as module:
            yield module
    except programs.RaisedError as raised:
        raise _load_error(raised.error, Source(raised.file)) from None


def _made_by(module: types.ModuleType, place: Path | Module, name: str) -> list[Loaded]:
    from mlplat.dsl import Pipeline

    file = Path(module.__file__ or "")
    made = {key: value for key, value in vars(module).items() if hera.is_hera(value)}
    if name in made or (made and not any(isinstance(value, Pipeline) for value in vars(module).values())):
        return [Loaded(documents=_made_with_hera(place, name, made))]
    found = _pipelines(module, place, name)
    loaded, told = [], set()
    for key, spec in found.items():
        warnings = [one for one in (*_relative_paths(spec, file), *_undefined(spec)) if one not in told]
        told.update(warnings)
        loaded.append(Loaded(spec, warnings=tuple(warnings), name=key if len(found) > 1 else ""))
    return loaded


def _relative_paths(spec: PipelineSpec, file: Path) -> Iterator[Diagnostic]:
    """Warn about importers with a relative path, which is relative to the folder of the task that reads it."""
    for name, executor in spec.executors.items():
        if not isinstance(executor, Importer) or not isinstance(executor.uri, Constant):
            continue
        place = str(executor.uri.value)
        if _ELSEWHERE.match(place):
            continue
        here = Path(place)
        hint = "each task runs in its own folder; use "
        hint += str(here.absolute()) if here.exists() else "an absolute path or a URI"
        message = f"the importer's data is at '{place}', a relative path"
        path = name.removeprefix("exec-")
        yield Diagnostic("MLP410", path, message, hint, Source(str(file)), severity="warning")


def _undefined(spec: PipelineSpec, lines: Lines | None = None, file: str = "") -> Iterator[Diagnostic]:
    """Warn about names that functions use, but that are not defined when they run."""
    told: set[Diagnostic] = set()
    for name, executor in spec.executors.items():
        if isinstance(executor, Container) and executor.python:
            path = f"deploymentSpec.executors.{name}"
            source = Source(file, lines.line(0, path)) if lines else None
            found = [one for one in undefined.warnings(executor.python, source) if one not in told]
            told.update(found)
            yield from found


def _made_with_hera(
    place: Path | Module, name: str, objects: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    """Return the Workflow that a program makes with hera, and its other templates."""
    documents: dict[str, dict[str, Any]] = {}
    seen = {id(objects[name])} if name else set()
    for key, value in objects.items():
        if key == name or id(value) not in seen:
            seen.add(id(value))
            documents[key] = hera.from_hera(value)
    workflows = [key for key, document in documents.items() if document["kind"] == "Workflow"]
    chosen = name or (workflows[0] if len(workflows) == 1 else "")
    if not chosen and workflows:
        hint = f"specify one: {', '.join(as_typed(place, key) for key in workflows)}"
        message = f"the file has {len(workflows)} Workflows"
        raise ManifestError(Diagnostic("MLP207", "", message, hint, Source(str(place))))
    beside = [document for key, document in documents.items() if key not in (*workflows, chosen)]
    return (*beside, documents[chosen]) if chosen else tuple(beside)


def _pipelines(module: types.ModuleType, place: Path | Module, name: str) -> dict[str, PipelineSpec]:
    """Return pipelines by their names in the program: the named one, or those that no other pipeline calls."""
    from mlplat.dsl import BaseComponent, DoWhile, Pipeline, foreign
    from mlplat.dsl.single import spec_of

    components = {key: value for key, value in vars(module).items() if isinstance(value, BaseComponent)}
    others = {key: value for key, value in vars(module).items() if foreign.is_foreign(value)}
    source = Source(str(place))
    if name:
        if name in others:
            return {name: spec_of(foreign.converted(others[name]))}
        if name not in components:
            hint = nearest(name, [*components, *others]) or "decorate a function with @dsl.pipeline"
            message = f"no pipeline or component '{name}' found"
            raise ManifestError(Diagnostic("MLP207", "", message, hint, source))
        return {name: spec_of(components[name])}
    pipelines = {key: value for key, value in components.items() if isinstance(value, Pipeline)}
    loops = {key: value for key, value in components.items() if isinstance(value, DoWhile)}
    own = {key: value for key, value in pipelines.items() if value.__module__ == module.__name__}
    candidates: dict[str, Pipeline | DoWhile] = {**loops, **(own or pipelines)}
    called = {task.component for value in candidates.values() for task in _graphs(value.spec)}
    outermost = {
        key: value for key, value in candidates.items() if f"comp-{value.name}" not in called
    } or candidates
    outermost = {key: value for key, value in outermost.items() if key in pipelines} or outermost
    if outermost:
        return {key: value.spec for key, value in outermost.items()}
    if graphs := {
        key: spec_of(foreign.converted(one)) for key, one in others.items() if foreign.is_pipeline(one)
    }:
        called = {task.component for spec in graphs.values() for task in _graphs(spec)}
        return {key: spec for key, spec in graphs.items() if f"comp-{spec.name}" not in called} or graphs
    if any(type(value).__module__.partition(".")[0] == "kfp" for value in vars(module).values()):
        raise ManifestError(Diagnostic("MLP207", "", "the program uses KFP's SDK", hints.OF_KFP, source))
    message = (
        f"no pipeline found, only {'components: ' + ', '.join(components) if components else 'other code'}"
    )
    hint = "decorate a function that calls components with @dsl.pipeline"
    if components:
        hint += f", or name one component to run it alone: {as_typed(place, next(iter(components)))}"
    raise ManifestError(Diagnostic("MLP207", "", message, hint, source))


def _graphs(spec: PipelineSpec) -> list[Any]:
    components = [spec.root, *spec.components.values()]
    return [task for component in components if component.graph for task in component.graph.tasks.values()]


def _load_error(error: BaseException, source: Source) -> MlplatError:
    """Return the error for an exception that a program raised when it was loaded."""
    place = replace(source, line=_line_in(error, source.file))
    if isinstance(error, SyntaxError):
        if error.filename and Path(error.filename).is_file():
            place = Source(error.filename, error.lineno or 0, error.offset or 0)
        message = f"not Python: {error.msg}: {(error.text or '').strip()}"
        return ManifestError(Diagnostic("MLP208", "", message, source=place))
    if isinstance(error, SystemExit):
        message = f"the file exits the program ({error!r}) when it is imported"
        hint = "move that call below: if __name__ == '__main__':"
        return ManifestError(Diagnostic("MLP206", "", message, hint, place))
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(_frames(error))
    shown.__context__ = None
    before: Sequence[Diagnostic] = ()
    if isinstance(error.__cause__, AuthoringError):  # what was wrong in the pipeline until then
        shown.__cause__, before = None, error.__cause__.diagnostics
    message = f"the file raised {type(error).__name__}: {error}"
    diagnostic = Diagnostic("MLP206", "", message, hints.hint(error), place)
    return ProgramError("".join(shown.format()), [*before, diagnostic])


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of an exception that are not this package's, nor those of the import system."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith((_OURS, "<frozen importlib"))]


def _line_in(error: BaseException, file: str) -> int:
    """Return the last line of a file in the traceback of an exception; 0 if there is none."""
    lines = [frame.lineno for frame in _frames(error) if frame.filename == file]
    return (lines[-1] if lines else 0) or 0
