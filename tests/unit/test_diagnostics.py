"""Every diagnostic's code is documented, and means one thing."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"MLP\d{3}")


def test_every_code_is_documented_and_no_other() -> None:
    used = {code for file in (ROOT / "mlplat").rglob("*.py") for code in CODE.findall(file.read_text())}
    documented = set(CODE.findall((ROOT / "docs/diagnostics.md").read_text()))
    assert used == documented
