"""The programs of tests/programs/kfp with the import changed; run as a module, prints the IR of each."""

from __future__ import annotations

import json
import linecache
import sys
import types
from pathlib import Path

from mlplat import ir, manifest
from mlplat.dsl import Pipeline

PROGRAMS = Path(__file__).parents[2] / "programs/kfp"


def pipelines() -> dict[str, Pipeline]:
    """Return every pipeline of every program, by ``file.pipeline``."""
    found: dict[str, Pipeline] = {}
    for file in sorted(PROGRAMS.glob("*.py")):
        text = file.read_text().replace("from kfp", "from mlplat")
        name = f"<{file.name}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        module = types.ModuleType(file.stem)
        sys.modules[file.stem] = module
        exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
        found |= {
            f"{file.stem}.{key}": value for key, value in vars(module).items() if isinstance(value, Pipeline)
        }
    return found


if __name__ == "__main__":
    print(json.dumps({name: manifest.dump(ir.write(found.spec)) for name, found in pipelines().items()}))
