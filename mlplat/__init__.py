"""Kubeflow's pipelines on plain Argo Workflows, and on this machine."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from mlplat import aliases

if TYPE_CHECKING:
    from mlplat import compiler, components, dsl, kubernetes, local

sys.meta_path.append(aliases.Finder())

__all__ = ["compiler", "components", "dsl", "kubernetes", "local"]

INSTEAD = {
    "Client": "there is no server to be a client of: mlplat run FILE, with --engine argo on a cluster; "
    "see docs/migrating.md"
}
"""What stands here for names of KFP's package that are not there."""


def __getattr__(name: str) -> Any:
    """Import a public package, or look the version up, when it is first asked for."""
    if name in __all__:
        return importlib.import_module(f"mlplat.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("mlplat")
    instead = f": {INSTEAD[name]}" if name in INSTEAD else ""
    raise AttributeError(f"module 'mlplat' has no attribute {name!r}{instead}")
