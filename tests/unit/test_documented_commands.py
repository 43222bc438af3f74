"""The page of the command line keeps in step with the parser."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from mlplat.cli.parser import parser

PAGE = Path(__file__).parents[2] / "docs/cli.md"


def test_every_option_of_every_command_is_documented() -> None:
    sections = dict(
        re.findall(r"^## mlplat (\w+).*?\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )
    (commands,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    assert set(sections) == set(commands.choices)
    for name, command in commands.choices.items():
        options = [
            option for action in command._actions for option in action.option_strings if action.dest != "help"
        ]
        missing = [option for option in options if f"`{option}" not in sections[name]]
        assert not missing, f"{name}: {missing}"
