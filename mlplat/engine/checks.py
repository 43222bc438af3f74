"""Refuses, before anything runs, what this engine does not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo.references import unreadable
from mlplat.argo.stores import KEYS as OBJECT_STORES
from mlplat.argo.stores import LOCATIONS
from mlplat.argo.structure import kind_of
from mlplat.argo.templating import TemplatingError, tags
from mlplat.engine import locks, remote
from mlplat.engine.documents import Documents
from mlplat.engine.handler import refusal
from mlplat.engine.kinds import KINDS
from mlplat.engine.templates import Context, Library, TemplateMissingError
from mlplat.errors import Diagnostic, UnsupportedError, nearest

_BUCKETS = ("bucket", "endpoint", "container", "bucketRef", "url", "addresses")


def check(documents: Documents, *, interactive: bool, images: bool = False) -> list[Diagnostic]:
    """Check that everything in a workflow is supported on this machine.

    Args:
        documents: the workflow and the documents that it refers to.
        interactive: whether a person can be asked.
        images: whether commands run in images.

    Returns:
        Warnings.

    Raises:
        UnsupportedError: something is not supported; all errors at once.
    """
    found = list(_Check(documents, interactive, images).all())
    errors = [one for one in found if one.severity == "error"]
    if errors:
        raise UnsupportedError(errors)
    return found


class _Check:
    def __init__(self, documents: Documents, interactive: bool, images: bool) -> None:
        self.documents = documents
        self.spec = documents.workflow["spec"]
        self.library = Library(documents.workflow["metadata"]["name"], self.spec, documents.specs)
        self.interactive = interactive
        self.images = images
        self.seen: set[tuple[str, str]] = set()

    def all(self) -> Iterator[Diagnostic]:
        spec = self.spec
        yield from self.locks("spec", spec)
        if spec.get("suspend"):
            yield refusal("spec.suspend", "the Workflow is suspended", "set spec.suspend to false")
        if not spec.get("entrypoint"):
            yield Diagnostic(
                "MLP510",
                "spec.entrypoint",
                "the Workflow has no entrypoint",
                "name the template to start with",
            )
        else:
            yield from self.visit("spec.entrypoint", {"template": spec["entrypoint"]}, self.library.root)
        if spec.get("onExit"):
            yield from self.visit("spec.onExit", {"template": spec["onExit"]}, self.library.root)
        for name, hook in (spec.get("hooks") or {}).items():
            yield from self.visit(f"spec.hooks.{name}", hook, self.library.root)

    def visit(self, path: str, holder: Mapping[str, Any], context: Context) -> Iterator[Diagnostic]:
        if holder.get("inline"):
            yield from self.template(f"{path}.inline", holder["inline"], context)
            return
        dynamic = str(holder.get("template", "")) + str((holder.get("templateRef") or {}).get("name", ""))
        if "{{" in dynamic:
            return
        try:
            inner, template = context.resolve(holder)
        except TemplateMissingError as error:
            known = [one.get("name", "") for one in self.spec.get("templates") or ()]
            yield Diagnostic("MLP511", path, str(error), nearest(str(holder.get("template", "")), known))
            return
        key = (inner.scope, template.get("name", ""))
        if key not in self.seen:
            self.seen.add(key)
            place = (
                f"spec.templates.{key[1]}" if inner.scope.startswith("local/") else f"{inner.scope}.{key[1]}"
            )
            yield from self.template(place, template, inner)

    def template(self, path: str, template: Mapping[str, Any], context: Context) -> Iterator[Diagnostic]:
        kind = kind_of(template)
        if not kind:
            yield Diagnostic("MLP512", path, "the template has no kind", f"add one of {', '.join(KINDS)}")
        yield from self.locks(path, template)
        yield from self.tags(path, template)
        yield from self.artifacts(path, template)
        if kind:
            yield from KINDS[kind].check(self, path, template, context)

    def locks(self, path: str, holder: Mapping[str, Any]) -> Iterator[Diagnostic]:
        if holder.get("synchronization"):
            place = f"{path}.synchronization"
            yield from locks.problems(place, holder["synchronization"], self.documents.config_maps)

    def holder(self, path: str, holder: Mapping[str, Any], context: Context) -> Iterator[Diagnostic]:
        """Inspect the templates that a DAG task or step names, and those of its hooks."""
        yield from self.visit(path, holder, context)
        if holder.get("onExit"):
            yield from self.visit(f"{path}.onExit", {"template": holder["onExit"]}, context)
        for name, hook in (holder.get("hooks") or {}).items():
            yield from self.visit(f"{path}.hooks.{name}", hook, context)

    def tags(self, path: str, template: Mapping[str, Any]) -> Iterator[Diagnostic]:
        try:
            found = tags(template)
        except TemplatingError as error:
            yield Diagnostic("MLP514", path, str(error), "close the tag with }}")
            return
        for tag in found:
            if tag.startswith("=") and (wrong := unreadable(tag[1:])):
                yield replace(wrong, path=path)

    def artifacts(self, path: str, template: Mapping[str, Any]) -> Iterator[Diagnostic]:
        for kind in ("inputs", "outputs"):
            for artifact in (template.get(kind) or {}).get("artifacts") or ():
                store = next((one for one in LOCATIONS if artifact.get(one)), "")
                place = f"{path}.{kind}.artifacts.{artifact.get('name', '')}"
                if kind == "inputs" and store in remote.KINDS and remote.is_remote(artifact):
                    store = ""
                if store and store not in (*OBJECT_STORES, "raw"):
                    yield refusal(
                        f"{place}.{store}",
                        f"{store} artifacts are not supported on this machine",
                        "use a key, or raw data",
                    )
                elif store in OBJECT_STORES:
                    outside = [key for key in _BUCKETS if artifact[store].get(key)]
                    if outside:
                        yield refusal(
                            f"{place}.{store}.{outside[0]}",
                            "artifacts outside the artifact folder of this machine cannot be read",
                            "use only a key, which is relative to the artifact repository",
                        )
                for way in (artifact.get("http") or {}).get("auth") or {}:
                    if way != "basicAuth":
                        hint = "use basicAuth or a header"
                        yield refusal(
                            f"{place}.http.auth.{way}", f"{way} is not supported on this machine", hint
                        )
                if "zip" in (artifact.get("archive") or {}):
                    yield refusal(
                        f"{place}.archive.zip",
                        "zip archives are not supported on this machine",
                        "use tar or none",
                    )
