"""Suggests fixes for exceptions of a user program."""

from __future__ import annotations

import importlib
import inspect
import re
import types
import typing
from typing import Any

from mlplat.errors import nearest, suggestion

OF_KFP = "change the import: from mlplat import dsl; or compile it with KFP, and run the YAML"
OF_FIRST_VERSION = {
    "ContainerOp": "@dsl.container_component",
    "PipelineParam": "the parameters of the pipeline function as they are",
    "PipelineVolume": "kubernetes.mount_pvc(task, ...)",
    "VolumeOp": "kubernetes.CreatePVC(...)",
    "create_component_from_func": "@dsl.component",
    "func_to_container_op": "@dsl.component",
    "graph_component": "@dsl.pipeline, and call it in another pipeline",
}
"""Replacements for names of version 1 of KFP's SDK."""

_OWN = "see the traceback above"
_KEYWORD = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
_IMPORT = re.compile(r"cannot import name '(\w+)' from '(mlplat[\w.]*)'")


def hint(error: BaseException) -> str:
    """Return a hint for an exception, such as the nearest name."""
    if isinstance(error, EOFError):
        return "input() is not available while a program is loaded; use a pipeline parameter: -p NAME=VALUE"
    if isinstance(error, NameError):
        return _to_import(error.name or "")
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "kfp":
        return OF_KFP
    if isinstance(error, ImportError) and (found := _IMPORT.match(str(error))):
        return _of_package(found[1], found[2]) or _OWN
    if isinstance(error, AttributeError) and error.obj is not None:
        return _of_object(error.name or "", error.obj) or _OWN
    if isinstance(error, TypeError) and (found := _KEYWORD.match(str(error))):
        return _of_call(found[1], found[2]) or _OWN
    return _OWN


def _to_import(name: str) -> str:
    from mlplat import dsl

    if name == "dsl":
        return "write: from mlplat import dsl"
    for package, names in (("mlplat.dsl", dsl.__all__), ("typing", typing.__all__)):
        if name in names:
            return f"write: from {package} import {name}"
    return "import it, or define it, before it is used"


def _of_package(name: str, package: str) -> str:
    from mlplat import dsl

    if package == "mlplat" and name in dsl.__all__:
        return f"write: from mlplat.dsl import {name}"
    if name in OF_FIRST_VERSION:
        return f"'{name}' belongs to version 1 of KFP's SDK; use {OF_FIRST_VERSION[name]}"
    return nearest(name, _public(importlib.import_module(package)))


def _of_object(name: str, of: Any) -> str:
    from mlplat.dsl.channels import Channel

    if isinstance(of, types.ModuleType) and of.__name__.partition(".")[0] == "mlplat":
        return _of_package(name, of.__name__)
    known = _public(of)
    if isinstance(of, Channel):
        return suggestion(name, known) or "it has no value until the pipeline runs; do this in a component"
    own = type(of).__module__.partition(".")[0] == "mlplat"
    return nearest(name, known) if own else suggestion(name, known)


def _of_call(function: str, argument: str) -> str:
    """Return a suggestion for a wrong argument in a call of mlplat."""
    from mlplat import dsl, kubernetes

    for package in (dsl, kubernetes):
        found: Any = package
        for part in function.split("."):
            found = getattr(found, part, None)
        if callable(found):
            return suggestion(argument, list(inspect.signature(found).parameters))
    return ""


def _public(of: Any) -> list[str]:
    return [name for name in getattr(of, "__all__", dir(of)) if not name.startswith("_")]
