"""``mlplat doctor``."""

from __future__ import annotations

from mlplat.cli import places
from mlplat.cli.grammar import Args
from mlplat.runs import checks
from mlplat.runs.state import home

_MARKS = {True: "✔", False: "✖", None: "·"}


def run(args: Args) -> int:
    """Print the findings; the exit code is 1 if something is missing."""
    if args.engine == "argo":
        findings = list(checks.check_cluster(places.cluster(args), args.service_account or "default"))
    else:
        findings = list(checks.check_machine(home(), args.executor))
    for finding in findings:
        print(f"{_MARKS[finding.ok]} {finding.name}: {finding.detail}")
        if finding.ok is False and finding.remedy:
            print(f"    {finding.remedy}")
    return 1 if any(finding.ok is False for finding in findings) else 0
