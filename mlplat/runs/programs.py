"""Runs a user's Python program as a module, and restores the state of this process."""

from __future__ import annotations

import contextlib
import importlib.util
import linecache
import os
import sys
import types
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from mlplat.errors import Diagnostic, ManifestError, MlplatError, Source, nearest


class RaisedError(Exception):
    """A program raised while it was read.

    Attributes:
        file: the program's file, or the module that was not found.
        error: the exception.
    """

    def __init__(self, file: str, error: BaseException) -> None:
        self.file = file
        self.error = error
        super().__init__(file)


class Module(str):
    """A module, as ``-m`` names it; its string is ``-m team.pipe`` or ``-m team.pipe:pipeline``."""

    __slots__ = ()

    @classmethod
    def of(cls, name: str) -> Module:
        """Return the module of the argument after ``-m``."""
        return cls(f"-m {name}")

    @property
    def dotted(self) -> str:
        """Its name without the option."""
        return self.removeprefix("-m ")


def as_typed(place: str | Path, name: str = "") -> str:
    """Return a file or module as shell arguments.

    Args:
        place: the file or module.
        name: of a pipeline or component in it.
    """
    named = f"{place}:{name}" if name else str(place)
    return f"-m {quote(Module(named).dotted)}" if isinstance(place, Module) else quote(named)


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """A program, with the settings to import it.

    Attributes:
        file: its file, as the user names it.
        name: its ``__name__``.
        package: the package that its relative imports start from; empty for a program outside of any.
        entries: folders that are searched first for its imports.
    """

    file: Path
    name: str
    package: str
    entries: tuple[str, ...]


def of_file(file: Path) -> ProgramFile:
    """Return the settings to import a file: in its package, or by itself.

    Its own folder comes first, as for ``python FILE``, then the folder that its package is in, then the working
    directory. Outside of a package, relative imports start from its folder's path below the working directory.

    Args:
        file: the file, or a link to it.
    """
    folders = list(dict.fromkeys((file.resolve().parent, file.parent.absolute())))
    folder, root, parts = Path.cwd(), folders[0], [file.stem]
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        parts.insert(0, root.name)
        root = root.parent
    if len(parts) > 1:
        parts = parts[:-1] if file.name == "__init__.py" else parts
        package = ".".join(parts if file.name == "__init__.py" else parts[:-1])
        entries, name = (*folders, root, folder), ".".join(parts)
    else:
        below = folders[0].relative_to(folder).parts if folders[0].is_relative_to(folder) else ()
        package = ".".join(below) if all(part.isidentifier() for part in below) else ""
        entries, name = (*folders, folder), _free_name(file.stem)
    return ProgramFile(file, name, package, tuple(dict.fromkeys(map(str, entries))))


def _free_name(stem: str) -> str:
    """Return a name for a module that hides no other one, such as ``json`` of the standard library."""
    name = stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name = f"_{name}"
    return name


def _of_module(dotted: str, entries: tuple[str, ...]) -> ProgramFile:
    """Find a module, which imports the packages that it is in.

    Raises:
        ManifestError: it does not exist, or is not a Python file.
    """
    source = Source(f"-m {dotted}")
    try:
        spec = importlib.util.find_spec(dotted)
    except ModuleNotFoundError as error:
        if not f"{dotted}.".startswith(f"{error.name}."):
            raise
        spec = None
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        folder, _, last = dotted.rpartition(".")
        others = [path.stem for path in Path(*folder.split(".")).glob("*.py")] if folder else []
        hint = nearest(last, others) or f"searched in {Path.cwd()}, then in the packages of this Python"
        raise ManifestError(Diagnostic("MLP204", "", f"module '{dotted}' not found", hint, source))
    file = Path(spec.origin or "")
    if file.suffix != ".py":
        hint = "use a Python module with a pipeline"
        raise ManifestError(Diagnostic("MLP204", "", f"'{dotted}' is not a Python file", hint, source))
    file = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    package = dotted if spec.submodule_search_locations is not None else dotted.rpartition(".")[0]
    return ProgramFile(file, dotted, package, entries)


