"""Components from files: IR YAML of a component or pipeline, and the older component YAML; KFP's names."""

from mlplat.components.loading import (
    load_component_from_file,
    load_component_from_text,
    load_component_from_url,
)
from mlplat.dsl.component import BaseComponent
from mlplat.dsl.containers import ContainerComponent
from mlplat.dsl.loaded import YamlComponent
from mlplat.dsl.pipeline import Pipeline as GraphComponent
from mlplat.dsl.python import PythonComponent

__all__ = [
    "BaseComponent",
    "ContainerComponent",
    "GraphComponent",
    "PythonComponent",
    "YamlComponent",
    "load_component_from_file",
    "load_component_from_text",
    "load_component_from_url",
]
