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
    for name, command in mlplat.commands.items():
        options = [option for one in command.params if isinstance(one, click.Option) for option in one.opts]
        missing = [option for option in options if f"`{option}" not in sections[name]]
        assert not missing, f"{name}: {missing}"
