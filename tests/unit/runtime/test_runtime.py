"""The runtime as it runs in a container: one file, a process of its own."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlplat import runtime
from mlplat.argo.values import LARGE, inert_json

MODULES = {path.stem for path in Path(runtime.__file__).parent.glob("*.py")} - {"__init__"}
PRELUDE = "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"


@dataclass
class Result:
    """What a task left."""

    code: int
    out: str
    error: str
    folder: Path

    def value(self, name: str = "Output") -> Any:
        text = (self.folder / "out/values" / name).read_text()
        assert "{{" not in text
        assert "$" not in text
        return json.loads(text)

    def artifact(self, name: str) -> str:
        return (self.folder / "out/artifacts" / name).read_text()


@dataclass
class Runtime:
    """Runs functions with the runtime's text."""

    folder: Path
    python: str = sys.executable

    def __call__(self, source: str, *, env: dict[str, str] | None = None, **call: Any) -> Result:
        name = source.split("def ")[1].split("(", maxsplit=1)[0]
        call = {"function": name, "out": str(self.folder / "out"), **call}
        command = [self.python, *runtime.COMMAND[1:], PRELUDE + source, json.dumps(call)]
        environment = {
            **os.environ,
            runtime.VARIABLE: runtime.packed(runtime.text()),
            "MLPLAT_ENVIRONMENTS": str(self.folder / "environments"),
            **(env or {}),
        }
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return Result(done.returncode, done.stdout, done.stderr, self.folder)


