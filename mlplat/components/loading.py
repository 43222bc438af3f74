"""Reads a component from a text, a file or a URL."""

from __future__ import annotations

import http.client
import urllib.error
from dataclasses import replace
from pathlib import Path

from mlplat import addresses, ir, manifest
from mlplat.components import v1
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.signatures import Interface
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.ir.model import Component, Container, Importer, PipelineSpec

_SECONDS = 30


class YamlComponent(BaseComponent):
    """A component that was read from YAML.

    Attributes:
        spec: the pipeline that it is; None for a single container or importer.
        description: for people.
    """

    def __init__(
        self,
        name: str,
        component: Component,
        executor: Container | Importer | None,
        spec: PipelineSpec | None = None,
        description: str = "",
    ) -> None:
        inputs = (*component.input_parameters, *component.input_artifacts)
        interface = Interface(
            component.input_parameters,
            component.input_artifacts,
            component.output_parameters,
            component.output_artifacts,
            inputs,
        )
        super().__init__(name, interface, executor=executor, passthroughs=component.passthroughs)
        self.spec = spec
        self.description = description


def load_component_from_text(text: str) -> YamlComponent:
    """Read a component.

    Args:
        text: IR YAML of a component or a whole pipeline, or component YAML of KFP's first version.

    Returns:
        The component; call it inside a pipeline.

    Raises:
        ManifestError: the text is neither, or something in it can't be used.
    """
    return _component(text, "the component's text")


def load_component_from_file(file_path: str) -> YamlComponent:
    """Read a component from a file; see :func:`load_component_from_text`.

    Raises:
        ManifestError: the file can't be read too.
    """
    try:
        with Path(file_path).open("rb") as opened:
            text = opened.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            Diagnostic("MLP204", "", f"it can't be read: {error}", source=Source(str(file_path)))
        ) from None
    return _component(text, str(file_path))


def load_component_from_url(url: str, auth: tuple[str, str] | None = None) -> YamlComponent:
    """Read a component from the network; see :func:`load_component_from_text`.

    Args:
        url: ``http://…`` or ``https://…``.
        auth: user and password, for basic authentication.

    Returns:
        The component.

    Raises:
        ManifestError: the URL can't be read too.
    """
    if not url.startswith(("http://", "https://")):
        hint = "give a URL that starts with https:// or http://; a file with load_component_from_file"
        raise ManifestError(
            Diagnostic("MLP211", "", f"'{addresses.shown(url)}' is no address of the web", hint)
        )
    shown = addresses.shown(url)
    try:
        request = addresses.request(url, {}, ":".join(auth or ()))
        with addresses.opener().open(request, timeout=_SECONDS) as answer:
            text = answer.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        hint = "open the address with a browser; a file in Git has an address of its plain text"
        raise ManifestError(Diagnostic("MLP211", "", f"{shown} can't be read: {error}", hint)) from None
    return _component(text, shown)


def _component(text: str, name: str) -> YamlComponent:
    documents = manifest.load(text, name)
    if ir.is_ir(documents[0]):
        return _of_ir(ir.read(documents, name))
    given, component, container, description = v1.read(documents[0], name)
    return YamlComponent(sanitized(given), component, container, description=description)


def _of_ir(spec: PipelineSpec) -> YamlComponent:
    """Take the component out of a pipeline that only calls it, as KFP writes single components."""
    tasks = dict(spec.root.graph.tasks) if spec.root.graph else {}
    if len(tasks) == 1 and len(spec.components) == 1:
        (name, task), (component,) = next(iter(tasks.items())), spec.components.values()
        same = (spec.root.input_parameters.keys(), spec.root.input_artifacts.keys()) == (
            component.input_parameters.keys(),
            component.input_artifacts.keys(),
        )
        if name == spec.name and component.executor and same and task.iterator is None and not task.condition:
            executor = spec.executors[component.executor]
            own = replace(
                component,
                input_parameters=spec.root.input_parameters,
                input_artifacts=spec.root.input_artifacts,
            )
            return YamlComponent(spec.name, own, executor, description=spec.description)
    return YamlComponent(spec.name, spec.root, None, spec, spec.description)
