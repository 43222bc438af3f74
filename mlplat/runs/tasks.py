"""Find the tasks of a run by the names that people use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mlplat.argo import names, retry
from mlplat.argo.status import AnyNode
from mlplat.errors import Diagnostic, available, suggestion

_ENDS = re.compile(r"(?=[.(\[])|$")
"""Where the names end of all that a node stands in: regions, loops, tasks that retry, and the node itself."""

_ITEM = re.compile(r"\((\d+):[^()]*\)")
"""What the name of an iteration has behind its position."""

_NAMED = 10

Nodes = Mapping[str, AnyNode]


def path(run: str, name: str) -> str:
    """Return the name of a node without that of its run."""
    return name.removeprefix(f"{run}.")


def matching(run: str, task: str, nodes: Nodes) -> list[str]:
    """Return the ids of the nodes that a person means.

    Args:
        run: name of the run.
        task: an id, a name with or without that of the run, or a display name as it is shown or as the program has it;
            iterations may be named by their positions alone.
        nodes: by id, with ``name`` and ``displayName``.
    """
    spellings = (task, f"{run}.{task}", names.template_name(task))
    found = list(dict.fromkeys(key for one in spellings for key in retry.find(nodes, one)))
    return found or [
        key
        for key, node in nodes.items()
        if {_without_items(node["name"]), _without_items(node["displayName"])}
        & set(map(_without_items, spellings))
    ]


def _without_items(name: str) -> str:
    return _ITEM.sub(r"(\1)", name)


def within(run: str, task: str, nodes: Nodes) -> set[str]:
    """Return the ids of the nodes that a person means, see :func:`matching`, and of those in them."""
    outer = {nodes[key]["name"] for key in matching(run, task, nodes)}
    return {
        key
        for key, node in nodes.items()
        if any(node["name"][: end.start()] in outer for end in _ENDS.finditer(node["name"]))
    }


def unknown(run: str, task: str, names: Iterable[str]) -> Diagnostic:
    """Return the diagnostic for a name that no task of a run has.

    Args:
        run: name of the run.
        task: what was given; empty when nothing was, and there is nothing to show.
        names: what could have been given.
    """
    there = sorted(set(names))
    message = f"task '{task}' not found" if task else "none of its tasks has started"
    guess = suggestion(task, there) if task else ""
    hints = [guess] if guess else []
    hints.append(available(there) if there else f"see its tasks: mlplat get tasks {run}")
    return Diagnostic("MLP408", run, message, "; ".join(hints))


def listed(names: Sequence[str]) -> str:
    """Write names in one line; of many only the first."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
