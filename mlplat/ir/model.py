"""The pipeline as data: KFP's PipelineSpec (IR schema 2.1) as frozen dataclasses.

Nothing is checked here; passes of the compiler do that. Names are the IR's, in snake case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, TypeAlias

SCHEMA_VERSION = "2.1.0"
OWN_PLATFORM = "mlplat"
"""Name of this package among the ``platforms``."""


class ParameterType(StrEnum):
    """Types of parameters, as the IR names them."""

    NUMBER_DOUBLE = "NUMBER_DOUBLE"
    NUMBER_INTEGER = "NUMBER_INTEGER"
    STRING = "STRING"
    BOOLEAN = "BOOLEAN"
    LIST = "LIST"
    STRUCT = "STRUCT"
    TASK_FINAL_STATUS = "TASK_FINAL_STATUS"
    TASK_CONFIG = "TASK_CONFIG"


class _Absent(Enum):
    ABSENT = "ABSENT"


ABSENT = _Absent.ABSENT
"""Marks a missing value; ``None`` is a value."""


@dataclass(frozen=True, slots=True)
class InputParameter:
    """An input parameter of a component."""

    type: ParameterType
    default: Any = ABSENT
    optional: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactType:
    """An artifact's class, by its schema."""

    schema_title: str = "system.Artifact"
    schema_version: str = "0.0.1"


@dataclass(frozen=True, slots=True)
class InputArtifact:
    """An input artifact of a component."""

    type: ArtifactType
    is_list: bool = False
    optional: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class OutputParameter:
    """An output parameter of a component."""

    type: ParameterType
    description: str = ""


