"""The parts of command lines: commands, options, arguments, and errors in them."""

from __future__ import annotations

import importlib
import os
import re
from types import SimpleNamespace
from typing import Any

import click

from mlplat.errors import Diagnostic, available, suggestion

Args = SimpleNamespace
"""The values of a command line, by option and argument."""

SETTINGS: dict[str, Any] = {"max_content_width": 110, "show_default": True}
"""Settings of click for the help of every command."""

_COUNT = re.compile(r"0*[1-9][0-9]{0,8}")


class MistakeError(click.UsageError):
    """An error in a command line, with a hint."""

    def __init__(self, message: str, hint: str, context: click.Context | None) -> None:
        super().__init__(message, context)
        self.hint = hint


def diagnostic(error: click.UsageError) -> Diagnostic:
    """Return the diagnostic for an error in a command line."""
    help_page = f"{error.ctx.command_path if error.ctx else 'mlplat'} --help"
    message, hint = error.format_message().rstrip("."), ""
    if isinstance(error, MistakeError):
        hint = error.hint
    elif isinstance(error, click.NoSuchOption):
        parameters = error.ctx.command.get_params(error.ctx) if error.ctx else ()
        known = [name for one in parameters for name in one.opts if name.startswith("--")]
        message, hint = f"unknown option {error.option_name}", suggestion(error.option_name, known)
    elif isinstance(error, click.MissingParameter):
        message = f"missing argument {_name(error.param)}"
    return Diagnostic("MLP001", "", f"{message[:1].lower()}{message[1:]}", f"{hint} {help_page}".lstrip())


def _name(param: click.Parameter | None) -> str:
    return param.opts[-1] if isinstance(param, click.Option) else getattr(param, "human_readable_name", "")


class CommandGroup(click.Group):
    """All commands, in the order in which they are declared."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by name, or suggest the nearest."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise MistakeError(f"unknown command '{args[0]}'", suggestion(args[0], list(self.commands)), ctx)
        return super().resolve_command(ctx, args)


class CliCommand(click.Command):
    """A command that calls a function of a module of this package.

    Args:
        name: of the command.
        function: ``MODULE:FUNCTION``; it takes the :data:`Args` and returns the exit code.
        summary: a short phrase for the command; then, after an empty line, its arguments.
        params: its options and arguments.
    """

    def __init__(self, name: str, function: str, summary: str, *params: click.Parameter) -> None:
        settings: dict[str, Any] = {**SETTINGS, "allow_extra_args": True}
        short = summary.partition("\n")[0]
        super().__init__(name, settings, self._call, list(params), summary, short_help=short)
        self._function = function
        with_help(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse options and arguments in any order; refuse unexpected ones."""
        try:
            left = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if left and not ctx.resilient_parsing:
            from shlex import quote

            whole = " ".join((ctx.params.get("file") or "", *left))
            is_file = os.path.exists(whole)  # noqa: PTH110 - pathlib takes longer to import than this module
            hint = f"quote the name of the file: {quote(whole)};" if is_file else ""
            raise MistakeError(f"unexpected argument: {' '.join(left)}", hint, ctx)
        if "module" in ctx.params and not ctx.resilient_parsing:
            _put_modules_with_files(ctx)
        return left

    def _call(self, **args: Any) -> int:
        module, _, function = self._function.partition(":")
        code: int = getattr(importlib.import_module(f"mlplat.cli.{module}"), function)(Args(**args))
        return code


with_help = click.help_option("-h", "--help", help="show this help")


def _put_modules_with_files(ctx: click.Context) -> None:
    """Add the modules of ``-m`` to the files."""
    from mlplat.runs.programs import Module

    modules = [Module.of(name) for name in ctx.params["module"]]
    if "files" in ctx.params:
        ctx.params["files"] = places = [*ctx.params["files"], *modules]
    else:
        places = [*filter(None, [ctx.params["file"]]), *modules]
        ctx.params["file"] = places[0] if places else None
        if len(places) > 1:
            raise MistakeError("expected one file or one module", "", ctx)
    if not places:
        raise MistakeError("missing FILE or -m MODULE", "", ctx)


def argument(name: str, metavar: str, **settings: Any) -> click.Argument:
    """Declare an argument; one in brackets is optional."""
    return click.Argument([name], **{"metavar": metavar, "required": not metavar.startswith("["), **settings})


def option(declaration: str, help: str, **settings: Any) -> click.Option:  # noqa: A002 - click's own name for it
    """Declare an option as help shows it.

    Args:
        declaration: the names, then the value: nothing for a flag, a name in capitals for a string, ``N`` for a
            positive integer, ``one|other`` for one of these words, of which the first is the default.
        help: its help.
        settings: further settings of click.
    """
    *names, last = declaration.split()
    usual: dict[str, Any]
    if last.startswith("-"):
        names, usual = [*names, last], {"is_flag": True}
    elif last == "N":
        usual = {"metavar": last, "type": _Count()}
    elif last.isupper():
        default = () if settings.get("multiple") else ""
        usual = {"metavar": last, "default": default, "show_default": bool(settings.get("default"))}
    else:
        usual = {"type": Word(last.split("|")), "default": last.partition("|")[0]}
    return click.Option(names, help=help, **{**usual, **settings})


class Word(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word, or suggest the nearest."""
        if value in self.choices:
            return str(value)
        hint = suggestion(str(value), list(self.choices)) or f"{available(self.choices)};"
        raise MistakeError(f"unknown value '{value}' for {_name(param)}", hint, ctx)


class _Count(click.ParamType[int]):
    """A positive integer."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the integer."""
        digits = str(value)
        if _COUNT.fullmatch(digits):
            return int(digits)
        raise MistakeError(f"'{value}' for {_name(param)} is not a positive integer", "", ctx)
