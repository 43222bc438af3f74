"""The page of the command line keeps in step with the commands."""

from __future__ import annotations

import re
from pathlib import Path

import click

from mlplat.cli.commands import mlplat

PAGE = Path(__file__).parents[2] / "docs/cli.md"


def test_every_option_of_every_command_is_documented() -> None:
    sections = dict(
        re.findall(r"^## mlplat (\w+).*?\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )
    assert set(sections) == set(mlplat.commands)
    for command in mlplat.commands.values():
        own = [one for one in command.params if isinstance(one, click.Option) and one.name != "help"]
        missing = [name for one in own for name in one.opts if f"`{name}" not in sections[command.name or ""]]
        assert not missing, f"{command.name}: {missing}"