@dataclass(frozen=True, slots=True)
class OutputArtifact:
    """An output artifact of a component."""

    type: ArtifactType
    is_list: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is known when the pipeline is written."""

    value: Any
    selector: str = ""


@dataclass(frozen=True, slots=True)
class ComponentInput:
    """An input of the enclosing component."""

    name: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """An output of another task of the same graph."""

    task: str
    output: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class FinalStatus:
    """The final status of another task of the same graph."""

    task: str


ParameterSource: TypeAlias = Constant | ComponentInput | TaskOutput | FinalStatus
ArtifactSource: TypeAlias = ComponentInput | TaskOutput


@dataclass(frozen=True, slots=True)
class Iterator:
    """The items of a loop, and the input of the loop's body that gets an item.

    Attributes:
        items: a constant list, or the name of an input of the looping task.
        item_input: the body's input.
        is_artifact: whether the items are artifacts.
        parallelism: how many iterations run at once; 0 for all.
    """

    items: Constant | ComponentInput
    item_input: str
    is_artifact: bool = False
    parallelism: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """The retry policy of a task; durations in seconds."""

    limit: int
    backoff_duration: float = 0.0
    backoff_factor: float = 2.0
    backoff_max_duration: float = 3600.0


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a component inside a graph."""

    component: str
    display_name: str = ""
    depends_on: tuple[str, ...] = ()
    parameters: Mapping[str, ParameterSource] = field(default_factory=dict)
    artifacts: Mapping[str, ArtifactSource] = field(default_factory=dict)
    cache: bool = False
    cache_key: str = ""
    condition: str = ""
    when_all_completed: bool = False
    iterator: Iterator | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The output of the one task of several that ran."""

    choices: tuple[TaskOutput, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks, and the outputs of the component."""

    tasks: Mapping[str, Task] = field(default_factory=dict)
    output_parameters: Mapping[str, TaskOutput | OneOf] = field(default_factory=dict)
    output_artifacts: Mapping[str, OneOf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passthrough:
    """Settings of a task that are passed to its function as a ``TaskConfig``.

    Attributes:
        field: which settings, such as ``RESOURCES`` or ``KUBERNETES_TOLERATIONS``.
        apply_to_task: whether the task's own pod gets them as well.
    """

    field: str
    apply_to_task: bool = False


@dataclass(frozen=True, slots=True)
class Component:
    """An interface, and its implementation: a graph, or the label of an executor."""

    input_parameters: Mapping[str, InputParameter] = field(default_factory=dict)
    input_artifacts: Mapping[str, InputArtifact] = field(default_factory=dict)
    output_parameters: Mapping[str, OutputParameter] = field(default_factory=dict)
    output_artifacts: Mapping[str, OutputArtifact] = field(default_factory=dict)
    graph: Graph | None = None
    executor: str = ""
    passthroughs: tuple[Passthrough, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and limits of a container, as Kubernetes quantities; empty if not set."""

    cpu_request: str = ""
    cpu_limit: str = ""
    memory_request: str = ""
    memory_limit: str = ""
    accelerator_type: str = ""
    accelerator_count: str = ""

    def requested(self) -> dict[str, str]:
        """Return the values that are set, by attribute."""
        return {name: text for name in self.__slots__ if (text := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a function in the user's file.

    Attributes:
        function: the function.
        line: the line of its ``def``.
        before: how many lines of the module's text come before it.
    """

    function: Callable[..., Any]
    line: int
    before: int


@dataclass(frozen=True, slots=True)
class PythonFunction:
    """A Python function, as source code.

    Attributes:
        source: the text of a module that defines it.
        name: the function's name.
        packages: requirements to install if they are missing.
        pip_options: options of pip, such as an index.
        install_kfp: whether the IR's command installs KFP's SDK, for a KFP backend.
        kfp_package: the requirement for the SDK; empty for the version that the IR is written for.
        use_venv: whether it creates a virtual environment first.
        origin: the function in the user's file, for the location of errors; not in the IR.
    """

    source: str
    name: str
    packages: tuple[str, ...] = ()
    pip_options: tuple[str, ...] = ()
    install_kfp: bool = True
    kfp_package: str = ""
    use_venv: bool = False
    origin: Origin | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """Settings that other backends don't support: they are under ``mlplat`` in the ``platforms`` document.

    Attributes:
        fuse: name of the group of tasks that share a pod; empty for none.
        parallelism: how many pods of the task may run at once in one run; 0 for all.
    """

    fuse: str = ""
    parallelism: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """The container of a component.

    Attributes:
        image: reference of the image; empty for the compiler's default.
        command: entry point; may hold placeholders such as ``{{$.inputs.parameters['x']}}``.
        args: arguments; likewise.
        env: environment variables, in order.
        resources: requests and limits.
        python: set when the container runs a Python function; command and args, if they are there, start it with KFP's
            SDK.
        kubernetes: settings of the pod, as ``KubernetesExecutorConfig`` of the ``platforms`` document.
        own: settings that are specific to mlplat, of the same document.
    """

    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    resources: Resources = Resources()
    python: PythonFunction | None = None
    kubernetes: Mapping[str, Any] = field(default_factory=dict)
    own: OwnSettings = OwnSettings()


@dataclass(frozen=True, slots=True)
class Importer:
    """Registers existing data as an artifact.

    Attributes:
        uri: its URI; an input of the importer's component, or a constant.
        type: the artifact's class.
        reimport: whether to import again in each run, instead of using the cache.
        metadata: JSON values by name; may hold placeholders such as ``{{$.inputs.parameters['x']}}``.
        download_to_workspace: whether the bytes are copied into the pipeline's workspace.
    """

    uri: Constant | ComponentInput
    type: ArtifactType
    reimport: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    download_to_workspace: bool = False


Executor: TypeAlias = Container | Importer


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A whole pipeline.

    Attributes:
        name: the pipeline's name.
        root: the component that is the pipeline.
        components: all others, by name.
        executors: containers and importers, by label.
        description: what it does, for people.
        display_name: name to display.
        default_pipeline_root: default location of artifacts.
        sdk_version: the SDK that wrote the document.
        config: workspace, times to live and deadline, as ``pipelineConfig`` of the ``platforms`` document.
    """

    name: str
    root: Component
    components: Mapping[str, Component] = field(default_factory=dict)
    executors: Mapping[str, Executor] = field(default_factory=dict)
    description: str = ""
    display_name: str = ""
    default_pipeline_root: str = ""
    sdk_version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
