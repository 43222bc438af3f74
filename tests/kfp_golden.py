"""Compiles the programs of tests/programs/kfp with KFP's own SDK into tests/golden/kfp, and loads what mlplat writes.

It also looks every import path of ``mlplat.aliases`` up in KFP. Run by ``make kfpgolden`` in an environment that has
KFP; what it writes is compared by tests/unit/dsl/test_kfp_ir.py.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parent
PROGRAMS, GOLDEN = TESTS / "programs/kfp", TESTS / "golden/kfp"


def module_of(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def main(python: str) -> None:
    from kfp import compiler, components, dsl

    warnings.simplefilter("ignore")
    aliases = module_of(TESTS.parent / "mlplat/aliases.py")
    for path, (_, names) in aliases.PATHS.items():
        module = importlib.import_module(f"kfp.{path}")
        if absent := [name for name, _ in aliases.pairs(names) if not hasattr(module, name)]:
            raise ImportError(f"kfp.{path} has no {', '.join(absent)}")
    for old in GOLDEN.glob("*.yaml"):
        old.unlink()
    for file in sorted(PROGRAMS.glob("*.py")):
        for name, value in vars(module_of(file)).items():
            if isinstance(value, dsl.graph_component.GraphComponent):
                compiler.Compiler().compile(value, str(GOLDEN / f"{file.stem}.{name}.yaml"))
    written = subprocess.run(
        [python, "-m", "tests.unit.dsl.kfp_programs"], check=True, capture_output=True, text=True
    )
    texts: dict[str, str] = json.loads(written.stdout)
    for text in texts.values():
        components.load_component_from_text(text)
    print(
        f"{len(list(GOLDEN.glob('*.yaml')))} goldens; KFP's SDK loads {len(texts)} pipelines that mlplat wrote"
    )


if __name__ == "__main__":
    main(sys.argv[1])
