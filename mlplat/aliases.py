"""Import paths of KFP's package whose names live elsewhere here, such as ``mlplat.dsl.types.artifact_types``.

Each is a module that holds the listed names, made when it is first imported. The paths that KFP documents, such as
``mlplat.dsl`` and ``mlplat.components``, are ordinary packages.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

_ARTIFACTS = (
    "Artifact ClassificationMetrics Dataset HTML Markdown Metrics Model SlicedClassificationMetrics get_uri"
)
_ERROR = "mlplat.errors.AuthoringError"
_LOADERS = "load_component_from_file load_component_from_text load_component_from_url"

PATHS: Mapping[str, tuple[str, str]] = {
    "compiler.compiler": ("mlplat.compiler", "Compiler KubernetesManifestOptions"),
    "compiler.compiler_utils": (
        "mlplat.compiler",
        f"InvalidTopologyException={_ERROR} KubernetesManifestOptions",
    ),
    "components.load_yaml_utilities": ("mlplat.components", _LOADERS),
    "dsl.base_component": ("mlplat.dsl", "BaseComponent"),
    "dsl.component_decorator": ("mlplat.dsl", "component"),
    "dsl.component_task_config": ("mlplat.dsl", "TaskConfigField TaskConfigPassthrough"),
    "dsl.container_component_class": ("mlplat.dsl", "ContainerComponent"),
    "dsl.container_component_decorator": ("mlplat.dsl", "container_component"),
    "dsl.for_loop": ("mlplat.dsl", "Collected"),
    "dsl.graph_component": ("mlplat.components", "GraphComponent"),
    "dsl.importer_node": ("mlplat.dsl", "importer"),
    "dsl.notebook_component_decorator": ("mlplat.dsl", "notebook_component"),
    "dsl.notebook_helpers": ("mlplat.dsl", "run_notebook"),
    "dsl.pipeline_channel": ("mlplat.dsl", "OneOf"),
    "dsl.pipeline_config": ("mlplat.dsl", "KubernetesWorkspaceConfig PipelineConfig WorkspaceConfig"),
    "dsl.pipeline_context": ("mlplat.dsl", "pipeline"),
    "dsl.pipeline_task": ("mlplat.dsl", "PipelineTask"),
    "dsl.placeholders": ("mlplat.dsl", "ConcatPlaceholder IfPresentPlaceholder"),
    "dsl.python_component": ("mlplat.dsl", "PythonComponent"),
    "dsl.structures": ("mlplat.dsl", "ContainerSpec"),
    "dsl.task_config": ("mlplat.dsl", "TaskConfig"),
    "dsl.task_final_status": ("mlplat.dsl", "PipelineTaskFinalStatus"),
    "dsl.tasks_group": (
        "mlplat.dsl",
        f"Condition Elif Else ExitHandler If InvalidControlFlowException={_ERROR} ParallelFor",
    ),
    "dsl.types": ("mlplat.dsl", ""),
    "dsl.types.artifact_types": ("mlplat.dsl", _ARTIFACTS),
    "dsl.types.type_annotations": ("mlplat.dsl", "InputPath OutputPath"),
    "dsl.types.type_utils": ("mlplat.dsl", f"InconsistentTypeException={_ERROR}"),
    "dsl.yaml_component": ("mlplat.components", "YamlComponent"),
    "kubernetes.config_map": ("mlplat.kubernetes", "use_config_map_as_env use_config_map_as_volume"),
    "kubernetes.empty_dir": ("mlplat.kubernetes", "empty_dir_mount"),
    "kubernetes.field": ("mlplat.kubernetes", "use_field_path_as_env"),
    "kubernetes.image": ("mlplat.kubernetes", "set_image_pull_policy set_image_pull_secrets"),
    "kubernetes.node_affinity": ("mlplat.kubernetes", "add_node_affinity add_node_affinity_json"),
    "kubernetes.node_selector": ("mlplat.kubernetes", "add_node_selector add_node_selector_json"),
    "kubernetes.pod_metadata": ("mlplat.kubernetes", "add_pod_annotation add_pod_label"),
    "kubernetes.secret": ("mlplat.kubernetes", "use_secret_as_env use_secret_as_volume"),
    "kubernetes.security_context": ("mlplat.kubernetes", "set_security_context"),
    "kubernetes.timeout": ("mlplat.kubernetes", "set_timeout"),
    "kubernetes.toleration": ("mlplat.kubernetes", "add_toleration add_toleration_json"),
    "kubernetes.volume": ("mlplat.kubernetes", "add_ephemeral_volume CreatePVC DeletePVC mount_pvc"),
    "local.config": ("mlplat.local", "DockerRunner SubprocessRunner init"),
    "v2": ("mlplat", "compiler components dsl"),
}
"""Where the names of a path live, and the names, with spaces between; ``theirs=ours`` where they differ.

``ours`` can be the full path of a name that lives elsewhere.
"""

SAME: Mapping[str, str] = {f"v2.{name}": f"mlplat.{name}" for name in ("compiler", "components", "dsl")}
"""Paths that are another module, whole."""


class Finder:
    """Finds and loads the modules of :data:`PATHS` and :data:`SAME`, after all other finders.

    It is a finder and a loader without their base classes: importing ``importlib.abc`` takes longer than all of
    ``import mlplat``.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of one of these modules, or None for any other."""
        package, _, name = fullname.partition(".")
        if package != "mlplat" or not (name in PATHS or name in SAME):
            return None
        return importlib.machinery.ModuleSpec(
            fullname, cast("Loader", self), is_package=name in ("v2", "dsl.types")
        )

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave making the module to Python."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill a module with its names, or put the other one in its place."""
        name = module.__name__.partition(".")[2]
        if name in SAME:
            sys.modules[module.__name__] = importlib.import_module(SAME[name])
            return
        source, names = PATHS[name]
        module.__doc__ = f"Names of ``{source}`` under KFP's path."
        found: dict[str, object] = {}
        for theirs, ours in pairs(names):
            home, _, name = ours.rpartition(".")
            found[theirs] = getattr(importlib.import_module(home or source), name)
        module.__dict__.update(found, __all__=list(found))


def pairs(names: str) -> list[tuple[str, str]]:
    """Return the names of a path, each as KFP's and as this package's."""
    return [(theirs, ours or theirs) for theirs, _, ours in (one.partition("=") for one in names.split())]
