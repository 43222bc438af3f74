"""The compiler: :data:`PASSES`, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlplat.compiler import (
    arguments,
    check,
    emit,
    ends,
    fusion,
    graphs,
    importers,
    imports,
    order,
    partition,
    sdk,
    sources,
)
from mlplat.compiler.program import Options, Program
from mlplat.ir.model import PipelineSpec

PASSES: tuple[Callable[[Program], Program], ...] = (
    imports.run,
    check.run,
    importers.run,
    sdk.run,
    fusion.run,
    partition.run,
    arguments.run,
    graphs.run,
    ends.run,
    order.run,
    sources.run,
    emit.run,
)


def compile(spec: PipelineSpec, options: Options | None = None) -> Program:
    """Compile a pipeline to Argo's manifest.

    Pure: the same input gives the same documents.

    Args:
        spec: the pipeline.
        options: the compiler's options.

    Returns:
        The program after all passes: ``documents`` is the manifest, ``warnings`` are its warnings.

    Raises:
        CompileError: the pipeline cannot be compiled.
        ArgumentError: an argument is unknown, missing or of the wrong type.
    """
    program = Program(spec, options or Options())
    for step in PASSES:
        program = step(program)
    return program


def manifest(spec: PipelineSpec, options: Options | None = None) -> list[dict[str, Any]]:
    """Return only the documents of :func:`compile`."""
    return list(compile(spec, options).documents)
