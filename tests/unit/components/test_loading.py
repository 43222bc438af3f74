"""Components from texts, files and addresses: IR YAML, and component YAML of the first version."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplat import compiler, components, dsl, engine, ir, manifest
from mlplat.errors import ManifestError
from mlplat.ir.model import ABSENT, ArtifactType

V1 = """\
name: Count Words
description: Counts.
inputs:
- {name: Text Data, type: String, description: what to count}
- {name: Times, type: Integer, default: '2'}
- {name: Loud, type: Bool, optional: true}
- {name: File, type: Dataset, optional: true}
outputs:
- {name: Count, type: Integer}
- {name: Copy, type: Dataset}
implementation:
  container:
    image: python:3.11
    command:
    - sh
    - -ec
    - |
      mkdir -p "$(dirname "$2")" "$(dirname "$3")"
      printf '%s' "$1" | wc -w > "$2"
      shift 2; out="$1"; shift; printf '%s,' "$@" > "$out"
    - count
    args:
    - {inputValue: Text Data}
    - {outputPath: Count}
    - {outputPath: Copy}
    - {concat: [--times=, {inputValue: Times}]}
    - if:
        cond: {isPresent: Loud}
        then: [--loud, {inputValue: Loud}]
        else: [--quiet]
    env: {LEVEL: 3}
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "component.yaml").write_text(V1)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def run(component: Any, home: Path, **arguments: Any) -> dict[str, Any]:
    @dsl.pipeline
    def p() -> None:
        component(**arguments)

    return engine.run(compiler.manifest(p.spec, compiler.Options(name="run", cache=False)), home=home)


def test_component_of_the_first_version_runs(tmp_path: Path) -> None:
    count = components.load_component_from_text(V1)
    assert count.name == "count-words"
    assert count.interface.input_parameters["text_data"].description == "what to count"
    assert count.interface.input_parameters["times"].default == 2
    done = run(count, tmp_path, text_data="it's {{two}} $(words)")
    assert done["status"]["phase"] == "Succeeded"
    assert (tmp_path / "artifacts/run/count-words/copy.dataset").read_text() == "--times=2,--quiet,"
    outputs = [node["outputs"] for node in done["status"]["nodes"].values() if node["type"] == "Pod"]
    assert outputs[0]["parameters"][0]["value"] == "3"


def test_component_is_read_from_an_address(served: str) -> None:
    count = components.load_component_from_url(f"{served}/component.yaml")
    assert list(count.interface.output_artifacts) == ["copy"]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "{served}/nowhere.yaml"])
def test_a_url_that_can_not_be_read_is_reported(address: str, served: str) -> None:
    with pytest.raises(ManifestError, match="MLP211"):
        components.load_component_from_url(address.format(served=served))


def test_a_url_that_can_not_be_read_is_reported_without_secrets(served: str) -> None:
    address = f"{served.replace('://', '://ada:hunter1@')}/nowhere.yaml?token=hunter2"
    with pytest.raises(ManifestError) as caught:
        components.load_component_from_url(address)
    assert f"{served}/nowhere.yaml cannot be read" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_credentials_of_a_component_are_for_one_host(tmp_path: Path) -> None:
    told = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(self.headers["Authorization"])
            self.send_response(302 if self.path == "/away" else 200)
            port = self.headers["Host"].partition(":")[2]
            self.send_header("Location", f"http://localhost:{port}/component.yaml")
            self.end_headers()
            self.wfile.write(V1.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = False  # so that its end waits for them
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/away"
        assert components.load_component_from_url(address, auth=("ada", "pw")).name == "count-words"
        server.shutdown()
    assert told == ["Basic YWRhOnB3", None]


def test_file_that_does_not_exist_is_reported() -> None:
    with pytest.raises(ManifestError, match=r"MLP204.*cannot be read"):
        components.load_component_from_file("nowhere.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda document: document.pop("implementation"),
            "implementation: implementation.container is missing",
        ),
        (
            lambda document: document["implementation"]["container"].pop("image"),
            "container.image: the container has no image",
        ),
        (
            lambda document: document["implementation"]["container"]["args"].append({"inputValue": "No"}),
            "args.5: unknown input or output 'No'",
        ),
        (
            lambda document: document["implementation"]["container"]["args"].append({"magic": "No"}),
            "args.5: .*is not a placeholder",
        ),
        (
            lambda document: document["implementation"]["container"]["args"].append(
                {"if": {"cond": "x", "then": "a"}}
            ),
            "args.5: unsupported condition 'x'",
        ),
        (
            lambda document: document["inputs"].append({"type": "String"}),
            "inputs.4: .*has no name",
        ),
        (
            lambda document: document["implementation"]["container"].update(env=["A"]),
            "container.env: expected a mapping",
        ),
        (
            lambda document: document["inputs"][1].update(default="two"),
            "inputs.Times.default: .*is not a valid int",
        ),
    ],
)
def test_unsupported_component_yaml_is_reported(change: Any, message: str) -> None:
    document = yaml.safe_load(V1)
    change(document)
    with pytest.raises(ManifestError, match=f"MLP212: .*{message}"):
        components.load_component_from_text(json.dumps(document))


