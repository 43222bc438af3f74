"""Converts components and pipelines of KFP's SDK to ours, through their IR.

KFP is never imported here: its objects are recognized by their class, which exists if the user has imported KFP.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any

from mlplat import ir
from mlplat.dsl.component import BaseComponent
from mlplat.dsl.loaded import of_ir
from mlplat.errors import AuthoringError, Diagnostic, MlplatError


def is_foreign(value: Any) -> bool:
    """Return whether a value is a component or pipeline of KFP's SDK."""
    base = _class()
    return base is not None and isinstance(value, base)


def is_pipeline(value: Any) -> bool:
    """Return whether a value is a pipeline of KFP's SDK."""
    return is_foreign(value) and type(value).__name__ == "GraphComponent"


def converted(component: Any) -> BaseComponent:
    """Return a component of KFP's SDK as one of ours.

    Args:
        component: the component or pipeline.

    Raises:
        AuthoringError: its IR has something that is not supported.
    """
    to_dict = importlib.import_module("google.protobuf.json_format").MessageToDict
    documents = [to_dict(component.pipeline_spec), to_dict(component.platform_spec)]
    try:
        return of_ir(ir.read([one for one in documents if one], component.name))
    except MlplatError as error:
        raise AuthoringError(
            Diagnostic(one.code, component.name, one.message, one.hint) for one in error.diagnostics
        ) from None


@contextlib.contextmanager
def callable_here() -> Iterator[None]:
    """Let calls of KFP's components add tasks to our pipeline that is being written."""
    base = _class()
    if base is None:
        yield
        return
    call = base.__call__
    known: dict[int, tuple[Any, BaseComponent]] = {}

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_tracing():
            return call(self, *args, **kwargs)
        if id(self) not in known:
            known[id(self)] = self, converted(self)
        return known[id(self)][1](*args, **kwargs)

    base.__call__ = called
    try:
        yield
    finally:
        base.__call__ = call


def _class() -> Any:
    return getattr(sys.modules.get("kfp.dsl.base_component"), "BaseComponent", None)


def _is_tracing() -> bool:
    """Return whether KFP's SDK is tracing a pipeline of its own."""
    pipeline = getattr(sys.modules.get("kfp.dsl.pipeline_context"), "Pipeline", None)
    return pipeline is not None and pipeline.get_default_pipeline() is not None
