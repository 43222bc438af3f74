"""Pass: includes the source of each function once in the manifest.

The source of a function that one template runs is an argument of that template. A source that several templates share
is an environment variable, like the runtime.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from mlplat.argo.values import container_text
from mlplat.compiler.program import Program
from mlplat.runtime.contract import SHARED, SHARED_VARIABLE


def run(program: Program) -> Program:
    """Insert the source of each function as the first argument of the runtime."""
    uses = Counter(source for texts in program.functions.values() for source in texts)
    shared: dict[str, str] = {}
    templates = []
    for template in program.templates:
        texts = program.functions.get(template["name"])
        if not texts:
            templates.append(template)
            continue
        given = [_argument(source, uses[source] > 1, shared) for source in texts]
        arguments = [*given, *template["container"]["args"][len(given) :]]
        templates.append({**template, "container": {**template["container"], "args": arguments}})
    return replace(program, templates=tuple(templates), sources=dict(sorted(shared.items())))


def _argument(source: str, is_shared: bool, shared: dict[str, str]) -> str:
    if not is_shared:
        return container_text(source)
    variable = f"{SHARED_VARIABLE}{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    shared[variable] = source
    return f"{SHARED}{variable}"
