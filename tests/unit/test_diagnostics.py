"""Every diagnostic's code is documented, and means one thing."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"MLP\d{3}")


def test_every_code_is_documented_and_no_other() -> None:
    used = {code for file in (ROOT / "mlplat").rglob("*.py") for code in CODE.findall(file.read_text())}
    page = (ROOT / "docs/diagnostics.md").read_text()
    assert used == set(CODE.findall(page))


def test_every_code_has_its_own_anchor() -> None:
    page = (ROOT / "docs/diagnostics.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| <a ")]
    places = [place.upper() for row in rows for place in re.findall(r'<a id="(mlp\d{3})"></a>', row)]
    assert sorted(places) == sorted(set(CODE.findall(page)))
    for row in rows:
        _, _, what, fix, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", row))
        assert what, row
        assert fix or what.startswith("note:"), row