@contextlib.contextmanager
def running(place: Path | Module) -> Iterator[types.ModuleType]:
    """Run a program as a module, while its objects are used.

    What it prints, and what the processes that it starts print, goes to standard error; its standard input is empty
    and ``sys.argv`` holds its file alone. Afterwards the working directory, ``sys.path`` and ``sys.argv`` are as
    before, and modules from the program's folders are no longer in ``sys.modules``.

    Args:
        place: the file or module.

    Yields:
        The module.

    Raises:
        ManifestError: the module does not exist, or the file cannot be read.
        RaisedError: the program raises, or is not Python.
        MlplatError: it has errors of mlplat.
    """
    here = str(Path.cwd())
    program = None if isinstance(place, Module) else of_file(place)
    entries = program.entries if program else (here,)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_imports(entries, place.stem if isinstance(place, Path) else ""))
        stack.callback(os.chdir, here)
        stack.enter_context(_streams())
        try:
            program = program or _of_module(Module(place).dotted, entries)
            stack.enter_context(_arguments([str(program.file)]))
            module = _module(program)
        except (MlplatError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a program raises is told
            raise RaisedError(str(program.file if program else place), error) from None
        yield module


def _module(program: ProgramFile) -> types.ModuleType:
    if program.name in sys.modules:  # its package imports it
        return sys.modules[program.name]
    text, file = _text(program.file), str(program.file)
    module = types.ModuleType(program.name)
    module.__file__, module.__package__ = file, program.package
    if program.file.name == "__init__.py":
        module.__path__ = [str(program.file.absolute().parent)]
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[program.name] = module
    try:
        exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is the user's program
    except BaseException:
        sys.modules.pop(program.name, None)
        raise
    return sys.modules[program.name]


def _text(file: Path) -> str:
    """Return a program's text, by the byte order mark or the encoding that its first lines name.

    Raises:
        ManifestError: it cannot be read.
    """
    try:
        return importlib.util.decode_source(file.read_bytes())
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        hint = "" if isinstance(error, OSError) else "save it as UTF-8"
        raise ManifestError(
            Diagnostic("MLP204", "", f"it cannot be read: {error}", hint, Source(str(file)))
        ) from None


@contextlib.contextmanager
def _imports(entries: Sequence[str], stem: str) -> Iterator[None]:
    """Search some folders first for imports, and forget their modules afterwards.

    Modules from folders that the program itself adds to ``sys.path`` are forgotten, too.

    Args:
        entries: the folders.
        stem: the program's name: where another module has it, the folders come last, so that ``import yaml`` in
            a program ``yaml.py`` is that module and not the program.
    """
    path, modules = list(sys.path), set(sys.modules)
    added = [entry for entry in entries if entry not in path]
    is_taken = bool(stem) and (stem in sys.stdlib_module_names or stem in modules or _exists(stem))
    sys.path[:] = [*path, *added] if is_taken else [*added, *path]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        folders = {*entries, *(os.path.abspath(one) for one in sys.path if one not in path)}  # noqa: PTH100
        sys.path[:] = path
        known = {name.partition(".")[0] for name in modules}
        new = {name: module for name, module in list(sys.modules.items()) if name not in modules}
        tops = {name.partition(".")[0] for name, module in new.items() if _is_from(module, folders)} - known
        for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
            del sys.modules[name]


def _exists(stem: str) -> bool:
    try:
        return importlib.util.find_spec(stem) is not None
    except (ImportError, ValueError):
        return False


def _is_from(module: types.ModuleType, folders: Collection[str]) -> bool:
    """Return whether a module or package is directly in one of some folders."""
    try:
        places = [str(place) for place in getattr(module, "__path__", ())] or [str(module.__file__)]
    except (AttributeError, TypeError):
        return False
    return any(os.path.dirname(os.path.abspath(place)) in folders for place in places)  # noqa: PTH100, PTH120


@contextlib.contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, words
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Send what is printed to standard error, that of child processes too, and leave standard input empty."""
    with contextlib.ExitStack() as stack:
        empty = stack.enter_context(Path(os.devnull).open())
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        stack.enter_context(_descriptor(1, 2))
        stack.enter_context(_descriptor(0, empty.fileno()))
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        before, sys.stdin = sys.stdin, empty
        try:
            yield
        finally:
            sys.stdin = before
            for stream in (sys.__stdout__, sys.stderr):
                if stream is not None:
                    stream.flush()


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Drop what is written to standard error, by processes that are started too."""
    sys.stderr.flush()
    with (
        Path(os.devnull).open("w") as nothing,
        _descriptor(2, nothing.fileno()),
        contextlib.redirect_stderr(nothing),
    ):
        yield


@contextlib.contextmanager
def _descriptor(number: int, other: int) -> Iterator[None]:
    """Let a file descriptor be another one; nothing where one of them is closed."""
    try:
        kept = os.dup(number)
        os.dup2(other, number)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
