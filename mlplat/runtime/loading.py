"""The function to run: from its source text, with stand-ins for what it imports of KFP and mlplat."""

import os
import sys
from typing import Any, Dict, Tuple

from mlplat.runtime.annotations import MARKERS, Marker
from mlplat.runtime.artifacts import ARTIFACT_CLASSES
from mlplat.runtime.contract import TaskError
from mlplat.runtime.files import read_text
from mlplat.runtime.objects import PipelineTaskFinalStatus, TaskConfig, get_uri


def install_stand_ins() -> Dict[str, Any]:
    """Names that component sources import from ``kfp`` and ``mlplat``, without either being installed."""

    def decorator(func: Any = None, **_: Any) -> Any:
        return func if func is not None else decorator

    module_type = type(sys)
    dsl = module_type("kfp.dsl")
    names: Dict[str, Any] = {cls.__name__: cls for cls in ARTIFACT_CLASSES.values()}
    names.update({kind: Marker(kind) for kind in MARKERS})
    names.update(get_uri=get_uri, component=decorator, container_component=decorator, pipeline=decorator)
    names.update(PipelineTaskFinalStatus=PipelineTaskFinalStatus, TaskConfig=TaskConfig)
    dsl.__dict__.update(names)
    dsl.__dict__["__all__"] = sorted(names)
    dsl.__dict__.update(__path__=[], types=dsl, artifact_types=dsl, type_annotations=dsl)
    for package in ("kfp", "mlplat"):
        module = module_type(package)
        module.__dict__.update(dsl=dsl, v2=module, __path__=[])
        sys.modules.update({package: module, package + ".v2": module})
        for path in ("dsl", "v2.dsl", "dsl.types", "dsl.types.artifact_types", "dsl.types.type_annotations"):
            sys.modules[package + "." + path] = dsl
    return names


def load_function(source: str, function: str) -> Tuple[Any, Dict[str, Any]]:
    """Run the source of a component and return its function and the names that it defines."""
    import __future__

    import linecache

    module = type(sys)("component")
    sys.modules["component"] = module
    file = "<{}>".format(function)
    source = source or _module_of(function)
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except Exception:
        # An annotation of names that are only where the function was written, or of a newer Python.
        flags = __future__.annotations.compiler_flag
        exec(compile(source, file, "exec", flags=flags, dont_inherit=True), module.__dict__)
    if function not in module.__dict__:
        raise TaskError("its source code has no function of that name")
    return module.__dict__[function], module.__dict__


def _module_of(function: str) -> str:
    """Return the text of the module that defines a function, as KFP's images list their modules."""
    import configparser

    config = configparser.ConfigParser()
    config.optionxform = str  # type: ignore[assignment,method-assign]
    folder = os.path.abspath(".")
    config.read(os.path.join(folder, "kfp_config.ini"))
    for path in dict(config["Components"]).values() if config.has_section("Components") else ():
        text = read_text(os.path.join(folder, path))
        if "def {}(".format(function) in text:
            sys.path.insert(0, os.path.dirname(os.path.join(folder, path)))
            return text
    raise TaskError("function not found in the modules that kfp_config.ini of the working directory names")
