"""``python -m benchmarks``: prints a row for each comparison as soon as it is measured."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys

from benchmarks.measure import Pairing
from benchmarks.rows import Row, cluster_rows, rows


def main() -> int:
    """Measure the chosen rows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed against peers, in pairs."
    )
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows whose name holds this text")
    parser.add_argument(
        "--runs", type=int, default=5, help="counted pairs of each row (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="one pair of each row")
    parser.add_argument("--cluster", action="store_true", help="the rows that need a cluster, and only those")
    parser.add_argument("--json", action="store_true", help="a JSON line for each row")
    given = parser.parse_args()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}", file=sys.stderr
    )
    chosen = [row for row in (cluster_rows() if given.cluster else rows()) if given.rows in row.name]
    if not given.json:
        print(f"{'row':58} {'mlplat':>10} {'peer':>10} {'ratio (least-most)':>24}  goal")
    for row in chosen:
        pairing = row.measure(1 if given.quick else given.runs)
        print(as_json(row, pairing) if given.json else as_line(row, pairing), flush=True)
    return 0


def as_line(row: Row, pairing: Pairing) -> str:
    """Write a row for people; the ratio is the peer's figure divided by ours."""
    ratio = f"{pairing.ratio.median:.2f} ({pairing.ratio.least:.2f}-{pairing.ratio.most:.2f})"
    ours, peer = (f"{_rounded(spread.median)} {row.unit}" for spread in (pairing.ours, pairing.peer))
    return f"{row.name:58} {ours:>10} {peer:>10} {ratio:>24}  {row.goal}"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def as_json(row: Row, pairing: Pairing) -> str:
    """Write a row for programs."""
    return json.dumps({"row": row.name, "unit": row.unit, "goal": row.goal, **dataclasses.asdict(pairing)})


if __name__ == "__main__":
    sys.exit(main())
