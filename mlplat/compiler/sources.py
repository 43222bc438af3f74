"""Pass: each function's text stands once in the manifest.

The text of a function that one template runs is that template's argument. A text that several templates share stands
beside the runtime, as a variable that the templates name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from mlplat.argo.values import container_text
from mlplat.compiler.program import Program
from mlplat.ir.model import Container

SHARED_ARGUMENT = "@source:"
"""How an argument of the runtime names a variable instead of holding a text."""


def run(program: Program) -> Program:
    """Put the functions' texts in place."""
    texts = {template: _source(program, label) for template, label in program.executors.items()}
    uses = Counter(texts.values())
    shared: dict[str, str] = {}
    templates = []
    for template in program.templates:
        if template["name"] not in texts:
            templates.append(template)
            continue
        source = texts[template["name"]]
        argument = container_text(source)
        if uses[source] > 1:
            variable = f"MLPLAT_SOURCE_{hashlib.sha256(source.encode()).hexdigest()[:8]}"
            shared[variable] = source
            argument = f"{SHARED_ARGUMENT}{variable}"
        container = template["container"]
        arguments = [argument, *container["args"][1:]]
        templates.append({**template, "container": {**container, "args": arguments}})
    return replace(program, templates=tuple(templates), sources=dict(sorted(shared.items())))


def _source(program: Program, label: str) -> str:
    container = program.spec.executors[label]
    assert isinstance(container, Container)
    assert container.python is not None
    return container.python.source
