"""Kubeflow's pipelines on plain Argo Workflows, and on this machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlplat import compiler, components, dsl, kubernetes, local

__all__ = ["compiler", "components", "dsl", "kubernetes", "local"]


def __getattr__(name: str) -> Any:
    """Import a package of the public ones when it is first asked for."""
    if name in __all__:
        return importlib.import_module(f"mlplat.{name}")
    raise AttributeError(f"module 'mlplat' has no attribute {name!r}")
