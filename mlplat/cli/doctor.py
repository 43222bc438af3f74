"""``mlplat doctor``."""

from __future__ import annotations

from mlplat.cli import places
from mlplat.cli.grammar import Given
from mlplat.runs import checks
from mlplat.runs.checks import Finding
from mlplat.runs.state import home


def run(given: Given) -> int:
    """Print what was found and what is missing; exit code 1 when something is missing."""
    if given.engine == "argo":
        findings = list(checks.check_cluster(places.cluster(given), given.service_account or "default"))
    else:
        findings = list(checks.check_machine(home(), given.executor))
    for finding in findings:
        print(_written(finding))
    return 1 if any(finding.ok is False for finding in findings) else 0


def _written(finding: Finding) -> str:
    mark = {True: "✔", False: "✖", None: "·"}[finding.ok]
    remedy = f"\n    {finding.remedy}" if finding.ok is False and finding.remedy else ""
    return f"{mark} {finding.name}: {finding.detail}{remedy}"
