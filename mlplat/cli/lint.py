"""``mlplat lint``."""

from __future__ import annotations

import sys

from mlplat.cli.grammar import Args
from mlplat.runs import lint


def run(args: Args) -> int:
    """Print every diagnostic of every file, and the sizes of the manifests."""
    failed = False
    for checked in lint.check(args.files):
        failed = failed or checked.failed
        print(checked.traceback, end="", file=sys.stderr)
        for one in checked.diagnostics:
            print(f"{checked.place}: {one}" if one.source is None else one)
        for budget in checked.budgets:
            share = budget.size / budget.limit
            print(f"{checked.place}: {budget.kind}: {budget.size:,} of {budget.limit:,} bytes ({share:.1%})")
    return 2 if failed else 0
