"""Compiles a PipelineSpec to an Argo Workflow."""

from __future__ import annotations

from mlplat.compiler.package import Compiler, KubernetesManifestOptions
from mlplat.compiler.passes import PASSES, compile, manifest
from mlplat.compiler.program import DEFAULT_IMAGE, Options, Program, Schedule

__all__ = [
    "DEFAULT_IMAGE",
    "PASSES",
    "Compiler",
    "KubernetesManifestOptions",
    "Options",
    "Program",
    "Schedule",
    "compile",
    "manifest",
]
