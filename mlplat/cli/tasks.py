"""Tells a person which tasks a run has, when one is named that it has not."""

from __future__ import annotations

from collections.abc import Iterable

from mlplat.errors import Diagnostic, nearest

_SHOWN = 20


def unknown(run: str, task: str, names: Iterable[str]) -> Diagnostic:
    """Return the diagnostic for a name that is none of a run's tasks.

    Args:
        run: name of the run.
        task: what was given; empty when nothing was, and there is nothing to show.
        names: what could have been given.
    """
    there = sorted(set(names))
    message = f"it has no task '{task}'" if task else "none of its tasks has started"
    listed = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
    guess = nearest(task, there) if task else ""
    hints = [guess] if guess.startswith("did") else []
    hints.append(f"there is: {listed}" if there else f"see what became of it: mlplat get tasks {run}")
    return Diagnostic("MLP408", run, message, "; ".join(hints))