@pytest.fixture
def run(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


def parameter(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "value": value, **more}


def dataset(key: str = "run/task/data") -> dict[str, str]:
    return {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1", "key": key}


def test_text_is_one_file_of_the_standard_library() -> None:
    tree = ast.parse(runtime.text(), feature_version=(3, 8))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {str(name).split(".")[0] for name in names} <= set(sys.stdlib_module_names)
    assert "{{" not in runtime.text()


def test_no_two_modules_define_one_name() -> None:
    """They share one namespace in a container, where the later definition would replace the earlier one."""
    names = [
        name
        for node in ast.parse(runtime.text()).body
        for name in (
            [node.name]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    ]
    assert len(names) == len(set(names)), sorted(names)


def test_each_module_imports_only_those_joined_before_it() -> None:
    before: set[str] = set()
    for name in runtime.MODULES:
        tree = ast.parse((Path(runtime.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        own = {module.rpartition(".")[2] for module in imported if module.startswith("mlplat.")}
        assert own <= before, f"{name} imports {own - before}"
        before.add(name)


class _WithoutTexts(ast.NodeTransformer):
    """Drops statements that are nothing but a text, and the imports between modules that travel as one."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | ast.Pass:
        return ast.Pass() if isinstance(node.value, ast.Constant) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | ast.Pass:
        return ast.Pass() if (node.module or "").startswith("mlplat.runtime.") else node

    def meaning(self, source: str) -> str:
        tree = self.visit(ast.parse(source))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                node.body = [one for one in node.body if not isinstance(one, ast.Pass)]
        return ast.dump(tree)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_travels_means_what_the_module_means(name: str) -> None:
    source = (Path(runtime.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    travels = runtime.module_text(name)
    assert _WithoutTexts().meaning(travels) == _WithoutTexts().meaning(source)
    assert len(travels) < len(source)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", 'it\'s {{x}} $(HOME) "é"\n'),
        ("NUMBER_INTEGER", 2**60),
        ("NUMBER_DOUBLE", 1e-5),
        ("BOOLEAN", False),
        ("LIST", [1, "a", None, {"{{": "$"}]),
        ("STRUCT", {"{{": {"n": [1.5, True]}}),
    ],
)
def test_value_goes_through_unchanged(run: Runtime, kind: str, value: Any) -> None:
    result = run(
        "def f(x): return x", parameters={"x": parameter(kind, value)}, output_parameters={"Output": kind}
    )
    assert result.code == 0, result.error
    assert result.value() == value


def test_numbers_get_their_declared_type_back(run: Runtime) -> None:
    source = "def f(i: int, d: float, s: str) -> str: return repr((i, d, s))"
    parameters = {
        "i": parameter("NUMBER_INTEGER", 3.0),
        "d": parameter("NUMBER_DOUBLE", 1),
        "s": parameter("STRING", {"a": 1}),
    }
    result = run(source, parameters=parameters, output_parameters={"Output": "STRING"})
    assert result.value() == "(3, 1.0, '{\"a\": 1}')"


def test_missing_optional_input_leaves_the_default(run: Runtime) -> None:
    source = "def f(a: Optional[str], b: str = 'default', *, c: int = 4) -> str: return f'{a} {b} {c}'"
    parameters = {
        "a": parameter("STRING", None),
        "b": parameter("STRING", None),
        "c": parameter("NUMBER_INTEGER", 5),
    }
    assert (
        run(source, parameters=parameters, output_parameters={"Output": "STRING"}).value() == "None default 5"
    )


def test_an_input_without_a_value_is_reported(run: Runtime) -> None:
    result = run("def f(a: str): print('ran')", parameters={"a": parameter("STRING", None)})
    assert (result.code, result.out) == (1, "")
    assert result.error == "f: input 'a' has no value: the task that produces it wrote none\n"


def test_artifacts_are_read_and_written(run: Runtime) -> None:
    given = run.folder / "in"
    given.write_text("data")
    value = {
        "name": "d",
        "type": {"schemaTitle": "system.Dataset"},
        "key": "k",
        "uri": "u",
        "metadata": {"rows": 1},
    }
    source = (
        "def f(data: Input[Dataset], place: InputPath('Dataset'), model: Output[Model], metrics: Output[Metrics]):\n"
        "    assert open(place).read() == open(data.path).read()\n"
        "    open(model.path, 'w').write(open(data.path).read() * 2)\n"
        "    model.framework = type(data).__name__\n"
        "    metrics.log_metric('rows', data.metadata['rows'])\n"
        "    metrics.log_metric('nan', float('nan'))\n"
    )
    artifacts = {name: {"path": str(given), "value": value} for name in ("data", "place")}
    outputs = {
        "model": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1", "key": "run/task/model"},
        "metrics": {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1", "key": "run/task/metrics"},
    }
    result = run(source, artifacts=artifacts, output_artifacts=outputs)
    assert result.code == 0, result.error
    model, metrics = result.value("model"), result.value("metrics")
    assert result.artifact("model") == "datadata"
    assert model["digest"] == "sha256:" + hashlib.sha256(b"datadata").hexdigest()
    assert (model["key"], model["size"], model["metadata"]) == ("run/task/model", 8, {"framework": "Dataset"})
    assert metrics["metadata"] == {"rows": 1, "nan": "NaN"}
    assert "key" not in metrics


def test_fingerprint_follows_content_and_not_place(
    run: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def fingerprint(text: str, key: str) -> str:
        here = Runtime(tmp_path_factory.mktemp("run"))
        source = f"def f(data: Output[Dataset]): open(data.path, 'w').write({text!r})"
        return str(here(source, output_artifacts={"data": dataset(key)}).value("data")["fingerprint"])

    assert fingerprint("a", "run-1/data") == fingerprint("a", "run-2/data")
    assert fingerprint("a", "run-1/data") != fingerprint("b", "run-1/data")


def test_folder_is_an_artifact(run: Runtime) -> None:
    source = (
        "def f(data: Output[Dataset]):\n    import os\n    os.makedirs(data.path + '/é')\n"
        "    open(data.path + '/é/x', 'w').write('1')\n    open(data.path + '/y', 'w').write('22')\n"
    )
    value = run(source, output_artifacts={"data": dataset()}).value("data")
    assert value["size"] == 3
    assert value["digest"].startswith("sha256:")


def test_outputs_in_every_form(run: Runtime) -> None:
    source = (
        "def f(count: OutputPath(int), flag: OutputPath(bool), text: OutputPath(str), place: OutputPath('Dataset'))"
        " -> NamedTuple('O', [('score', float), ('report', Dataset), ('page', HTML)]):\n"
        "    open(count, 'w').write('3')\n    open(flag, 'w').write('True')\n    open(text, 'w').write(' t\\n')\n"
        "    open(place, 'w').write('placed')\n"
        "    report = Dataset(uri=dsl.get_uri('anywhere'), metadata={'a': 1})\n    open(report.path, 'w').write('r')\n"
        "    from collections import namedtuple\n"
        "    return namedtuple('O', ['score', 'report', 'page'])(1, report, '<p>')\n"
    )
    result = run(
        source,
        output_parameters={
            "count": "NUMBER_INTEGER",
            "flag": "BOOLEAN",
            "text": "STRING",
            "score": "NUMBER_DOUBLE",
        },
        output_artifacts={name: dataset(f"k/{name}") for name in ("place", "report", "page")},
    )
    assert result.code == 0, result.error
    values = [result.value(name) for name in ("count", "flag", "text", "score")]
    assert values == [3, True, " t\n", 1.0]
    assert [result.artifact(name) for name in ("place", "report", "page")] == ["placed", "r", "<p>"]
    assert result.value("report")["metadata"] == {"a": 1}
    assert result.value("report")["uri"] == "mlplat://artifacts/k/report"


def test_a_plain_tuple_has_the_order_of_the_annotation(run: Runtime) -> None:
    source = (
        "def f() -> NamedTuple('O', [('page', HTML), ('total', int), ('line', str)]):\n"
        "    return ('<p>', 3, 'three')\n"
    )
    outputs = {"line": "STRING", "total": "NUMBER_INTEGER"}
    result = run(source, output_parameters=outputs, output_artifacts={"page": dataset()})
    assert result.code == 0, result.error
    assert [result.value(name) for name in ("total", "line")] == [3, "three"]
    assert result.artifact("page") == "<p>"


def test_a_plain_tuple_of_unknown_order_is_refused(run: Runtime) -> None:
    source = "def f() -> Elsewhere:\n    return (1, 2)\n"
    result = run(source, output_parameters={"a": "NUMBER_INTEGER", "z": "NUMBER_INTEGER"})
    assert result.code == 1
    assert "return a dict with a, z" in result.error


def test_numpy_scalars_are_numbers(run: Runtime) -> None:
    pytest.importorskip("numpy")
    source = "def f() -> float:\n    import numpy\n    return numpy.float32(0.5)"
    assert run(source, output_parameters={"Output": "NUMBER_DOUBLE"}).value() == 0.5


def test_large_output_becomes_a_reference_and_is_read_back(run: Runtime) -> None:
    items = ["x" * 40_000, "é{{$"]
    result = run(
        "def f(n: int) -> list: return ['x' * n, 'é{' + '{$']",
        parameters={"n": parameter("NUMBER_INTEGER", 40_000)},
        output_parameters={"Output": "LIST"},
        large_key="run/task/large-values",
    )
    reference = result.value()
    assert reference[LARGE]["key"] == "run/task/large-values/Output"
    assert reference[LARGE]["length"] == 2
    large = str(run.folder / "out/large/Output")
    for index, item in enumerate(items):
        at = {LARGE: {**reference[LARGE], "index": index}}
        again = Runtime(run.folder)(
            "def f(x: str) -> int: return len(x)",
            parameters={"x": parameter("STRING", at, large=large)},
            output_parameters={"Output": "NUMBER_INTEGER"},
        )
        assert again.value() == len(item)


def test_large_constant_is_read_from_its_file(run: Runtime) -> None:
    (run.folder / "values").mkdir()
    (run.folder / "values/abc").write_text(inert_json("{{" * 5))
    result = run(
        "def f(x: str) -> str: return x",
        parameters={"x": parameter("STRING", {LARGE: {"file": "abc", "length": 0}})},
        values=str(run.folder / "values"),
        output_parameters={"Output": "STRING"},
    )
    assert result.value() == "{{" * 5


@pytest.mark.parametrize(
    ("source", "outputs", "message"),
    [
        (
            "def f(): return 'x'",
            {"Output": "NUMBER_INTEGER"},
            "'Output' is declared int, but the function",
        ),
        ("def f(): return True", {"Output": "NUMBER_DOUBLE"}, "returned bool: True"),
        ("def f(): return object()", {"Output": "STRUCT"}, "returned object"),
        (
            "def f(): return {1: {2}}",
            {"Output": "STRUCT"},
            "cannot be written as JSON: Object of type set is not JSON",
        ),
        ("def f(): return 1", {"a": "STRING", "b": "STRING"}, "expected a named tuple with a, b"),
        (
            "def f(a: OutputPath(int)): open(a, 'w').write('x')",
            {"a": "NUMBER_INTEGER"},
            "its file contains 'x'",
        ),
        (
            "def f(a: OutputPath(int)): open(a, 'w').write('NaN')",
            {"a": "NUMBER_INTEGER"},
            "returned float: nan",
        ),
        ("def f(a: OutputPath(str)): open(a, 'wb').write(b'\\xff')", {"a": "STRING"}, "its file contains"),
        ("def f() -> int: ...", {"Output": "NUMBER_INTEGER"}, "the function returned NoneType: None"),
        ("def f(): return {(1, 2): 3}", {"Output": "STRUCT"}, "cannot be written as JSON: keys must be str"),
        ("def f(): return 'x' * 9999", {"Output": "BOOLEAN"}, "xxx..."),
    ],
)
def test_wrong_output_is_reported_and_leaves_nothing(
    run: Runtime, source: str, outputs: dict[str, str], message: str
) -> None:
    result = run(source, output_parameters=outputs)
    assert result.code == 1
    assert message in result.error
    assert "Traceback" not in result.error
    assert list((run.folder / "out/values").iterdir()) == []


def test_wrong_input_is_reported(run: Runtime) -> None:
    result = run("def f(x: int): ...", parameters={"x": parameter("NUMBER_INTEGER", "three")})
    assert (result.code, result.error) == (
        1,
        "f: input 'x' is declared int, but got 'three'\n",
    )


def test_returning_nothing_for_an_artifact_is_reported(run: Runtime) -> None:
    result = run("def f() -> Dataset: ...", output_artifacts={"Output": dataset()})
    assert result.error == "f: output 'Output' is an artifact, but the function returned None\n"


def test_ending_early_gives_no_outputs_and_is_not_a_failure(run: Runtime) -> None:
    result = run(
        "def f(): raise SystemExit",
        output_parameters={"Output": "STRING"},
        output_artifacts={"data": dataset()},
    )
    assert (result.code, result.value()) == (0, None)
    assert not (run.folder / "out/values/data").exists()


def test_missing_function_is_reported(run: Runtime) -> None:
    assert run("def f(): ...", function="g").error == "g: its source code has no function of that name\n"


@pytest.mark.parametrize(("body", "code"), [("open(data.path)", 1), ("return data.metadata['rows']", 0)])
def test_reading_an_unwritten_artifact_names_the_task_that_did_not_write_it(
    run: Runtime, body: str, code: int
) -> None:
    made = run(
        "def make(out: Output[Dataset]):\n    out.metadata['rows'] = 3\n", output_artifacts={"out": dataset()}
    )
    given = {"path": str(run.folder / "in"), "value": made.value("out")}
    source = f"def read(data: Input[Dataset]) -> int:\n    {body}\n"
    found = run(
        source, artifacts={"data": given}, output_parameters={"Output": "NUMBER_INTEGER"}, errors="errors"
    )
    assert found.code == code
    reason = "read: input 'data' is empty: the task that produces 'out' wrote nothing to it"
    assert (reason in found.error) == bool(code)
    assert not code or (found.folder / "out/error").read_text() == reason


def test_exception_shows_the_users_frames_only(run: Runtime) -> None:
    source = "def f():\n    def inner():\n        raise ValueError('no')\n    inner()\n"
    result = run(source)
    assert result.code == 1
    assert "runtime.py" not in result.error
    assert "    raise ValueError('no')" in result.error
    assert result.error.endswith("ValueError: no\n")


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("", 0), ("3", 3), ("'why'", 1)])
def test_exit_code_is_the_functions(run: Runtime, code: str, expected: int) -> None:
    assert run(f"def f():\n    import sys\n    sys.exit({code})").code == expected


def test_bodies_import_kfp_and_mlplat_without_either(run: Runtime) -> None:
    source = (
        "def f() -> str:\n    from kfp import dsl as kfp_dsl\n    from mlplat import dsl\n"
        "    from mlplat.dsl import Dataset\n    assert kfp_dsl.Dataset is Dataset is dsl.Dataset\n"
        "    return dsl.Model(name='m').name\n"
    )
    result = run(source, output_parameters={"Output": "STRING"})
    assert result.value() == "m", result.error


def test_annotation_of_unknown_names_does_no_harm(run: Runtime) -> None:
    source = "def f(x: 'pd.DataFrame', data: d.Output[d.Dataset], place: d.OutputPath(str)): open(place, 'w').write(x)"
    result = run(
        source,
        parameters={"x": parameter("STRING", "v")},
        output_parameters={"place": "STRING"},
        output_artifacts={"data": dataset()},
    )
    assert result.value("place") == "v", result.error


def test_long_arguments_come_in_files(run: Runtime) -> None:
    call = {"function": "f", "out": str(run.folder / "out"), "output_parameters": {"Output": "STRING"}}
    (run.folder / "call.json").write_text(json.dumps(call))
    source = (
        "def f(): import os; return '{{x}} $$(HOME)' + str([n for n in os.environ if n.startswith('MLPLAT')])"
    )
    environment = {
        runtime.VARIABLE: runtime.packed(runtime.text()),
        "MLPLAT_SOURCE_1": runtime.packed(source),
    }
    arguments = ["@source:MLPLAT_SOURCE_1", f"@{run.folder / 'call.json'}"]
    subprocess.run([sys.executable, *runtime.COMMAND[1:], *arguments], check=True, env=environment)
    assert json.loads((run.folder / "out/values/Output").read_text()) == "{{x}} $$(HOME)[]"


def test_python_3_8_runs_it(run: Runtime) -> None:
    python = Path.home() / ".pyenv/versions/3.8.18/bin/python3"
    if not python.exists():
        pytest.skip("Python 3.8 is not on this machine")
    run.python = str(python)
    result = run(
        "def f(x: int, data: Output[Dataset]) -> int:\n    open(data.path, 'w').write('a')\n    return x + 1",
        parameters={"x": parameter("NUMBER_INTEGER", 1)},
        output_parameters={"Output": "NUMBER_INTEGER"},
        output_artifacts={"data": dataset()},
    )
    assert result.value() == 2, result.error


def wheel(folder: Path) -> None:
    """Make a wheel of a tiny package, so that installing needs no network."""
    folder.mkdir()
    info = "tinypackage-1.0.dist-info"
    with zipfile.ZipFile(folder / "tinypackage-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tinypackage.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_packages_are_installed_once_and_beside_the_environment(run: Runtime) -> None:
    wheel(run.folder / "wheels")
    call: dict[str, Any] = {
        "packages": ["tinypackage==1.0"],
        "pip_options": ["--no-index", "--find-links", str(run.folder / "wheels")],
        "output_parameters": {"Output": "NUMBER_INTEGER"},
    }
    source = "def f() -> int:\n    import pytest, tinypackage\n    return tinypackage.ANSWER"
    first = run(source, **call)
    assert first.value() == 42, first.error
    assert "installing tinypackage==1.0" in first.error
    second = run(source, **call)
    assert second.value() == 42
    assert "installing" not in second.error


def test_nothing_is_installed_that_is_there(run: Runtime) -> None:
    result = run("def f(): ...", packages=["pytest>=1", "nothing; python_version<'3'"])
    assert (result.code, result.error) == (0, "")
    assert not (run.folder / "environments").exists()


def test_failed_installation_is_reported_and_retried(run: Runtime) -> None:
    (run.folder / "wheels").mkdir()
    options = ["--no-index", "--find-links", str(run.folder / "wheels")]
    result = run("def f(): ...", packages=["tinypackage==1.0"], pip_options=options)
    assert result.code == 1
    reason = "could not install tinypackage==1.0: No matching distribution found for tinypackage==1.0"
    assert reason in result.error
    assert not list((run.folder / "environments").glob("*/complete"))


@pytest.mark.parametrize(
    "body",
    [
        "open('elsewhere', 'w').write('x'); os.symlink(os.path.abspath('elsewhere'), data.path)",
        "os.makedirs(data.path); os.symlink(os.__file__, data.path + '/x')",
        "os.makedirs('k'); open('k/f', 'w').write('x'); os.symlink(os.path.abspath('k'), data.path)",
        "open('elsewhere', 'w').write('x'); data.path = os.path.abspath('elsewhere')",
    ],
)
def test_links_and_other_places_become_files_of_the_output(run: Runtime, body: str) -> None:
    source = f"def f(data: Output[Dataset]):\n    import os\n    os.chdir({str(run.folder)!r})\n    {body}\n"
    result = run(source, output_artifacts={"data": dataset()})
    assert result.code == 0, result.error
    artifact = run.folder / "out/artifacts/data"
    found = [artifact, *artifact.rglob("*")]
    assert any(path.is_file() for path in found)
    assert not any(path.is_symlink() for path in found)
    assert result.value("data")["size"] > 0
    assert (run.folder / "elsewhere").exists() == ("elsewhere" in body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("os.symlink('/nowhere', data.path)", "contains a link that cannot be resolved"),
        (
            "os.makedirs(data.path); os.symlink('..', data.path + '/up')",
            "contains a link that cannot be resolved",
        ),
        ("os.mkfifo(data.path)", "contains neither a file nor a folder"),
    ],
)
def test_output_that_can_not_be_kept_is_refused(run: Runtime, body: str, message: str) -> None:
    result = run(
        f"def f(data: Output[Dataset]):\n    import os\n    {body}\n", output_artifacts={"data": dataset()}
    )
    assert result.code == 1
    assert message in result.error
    assert not (run.folder / "out/values/data").exists()


def test_moving_an_input_to_an_output_leaves_the_input(run: Runtime) -> None:
    (run.folder / "in").write_text("data")
    value = {"name": "d", "type": {"schemaTitle": "system.Dataset"}, "key": "k", "uri": "u", "metadata": {}}
    result = run(
        "def f(given: Input[Dataset], data: Output[Dataset]): data.path = given.path",
        artifacts={"given": {"path": str(run.folder / "in"), "value": value}},
        output_artifacts={"data": dataset()},
    )
    assert result.artifact("data") == "data", result.error
    assert (run.folder / "in").read_text() == "data"


def test_empty_folder_survives_a_store_without_folders(run: Runtime) -> None:
    value = run(
        "def f(data: Output[Dataset]):\n    import os\n    os.makedirs(data.path)",
        output_artifacts={"data": dataset("k")},
    ).value("data")
    lost = run.folder / "lost"
    result = run(
        "def f(data: Input[Dataset]) -> list:\n    import os\n    return os.listdir(data.path)",
        artifacts={"data": {"path": str(lost), "value": value}},
        output_parameters={"Output": "LIST"},
    )
    assert result.value() == [], result.error


@pytest.mark.parametrize("folder", [False, True])
def test_bytes_that_are_gone_are_missed_before_the_function_runs(folder: bool, run: Runtime) -> None:
    if folder:  # which Argo leaves in the place of an artifact that is not there
        (run.folder / "gone").mkdir()
    value = {
        "name": "d",
        "type": {"schemaTitle": "system.Dataset"},
        "key": "run/t/d",
        "uri": "u",
        "metadata": {},
    }
    result = run(
        "def f(data: Input[Dataset]): print('ran')",
        artifacts={"data": {"path": str(run.folder / "gone"), "value": value}},
    )
    assert (result.code, result.out) == (1, "")
    assert result.error == "f: input 'data' not found in the artifact store: run/t/d\n"


def test_what_a_task_wrote_counts_more_than_the_path_it_names(run: Runtime) -> None:
    given = run.folder / "in"
    given.write_text("written")
    value = {
        "name": "d",
        "type": {"schemaTitle": "system.Dataset"},
        "key": "run/t/d",
        "uri": "file:///etc/hosts",
    }
    result = run(
        "def f(data: Input[Dataset]) -> str: return open(data.path).read()",
        artifacts={"data": {"path": str(given), "value": value}},
        output_parameters={"Output": "STRING"},
    )
    assert result.value() == "written"


def test_output_with_the_name_of_an_input(run: Runtime) -> None:
    result = run(
        "def f(n: int, Output: str) -> NamedTuple('O', [('n', int), ('Output', str)]):\n"
        "    from collections import namedtuple\n    return namedtuple('O', ['n', 'Output'])(n + 1, Output * 2)",
        parameters={"n": parameter("NUMBER_INTEGER", 1), "Output": parameter("STRING", "a")},
        output_parameters={"n": "NUMBER_INTEGER", "Output": "STRING"},
    )
    assert (result.value("n"), result.value()) == (2, "aa"), result.error


def test_arrays_are_lists(run: Runtime) -> None:
    pytest.importorskip("numpy")
    metrics = {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1", "key": "k"}
    source = (
        "def f(metrics: Output[Metrics]) -> list:\n    import numpy\n"
        "    metrics.log_metric('x', numpy.float32('nan'))\n"
        "    return numpy.array([[1.0, float('inf')], [0.5, 2.0]])"
    )
    result = run(source, output_parameters={"Output": "LIST"}, output_artifacts={"metrics": metrics})
    assert result.value() == [[1.0, "Infinity"], [0.5, 2.0]], result.error
    assert result.value("metrics")["metadata"] == {"x": "NaN"}


def test_nan_and_infinities_are_numbers_again(run: Runtime) -> None:
    result = run(
        "def f(x: float) -> str: return repr(x)",
        parameters={"x": parameter("NUMBER_DOUBLE", "-Infinity")},
        output_parameters={"Output": "STRING"},
    )
    assert result.value() == "-inf"


@pytest.mark.parametrize(
    ("kind", "declared", "value"),
    [
        ("NUMBER_DOUBLE", "float", "abc"),
        ("NUMBER_INTEGER", "int", 1.5),
        ("NUMBER_INTEGER", "int", True),
        ("BOOLEAN", "bool", 1),
        ("LIST", "list", "[]"),
    ],
)
def test_input_of_another_type_is_refused(run: Runtime, kind: str, declared: str, value: Any) -> None:
    result = run("def f(x): print('ran')", parameters={"x": parameter(kind, value)})
    assert (result.code, result.out) == (1, "")
    assert result.error == f"f: input 'x' is declared {declared}, but got {value!r}\n"


def test_class_of_an_artifact_is_what_the_function_says(run: Runtime) -> None:
    (run.folder / "in").write_text("data")
    value = {"name": "d", "type": {"schemaTitle": "my.Table"}, "key": "k", "uri": "u", "metadata": {}}
    source = (
        "class Table(Dataset):\n    schema_title = 'my.Table'\n    rows = 3\n\n"
        "def f(data: Input[Table], place: Optional[InputPath('Table')] = None) -> str:\n"
        "    return f'{data.rows} {type(place).__name__}'"
    )
    artifacts = {name: {"path": str(run.folder / "in"), "value": value} for name in ("data", "place")}
    result = run(source, artifacts=artifacts, output_parameters={"Output": "STRING"})
    assert result.value() == "3 str", result.error


def test_files_that_kfp_embeds_in_a_source_are_inputs(run: Runtime) -> None:
    source = (
        "__KFP_EMBEDDED_ASSET_DIR = '/unpacked'\n\n"
        "def f(files: dsl.EmbeddedInput[Dataset]) -> str: return f'{type(files).__name__} {files.path}'"
    )
    result = run(source, output_parameters={"Output": "STRING"})
    assert result.value() == "Dataset /unpacked", result.error


def test_returned_artifact_finds_its_folder_made(run: Runtime) -> None:
    source = (
        "def f() -> Dataset:\n    data = Dataset(uri=dsl.get_uri())\n"
        "    open(data.path, 'w').write('x')\n    return data"
    )
    result = run(source, output_artifacts={"Output": dataset("k")})
    assert result.artifact("Output") == "x", result.error
    assert (result.value()["uri"], result.value()["key"]) == ("mlplat://artifacts/k", "k")


def test_classes_inside_the_body_keep_their_annotations(run: Runtime) -> None:
    source = (
        "def f(x: int) -> str:\n    class Inner:\n        field: List[int] = [1]\n"
        "    return repr(Inner.__annotations__['field'])"
    )
    result = run(
        source, parameters={"x": parameter("NUMBER_INTEGER", 1)}, output_parameters={"Output": "STRING"}
    )
    assert result.value() == "typing.List[int]"


def test_full_disk_leaves_no_output(run: Runtime) -> None:
    source = (
        "def f() -> str:\n    import resource\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n    return 'x' * 100\n"
    )
    result = run(source, output_parameters={"Output": "STRING"})
    assert result.code != 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no\\nrows \\x1b[31m' + 'é')", "ValueError: no rows [31mé"),
        ("raise KeyError('x' * 9000)", "KeyError: '" + "x" * 486 + "..."),
        ("import sys; sys.exit('no data today')", "no data today"),
        ("import sys; sys.exit(3)", "it exited with 3"),
        ("return object()", "output 'Output' is declared str, but the function returned object"),
    ],
)
def test_the_reason_of_a_failure_is_left_on_one_line(body: str, reason: str, run: Runtime) -> None:
    log = run.folder / "termination-log"
    done = run(
        f"def f():\n    {body}\n",
        env={"MLPLAT_TERMINATION_LOG": str(log)},
        output_parameters={"Output": "STRING"},
    )
    assert done.code != 0
    text = log.read_text(encoding="utf-8")
    assert text.startswith(reason)
    assert len(text) <= 500
    assert text.isprintable()


def test_a_reason_that_can_be_left_nowhere_changes_nothing(run: Runtime) -> None:
    done = run(
        "def f():\n    raise ValueError('why')\n",
        env={"MLPLAT_TERMINATION_LOG": str(run.folder / "none" / "log")},
    )
    assert done.code == 1
    assert done.error.splitlines()[-1] == "ValueError: why"
    assert not Path("/dev/termination-log").exists()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("os.mkfifo(o)", "output 'o' is not a file: "),
        ("os.symlink('/dev/zero', o)", "output 'o' is not a file: "),
        ("os.mkdir(o)", "output 'o' is not a file: "),
        ("open(o, 'w').truncate(10 << 30)", "output 'o' holds 10,737,418,240 bytes"),
    ],
)
def test_a_parameter_that_is_not_a_small_file_is_refused_at_once(run: Runtime, body: str, why: str) -> None:
    source = f"def f(o: OutputPath(str)):\n    import os\n    {body}\n"
    result = run(source, output_parameters={"o": "STRING"})
    assert result.code == 1
    assert why in result.error
    assert "Traceback" not in result.error


@pytest.mark.parametrize(
    "body",
    [
        "os.mkfifo(data.path)",
        "os.symlink('/dev/zero', data.path)",
        "os.makedirs(data.path); os.mkfifo(data.path + '/p')",
        "os.makedirs(data.path); os.symlink('/dev/zero', data.path + '/p')",
        "data.path = '/dev/zero'",
        "os.makedirs('k'); os.symlink('/dev/zero', 'k/p'); data.path = os.path.abspath('k')",
        "os.makedirs('k'); os.symlink('.', 'k/p'); data.path = os.path.abspath('k')",
        "os.makedirs('k'); os.symlink('none', 'k/p'); data.path = os.path.abspath('k')",
        "os.makedirs('k/l'); os.symlink('..', 'k/l/p'); os.symlink(os.path.abspath('k'), data.path)",
        "data.path = os.path.dirname(os.path.dirname(os.path.dirname(data.path)))",
    ],
)
def test_an_artifact_without_end_is_refused_at_once(run: Runtime, body: str) -> None:
    source = f"def f(data: Output[Dataset]):\n    import os\n    os.chdir({str(run.folder)!r})\n    {body}\n"
    result = run(source, output_artifacts={"data": dataset()})
    assert (result.code, "output 'data' " in result.error) == (1, True), result.error
    assert "Traceback" not in result.error
