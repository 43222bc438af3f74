"""Runs as notebooks show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def notebook_page(workflow: Mapping[str, Any], home: Path | None) -> str | None:
    """Return the page of a run for a notebook; None where the extra ``local`` is not installed.

    Args:
        workflow: the Workflow with its status.
        home: folder of its logs and artifacts; None leaves them out, as of a run on a cluster.
    """
    try:
        from mlplat import metadata, report
        from mlplat.runs.pages.assembly import assembled
        from mlplat.runs.pages.sources import MachineFiles, NoFiles

        with metadata.open_store("sqlite://") as store:
            run = store.record(workflow)
            found = assembled(store, run, MachineFiles(home) if home else NoFiles())
        return report.embedded(report.page(found), f"Run {run.name}")
    except ModuleNotFoundError:
        return None
