"""Writes ``mlplat/argo/schema.json``: the types of Argo's resources, from the Go module of one version.

``make argoschema`` runs it. Fields and their types are those of ``api/jsonschema/schema.json``; what only the custom
resource definitions say (``manifests/base/crds/full``) is put beside them. Descriptions are left out.

A type is one of ``string``, ``any-string``, ``integer``, ``number``, ``boolean``, ``int-or-string``, ``quantity``,
``any``, ``object`` (a mapping with any fields), ``plugin`` (with one) or the name of a mapping with known fields;
``[]`` before it makes a list, ``{}`` a mapping by any keys.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.harness.versions import ARGO

MODULE = "github.com/argoproj/argo-workflows/v4"
TARGET = Path(__file__).parent.parent / "mlplat" / "argo" / "schema.json"
KINDS = {
    "ClusterWorkflowTemplate": "clusterworkflowtemplates",
    "CronWorkflow": "cronworkflows",
    "Workflow": "workflows",
    "WorkflowTemplate": "workflowtemplates",
}
SCALARS = {
    "Amount": "number",
    "IntOrString": "int-or-string",
    "Item": "any",
    "Quantity": "quantity",
    "Time": "string",
}
GO = {
    ("Parameter", "default"): "any-string",
    ("Parameter", "description"): "any-string",
    ("Parameter", "enum"): "[]any-string",
    ("Parameter", "value"): "any-string",
    ("Template", "plugin"): "plugin",
    ("ValueFrom", "default"): "any-string",
}
"""Types that Argo's Go code reads differently from what its schema says (``AnyString``, ``Plugin``)."""

LIMITS = ("enum", "maximum", "minimum", "minLength")
"""What the custom resource definitions alone say of a value, and is written beside its type."""


def main() -> None:
    """Write the file."""
    folder = module()
    schema = json.loads((folder / "api" / "jsonschema" / "schema.json").read_text())
    types = Types(schema["definitions"])
    for kind in KINDS:
        types.add(f"io.argoproj.workflow.v1alpha1.{kind}")
    for kind, plural in KINDS.items():
        file = folder / "manifests" / "base" / "crds" / "full" / f"argoproj.io_{plural}.yaml"
        definition = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
        (version,) = definition["spec"]["versions"]
        types.limit(version["schema"]["openAPIV3Schema"], kind)
    lines = [f"{json.dumps(name)}:{compact(types.found[name])}" for name in sorted(types.found)]
    TARGET.write_text(f'{{"version":"{ARGO}","types":{{\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


def module() -> Path:
    """Return the folder of Argo's module, which Go fetches where it is missing."""
    command = ["go", "mod", "download", "-json", f"{MODULE}@v{ARGO}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TARGET.anchor)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return Path(json.loads(done.stdout)["Dir"])


def compact(value: Any) -> str:
    """Return the JSON of a value without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Types:
    """The types that the kinds are made of."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.found: dict[str, dict[str, Any]] = {}
        self.names: dict[str, str] = {}

    def add(self, full: str) -> str:
        """Take in a definition, and all that it is made of; return what it is called."""
        short, definition = full.rpartition(".")[2], self.definitions[full]
        if short in SCALARS:
            return SCALARS[short]
        if "properties" not in definition:
            return "object" if definition.get("type") == "object" else self.type(definition)
        name = short if self.names.setdefault(short, full) == full else f"{full.split('.')[-3]}.{short}"
        if name not in self.found:
            self.found[name] = {}
            for key, value in definition["properties"].items():
                self.found[name][key] = GO.get((name, key)) or self.type(value)
        return name

    def type(self, value: dict[str, Any]) -> str:
        """Return the type of a value."""
        if "$ref" in value:
            return self.add(value["$ref"].rpartition("/")[2])
        match value.get("type"):
            case "array":
                return f"[]{self.type(value['items'])}"
            case "object" if "additionalProperties" in value:
                return f"{{}}{self.type(value['additionalProperties'])}"
            case None:
                return "any"
            case kind:
                return str(kind)

    def limit(self, schema: dict[str, Any], name: str) -> None:
        """Put what a custom resource definition says beside the types of a mapping."""
        fields = self.found[name]
        for key, value in schema.get("properties", {}).items():
            if key not in fields:
                sys.exit(f"the CRD knows {name}.{key}, and the schema does not")
            kind = fields[key] if isinstance(fields[key], str) else fields[key]["type"]
            said = {one: value[one] for one in LIMITS if one in value}
            said |= {"required": True} if key in schema.get("required", ()) else {}
            if said:
                before = fields[key] if isinstance(fields[key], dict) else {"type": kind}
                fields[key] = {**before, **said}
            for inner, item in self.inside(value, kind):
                self.limit(inner, item)

    def inside(self, value: dict[str, Any], kind: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Give the mapping with known fields in a value, and its type."""
        while kind.startswith(("[]", "{}")):
            value = value.get("items" if kind.startswith("[]") else "additionalProperties") or {}
            kind = kind[2:]
        if kind in self.found and isinstance(value, dict):
            yield value, kind


if __name__ == "__main__":
    main()
