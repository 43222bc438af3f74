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


def __getattr__(name: str) -> Any:
    """Import a public package, or look the version up, when it is first asked for."""
    if name in __all__:
        return importlib.import_module(f"mlplat.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("mlplat")
    if name == "Client":
        return importlib.import_module("mlplat.runs.client").Client
    raise AttributeError(f"module 'mlplat' has no attribute {name!r}")
