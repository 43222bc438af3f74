"""Reads a component from a string, a file or a URL."""

from __future__ import annotations

import http.client
import urllib.error
from pathlib import Path

from mlplat import addresses, downloads, ir, manifest
from mlplat.components import v1
from mlplat.dsl.component import sanitized
from mlplat.dsl.loaded import YamlComponent, of_ir
from mlplat.errors import Diagnostic, ManifestError, Source

_SECONDS = 30


def load_component_from_text(text: str) -> YamlComponent:
    """Read a component.

    Args:
        text: IR YAML of a component or a whole pipeline, or component YAML of KFP's first version.

    Returns:
        The component; call it inside a pipeline.

    Raises:
        ManifestError: the text is not valid, or has something that is not supported.
    """
    return _component(text, "the component's text")


def load_component_from_file(file_path: str) -> YamlComponent:
    """Read a component from a file; see :func:`load_component_from_text`.

    Raises:
        ManifestError: the file cannot be read, or as for a string.
    """
    try:
        with Path(file_path).open("rb") as opened:
            text = opened.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            Diagnostic("MLP204", "", f"the file cannot be read: {error}", source=Source(str(file_path)))
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
        ManifestError: the URL cannot be read, or as for a string.
    """
    if not url.startswith(("http://", "https://")):
        hint = "use a URL that starts with https:// or http://; for a file, use load_component_from_file"
        raise ManifestError(
            Diagnostic("MLP211", "", f"'{addresses.without_secrets(url)}' is not an http or https URL", hint)
        )
    shown = addresses.without_secrets(url)
    try:
        request = downloads.request(url, {}, ":".join(auth or ()))
        with downloads.opener().open(request, timeout=_SECONDS) as answer:
            text = answer.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        hint = "check the URL in a browser; for a file in Git, use the URL of its raw text"
        raise ManifestError(
            Diagnostic("MLP211", "", f"{shown} cannot be read: {downloads.reason(error)}", hint)
        ) from None
    return _component(text, shown)


def _component(text: str, name: str) -> YamlComponent:
    documents = manifest.load(text, name)
    if ir.is_ir(documents[0]):
        return of_ir(ir.read(documents, name))
    given, component, container, description = v1.read(documents[0], name)
    return YamlComponent(sanitized(given), component, container, description=description)