DEFAULTS = [
    ("String", "5", "5"),
    ("String", 5, "5"),
    ("Integer", "3", 3),
    ("Double", "0.5", 0.5),
    ("Bool", "yes", True),
    ("boolean", False, False),
    ("List[str]", '["a"]', ["a"]),
    ("JsonObject", '{"a": 1}', {"a": 1}),
    ("JsonArray", [1], [1]),
    ("JsonObject", "", None),
    ("String", None, None),
]


@pytest.mark.parametrize(("kind", "default", "expected"), DEFAULTS)
def test_default_is_of_the_declared_type(kind: str, default: Any, expected: Any) -> None:
    document = {
        "inputs": [{"name": "Given__one", "type": kind, "default": default}],
        "implementation": {"container": {"image": "a"}},
    }
    given = components.load_component_from_text(json.dumps(document)).interface.input_parameters["given__one"]
    assert given.optional
    assert given.default == (ABSENT if expected is None else expected)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("google.VertexDataset", "google.VertexDataset"),
        ("model", "system.Model"),
        ("ClassificationMetrics", "system.ClassificationMetrics"),
        ("Anything", "system.Artifact"),
        ({"GCSPath": {"data_type": "CSV"}}, "system.Artifact"),
        (None, "system.Artifact"),
    ],
)
def test_artifact_keeps_the_title_that_kfp_knows(written: Any, title: str) -> None:
    document = {
        "inputs": [{"name": "in", "type": written}],
        "outputs": [{"name": "out", "type": written}],
        "implementation": {"container": {"image": "a", "args": [{"inputPath": "in"}, {"outputPath": "out"}]}},
    }
    found = components.load_component_from_text(json.dumps(document)).interface
    assert found.input_artifacts["in"].type == found.output_artifacts["out"].type == ArtifactType(title)


def test_variables_of_the_environment_take_inputs(tmp_path: Path) -> None:
    document = {
        "name": "say",
        "inputs": [{"name": "word", "type": "String"}],
        "outputs": [{"name": "said", "type": "String"}],
        "implementation": {
            "container": {
                "image": "busybox",
                "command": [
                    "sh",
                    "-ec",
                    'mkdir -p "$(dirname "$0")"; printf %s "$WORD" > "$0"',
                    {"outputPath": "said"},
                ],
                "env": {"WORD": {"inputValue": "word"}},
            }
        },
    }
    done = run(components.load_component_from_text(json.dumps(document)), tmp_path, word="it's $(this)")
    values = [
        parameter["value"]
        for node in done["status"]["nodes"].values()
        if node["type"] == "Pod"
        for parameter in node["outputs"]["parameters"]
    ]
    assert values == ["it's $(this)"]


def test_exit_task_of_the_first_version_is_given_the_status(tmp_path: Path) -> None:
    text = """
name: tell
inputs: [{name: status, type: PipelineTaskFinalStatus}]
outputs: [{name: told, type: String}]
implementation:
  container:
    image: busybox
    command: [sh, -ec, 'mkdir -p "$(dirname "$1")"; printf %s "$0" > "$1"', {inputValue: status}, {outputPath: told}]
"""
    tell = components.load_component_from_text(text)

    @dsl.component
    def work() -> None:
        pass

    @dsl.pipeline
    def p() -> None:
        with dsl.ExitHandler(tell()):
            work()

    done = engine.run(compiler.manifest(p.spec, compiler.Options(name="run", cache=False)), home=tmp_path)
    told = [
        json.loads(parameter["value"])
        for node in done["status"]["nodes"].values()
        for parameter in node.get("outputs", {}).get("parameters", ())
        if parameter["name"] == "told"
    ]
    assert [one["state"] for one in told] == ["SUCCEEDED"]


@dsl.component
def double(number: int = 2) -> int:
    return 2 * number


@dsl.pipeline
def twice(number: int = 1) -> int:
    return double(number=double(number=number).output).output  # type: ignore[return-value]


@pytest.mark.parametrize(("called", "expected"), [(double, 14), (twice, 28)])
def test_what_the_compiler_wrote_is_a_component_again(called: Any, expected: int, tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    compiler.Compiler().compile(called, str(file))
    again = components.load_component_from_file(str(file))
    assert (again.spec is None) == (called is double)
    done = run(again, tmp_path, number=7)
    values = [
        one["value"]
        for node in done["status"]["nodes"].values()
        for one in node.get("outputs", {}).get("parameters", ())
    ]
    assert str(expected) in values


def test_names_of_packages_are_those_of_kfp() -> None:
    assert issubclass(components.PythonComponent, components.BaseComponent)
    assert isinstance(twice, components.GraphComponent)
    assert ir.read(manifest.load(manifest.dump(ir.write(twice.spec)))).name == "twice"
