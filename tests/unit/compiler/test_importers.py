"""Importers: what they name is fetched where a task reads it, and only there."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, metadata
from mlplat.argo.sources import ImportSource
from mlplat.dsl import Dataset, Input
from mlplat.errors import CompileError
from tests import argo_variables
from tests.programs import importing


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server; for one who asks with a path that begins with a bucket, an S3 server of public buckets."""

    def end_headers(self) -> None:
        self.send_header("ETag", '"any"')
        super().end_headers()

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/%C3%A9.csv")
            self.end_headers()
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path == "/nonsense":
            self.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        elif self.path == "/secret" and self.headers["Authorization"] != "Basic YWRhOnB3":
            self.send_error(401)
        elif "sign=" in self.path and "?sign=%2B1&n=2" not in self.path:
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder with the file ``rows.csv``."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "rows.csv").write_text("1,2\n")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = False  # so that its end waits for them
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pods(pipeline: Any) -> set[str]:
    [workflow] = compiler.manifest(pipeline.spec, compiler.Options(require_arguments=False))
    return {one["name"] for one in workflow["spec"]["templates"] if "container" in one}


def run(
    pipeline: Any, home: Path, *, options: dict[str, Any] | None = None, **arguments: Any
) -> dict[str, Any]:
    given = compiler.Options(name="run", arguments=arguments, **(options or {}))
    return engine.run(compiler.manifest(pipeline.spec, given), home=home)


def outputs(done: dict[str, Any], task: str) -> list[Any]:
    """Return what the tasks of a name gave."""
    return [
        _value(node["outputs"]["parameters"][0]["value"])
        for node in sorted(done["status"]["nodes"].values(), key=lambda node: str(node["name"]))
        if node["displayName"] == task and node["phase"] == "Succeeded"
    ]


def _value(text: str) -> Any:
    """Read what a function gave, which is JSON, or the text of a container."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_what_is_read_is_fetched_and_keeps_its_uri_and_metadata(web: str, tmp_path: Path) -> None:
    uri = f"{web}/rows.csv"
    done = run(importing.reading, tmp_path / "home", where=uri)
    assert outputs(done, "read") == [f"1,2\n|{uri}|{{'by': '{uri}'}}"]
    assert outputs(done, "size") == [f"4 {uri}"]
    [value] = [
        json.loads(one["value"])
        for node in done["status"]["nodes"].values()
        if node["displayName"] == "importer"
        for one in node["outputs"]["parameters"]
    ]
    assert value["size"] == 4
    assert value["digest"].startswith("sha256:")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_path_of_this_machine_is_read_where_it_is(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("3")
    done = run(importing.reading, tmp_path / "home", where=f"{scheme}{tmp_path}/rows.csv")
    assert outputs(done, "read")[0].startswith("3|")
    assert outputs(done, "size") == [f"1 {scheme}{tmp_path}/rows.csv"]
    fetched = [node for node in done["status"]["nodes"].values() if node["displayName"].startswith("fetch-")]
    assert {node["phase"] for node in fetched} == {"Skipped"}


def test_missing_data_fails_the_run_with_its_uri(web: str, tmp_path: Path) -> None:
    done = run(importing.reading, tmp_path / "home", where=f"{web}/nothing")
    assert done["status"]["phase"] == "Error"
    messages = [node.get("message", "") for node in done["status"]["nodes"].values()]
    assert any(f"failed to load: {web}/nothing not found" in one for one in messages)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("{web}/cut", "received 4 of 100000 bytes"),
        ("{web}/nonsense", "cannot be fetched"),
        ("http://127.0.0.1:port/x", "cannot be fetched"),
        ("http://127.0.0.1:9/{{x}}", "two braces"),
    ],
)
def test_a_bad_address_or_server_fails_its_task_only(
    address: str, why: str, web: str, tmp_path: Path
) -> None:
    @dsl.component
    def tell(status: dsl.PipelineTaskFinalStatus) -> str:
        return status.state

    @dsl.pipeline
    def pipeline(where: str) -> None:
        with dsl.ExitHandler(tell()):
            length(data=dsl.importer(where, Dataset).output)

    done = run(pipeline, tmp_path, where=address.replace("{web}", web))
    assert outputs(done, "tell") == ["FAILED"]
    assert any(why in node.get("message", "") for node in done["status"]["nodes"].values())


def test_a_location_with_a_user_asks_as_that_user(web: str, tmp_path: Path) -> None:
    (tmp_path / "web" / "secret").write_text("told")
    pair = {f"{one}Secret": {"name": "web", "key": one} for one in ("username", "password")}
    source = ImportSource(f"{web}/", "http", {"auth": {"basicAuth": pair}})
    secret = {
        "kind": "Secret",
        "metadata": {"name": "web"},
        "stringData": {"username": "ada", "password": "pw"},
    }

    @dsl.pipeline
    def pipeline(where: str) -> None:
        length(data=dsl.importer(where, Dataset).output)

    options = compiler.Options(name="run", arguments={"where": f"{web}/secret"}, import_sources=(source,))
    manifest = compiler.manifest(pipeline.spec, options)
    assert outputs(engine.run([secret, *manifest], home=tmp_path / "with"), "length") == [4]
    with_nothing = engine.run(manifest, home=tmp_path / "without")
    assert any(
        "the Secret 'web'" in node.get("message", "") for node in with_nothing["status"]["nodes"].values()
    )


def test_importers_into_the_workspace_leave_each_others_copies_alone(web: str, tmp_path: Path) -> None:
    @dsl.component
    def edit(data: Input[Dataset]) -> str:
        from pathlib import Path

        Path(data.path).write_text("edited")
        return data.path

    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Gi")))
    def pipeline(where: str) -> None:
        first = dsl.importer(where, Dataset, download_to_workspace=True)
        edited = edit(data=first.output)
        again = dsl.importer(where, Dataset, download_to_workspace=True).after(edited)
        length(data=first.output).after(again)
        with dsl.ParallelFor(list(range(4))):
            edit(data=dsl.importer(where, Dataset, download_to_workspace=True).output)

    done = run(pipeline, tmp_path / "home", where=f"{web}/rows.csv?sign=%2B1&n=2&{'x' * 300}")
    assert done["status"]["phase"] == "Succeeded"
    assert outputs(done, "length") == [6]
    paths = [*outputs(done, "edit"), *outputs(done, "edit-2")]
    assert len(set(paths)) == 5
    assert {Path(path).name for path in paths} == {"rows.csv"}


def test_what_reads_only_an_address_fetches_nothing_whatever_runs_it() -> None:
    @dsl.container_component
    def about(data: Input[Dataset]) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="python:3.11", command=["echo"], args=[data.metadata["by"]])

    @dsl.pipeline
    def pipeline() -> None:
        data = dsl.importer("s3://bucket/rows", Dataset, metadata={"by": "me"}).output
        about(data=data)
        importing.describe(data=data)

    for runtime in ("own", "pip"):
        options = compiler.Options(kfp_runtime=runtime)
        assert "s3.amazonaws" not in json.dumps(compiler.manifest(pipeline.spec, options))


@pytest.mark.parametrize("path", ["a%20b.csv?sign=%2B1&n=2", "a b.csv", "é.csv", "moved"])
def test_addresses_of_the_web_are_asked_for_as_they_are(path: str, web: str, tmp_path: Path) -> None:
    for name in ("a b.csv", "é.csv"):
        (tmp_path / "web" / name).write_text("odd")
    done = run(importing.reading, tmp_path / "home", where=f"{web}/{path}")
    assert outputs(done, "size") == [f"3 {web}/{path}"]


def test_equal_bytes_of_two_addresses_are_two_artifacts_for_the_cache(web: str, tmp_path: Path) -> None:
    prints = set()
    for query in ("", "?version=2"):
        done = run(importing.reading, tmp_path / f"home{query}", where=f"{web}/rows.csv{query}")
        prints |= {
            json.loads(parameter["value"])["fingerprint"]
            for node in done["status"]["nodes"].values()
            if node["displayName"] == "importer"
            for parameter in node["outputs"]["parameters"]
        }
    assert len(prints) == 2


def test_what_only_says_its_address_is_not_fetched() -> None:
    assert pods(importing.describing) == {"describe", "address"}


def test_a_constant_address_has_one_pod() -> None:
    @dsl.pipeline
    def p() -> None:
        importing.read(data=dsl.importer(artifact_uri="gs://bucket/rows", artifact_class=Dataset).output)
        importing.read(
            data=dsl.importer(artifact_uri="hdfs://nothing/fetches", artifact_class=Dataset).output
        )

    assert pods(p) == {"read", "importer-fetch-gs"}


def test_uris_that_can_not_be_fetched_are_reported() -> None:
    @dsl.pipeline
    def p() -> None:
        importing.read(
            data=dsl.importer(artifact_uri="huggingface://team/model", artifact_class=Dataset).output
        )
        importing.describe(
            data=dsl.importer(artifact_uri="huggingface://team/other", artifact_class=Dataset).output
        )

    (warning,) = compiler.compile(p.spec).warnings
    assert str(warning).startswith("warning MLP325: comp-importer: a task reads the data of the importer")
    source = ImportSource("huggingface://", "s3", {"endpoint": "minio:9000"})
    assert not compiler.compile(p.spec, compiler.Options(import_sources=(source,))).warnings


def test_a_model_in_an_image_wants_images_on_this_machine(tmp_path: Path) -> None:
    done = run(importing.reading, tmp_path / "home", where="oci://registry/model:1")
    assert done["status"]["phase"] == "Failed"
    (log,) = (tmp_path / "home/logs/run").glob("*.log")
    assert "run with --executor podman" in log.read_text()


def test_an_image_is_not_copied_into_the_workspace() -> None:
    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Mi")))
    def p() -> None:
        dsl.importer("oci://registry/model:1", Dataset, download_to_workspace=True)

    (warning,) = compiler.compile(p.spec).warnings
    assert "images cannot be copied into the workspace" in str(warning)


def test_what_is_read_is_found_through_regions() -> None:
    @dsl.pipeline
    def inner(data: Input[Dataset]) -> None:
        importing.read(data=data)

    @dsl.component
    def flip() -> str:
        return "b"

    @dsl.pipeline
    def p() -> None:
        inner(data=dsl.importer(artifact_uri="gs://through/pipelines", artifact_class=Dataset).output)
        with dsl.If(flip().output == "a"):
            chosen = dsl.importer(artifact_uri="s3://through/branches", artifact_class=Dataset)
        with dsl.Else():
            other = dsl.importer(artifact_uri="https://through/branches", artifact_class=Dataset)
        importing.read(data=dsl.OneOf(chosen.output, other.output))
        with dsl.ParallelFor(["a"]) as item:
            looped = dsl.importer(artifact_uri=f"http://through/loops/{item}", artifact_class=Dataset)
        importing.read_all(data=dsl.Collected(looped.output))

    assert pods(p) >= {"importer-fetch-gs", "importer-2-fetch-s3", "importer-3-fetch-https"}


def test_loops_fetch_and_collect(web: str, tmp_path: Path) -> None:
    (tmp_path / "web/more.csv").write_text("5")
    done = run(importing.looping, tmp_path / "home", where=[f"{web}/rows.csv", f"{web}/more.csv"])
    assert outputs(done, "read-all") == [["1,2\n", "5"]]


def test_what_goes_into_the_workspace_is_read_there(web: str, tmp_path: Path) -> None:
    uri = f"{web}/rows.csv"
    done = run(importing.downloading, tmp_path / "home", where=uri)
    [(path, shown, again, content)] = outputs(done, "places")
    assert (shown, again, content) == (uri, path, "1,2\n")
    assert "/.artifacts/" in path
    assert path.endswith("/rows.csv")
    assert outputs(done, "size") == [f"4 {uri}"]
    assert not list((tmp_path / "home/artifacts").glob("**/rows.csv"))


def test_folders_and_artifacts_of_other_runs_go_into_the_workspace_too(tmp_path: Path) -> None:
    @dsl.pipeline
    def making() -> None:
        importing.make()

    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Mi")))
    def listing(where: str) -> None:
        found = dsl.importer(artifact_uri=where, artifact_class=Dataset, download_to_workspace=True)
        importing.names(data=found.output)

    home = tmp_path / "home"
    run(making, home)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").touch()
    assert outputs(run(listing, home, where="mlplat://artifacts/run/make/out.dataset"), "names") == [["made"]]
    assert outputs(run(listing, home, where=f"{tmp_path}/folder/"), "names") == [["a"]]


def test_what_needs_a_workspace_is_refused_where_there_is_none() -> None:
    @dsl.container_component
    def lists() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="alpine", command=["ls", dsl.WORKSPACE_PATH_PLACEHOLDER])

    @dsl.component
    def show(folder: str = "") -> str:
        return folder

    @dsl.pipeline
    def p() -> None:
        dsl.importer("gs://a/b", dsl.Dataset, download_to_workspace=True)
        with dsl.ParallelFor(["a"]) as name:
            show(folder=f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/{name}")
        show().set_env_variable("FOLDER", f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/b")
        lists()

    with pytest.raises(CompileError) as raised:
        compiler.manifest(p.spec)
    told = [str(problem).partition("\n")[0] for problem in raised.value.diagnostics]
    none = "the workspace, but the pipeline has no workspace"
    assert told == [
        f"error MLP324: comp-for-loop-2.tasks.show.inputs.folder: the value is a path in {none}",
        f"error MLP324: comp-importer: the component copies its data into {none}",
        f"error MLP324: comp-lists: the component uses the path of {none}",
        f"error MLP324: comp-show-2: the component uses the path of {none}",
    ]


@pytest.mark.parametrize("reimport", [False, True])
def test_an_address_counts_by_its_text_unless_it_is_imported_again(reimport: bool) -> None:
    @dsl.pipeline
    def p() -> None:
        found = dsl.importer(artifact_uri="gs://a/b", artifact_class=Dataset, reimport=reimport)
        importing.read(data=found.output)

    [workflow] = compiler.manifest(p.spec)
    [fetch] = [one for one in workflow["spec"]["templates"] if one["name"] == "importer-fetch-gs"]
    assert ("memoize" in fetch) is not reimport


def test_the_most_exact_source_is_asked(web: str, tmp_path: Path) -> None:
    exact = ImportSource(f"{web}/", "http", {"headers": [{"name": "X-Team", "value": "a"}]})
    done = run(
        importing.reading, tmp_path / "home", options={"import_sources": (exact,)}, where=f"{web}/rows.csv"
    )
    phases = {
        node["displayName"]: node["phase"]
        for node in done["status"]["nodes"].values()
        if node["displayName"].startswith("fetch-http-")
    }
    assert set(phases.values()) == {"Succeeded"}
    assert outputs(done, "size") == [f"4 {web}/rows.csv"]


def test_what_is_public_is_fetched_without_credentials(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "web/team").mkdir()
    (tmp_path / "web/team/rows.csv").write_text("public")
    public = ImportSource("s3://team/", "s3", {"endpoint": web.removeprefix("http://"), "insecure": True})
    given = {"import_sources": (public,)}
    done = run(importing.reading, tmp_path / "home", options=given, where="s3://team/rows.csv")
    assert outputs(done, "size") == ["6 s3://team/rows.csv"]
    done = run(importing.reading, tmp_path / "other", options=given, where="s3://team/none")
    messages = [node.get("message", "") for node in done["status"]["nodes"].values()]
    assert any("s3://team/none cannot be fetched" in one and "without credentials" in one for one in messages)


def test_a_bucket_s_location_has_what_its_address_says() -> None:
    @dsl.pipeline
    def p() -> None:
        importing.read(data=dsl.importer(artifact_uri="s3://team/a/b", artifact_class=Dataset).output)

    fields = {"endpoint": "minio:9000", "insecure": True}
    options = compiler.Options(import_sources=(ImportSource("s3://team/", "s3", fields),))
    [workflow] = compiler.manifest(p.spec, options)
    [fetch] = [one for one in workflow["spec"]["templates"] if one["name"] == "importer-fetch-s3-team"]
    [artifact] = fetch["inputs"]["artifacts"]
    assert artifact["archive"] == {"none": {}}
    assert {**fields, "bucket": "", "key": ""} == {**artifact["s3"], "bucket": "", "key": ""}


def test_an_address_with_braces_is_no_tag(web: str, tmp_path: Path) -> None:
    done = run(importing.reading, tmp_path / "home", where=f"{web}/{{{{workflow.name}}}}")
    assert done["status"]["phase"] == "Error"
    messages = [node.get("message", "") for node in done["status"]["nodes"].values()]
    assert any("two braces in a row" in one for one in messages)


@dsl.component
def length(data: Input[Dataset]) -> int:
    from pathlib import Path

    return len(Path(data.path).read_text())


def test_importers_share_what_fetches_for_them() -> None:
    @dsl.pipeline
    def pipeline(where: str = "s3://one/key") -> None:
        for number in range(3):
            length(data=dsl.importer(where, Dataset, metadata={"number": number}).output)
            length(data=dsl.importer(f"s3://one/{number}", Dataset, metadata={"number": number}).output)

    fetching = {name for name in pods(pipeline) if "fetch" in name}
    assert fetching == {f"importer-fetch-{one}" for one in ("s3", "gs", "https", "http", "oci")}


def test_another_place_of_the_same_uri_is_another_key_of_the_cache() -> None:
    @dsl.pipeline
    def pipeline() -> None:
        length(data=dsl.importer("s3://one/key", Dataset).output)

    def key(endpoint: str) -> str:
        source = ImportSource("s3://", "s3", {"endpoint": endpoint})
        [workflow] = compiler.manifest(pipeline.spec, compiler.Options(import_sources=(source,)))
        templates = {one["name"]: one for one in workflow["spec"]["templates"]}
        return str(templates["importer-fetch-s3"]["memoize"]["key"])

    assert key("a.test") == key("a.test")
    assert key("a.test") != key("b.test")


@pytest.mark.parametrize("uri", ["s3://bucket", "gs://bucket/"])
def test_a_whole_bucket_is_refused_with_the_reason(uri: str, tmp_path: Path) -> None:
    @dsl.pipeline
    def constant() -> None:
        length(data=dsl.importer(uri, Dataset).output)

    @dsl.pipeline
    def given(where: str) -> None:
        length(data=dsl.importer(where, Dataset).output)

    [warning] = compiler.compile(constant.spec).warnings
    assert str(warning).startswith(
        "warning MLP325: comp-importer: a task reads the data of the importer, but a whole bucket"
    )
    done = run(given, tmp_path, where=uri)
    assert any(
        "a whole bucket cannot be fetched" in node.get("message", "")
        for node in done["status"]["nodes"].values()
    )


@dsl.component
def metadata_of(data: Input[Dataset]) -> dict:  # type: ignore[type-arg]
    return data.metadata


@dsl.component
def number() -> int:
    return 3


@pytest.mark.parametrize("text", ["plain", "", "{{workflow.name}} $(HOME) $$ \"'\\\n é"])
def test_runtime_values_stand_anywhere_in_metadata(text: str, tmp_path: Path) -> None:
    @dsl.pipeline
    def pipeline(text: str) -> dict:  # type: ignore[type-arg]
        count = number()
        metadata = {
            text: count.output,
            f"<{text}>": [text, {f"{text}-{count.output}": [f"{count.output} {text}"]}],
            "constant": {"list": [1, 2.5, None, True, "{{=1+1}}"], "empty": {}},
        }
        found = dsl.importer("s3://a/b", Dataset, metadata=metadata)
        return metadata_of(data=found.output).output  # type: ignore[return-value]

    done = run(pipeline, tmp_path, text=text)
    assert done["status"]["phase"] == "Succeeded"
    assert outputs(done, "metadata-of") == [
        {
            text: "3",
            f"<{text}>": [text, {f"{text}-3": [f"3 {text}"]}],
            "constant": {"list": [1, 2.5, None, True, "{{=1+1}}"], "empty": {}},
        }
    ]


def test_runtime_values_are_keys_of_arguments(tmp_path: Path) -> None:
    @dsl.component
    def same(tree: dict) -> dict:  # type: ignore[type-arg]
        return tree

    @dsl.pipeline
    def pipeline(key: str) -> None:
        same(tree={f"<{key}>": {key: number().output}})

    key = "a\"'{{b}}"
    assert outputs(run(pipeline, tmp_path, key=key), "same") == [{f"<{key}>": {key: "3"}}]


def test_an_import_that_counts_as_new_is_read_again_in_each_run(tmp_path: Path) -> None:
    @dsl.pipeline
    def pipeline() -> None:
        metadata_of(data=dsl.importer("s3://a/b", Dataset, reimport=True).output)
        metadata_of(data=dsl.importer("s3://a/b", Dataset).output).set_display_name("kept")

    documents = compiler.manifest(pipeline.spec)
    assert argo_variables.unknown(documents[-1]) == []
    with metadata.open_store(tmp_path / "mlplat.db") as store:
        for name in ("first", "second"):
            manifest = compiler.manifest(pipeline.spec, compiler.Options(name=name))
            done = engine.run(manifest, home=tmp_path, cache=store.cache())
    hits = {
        node["displayName"]: node["memoizationStatus"]["hit"]
        for node in done["status"]["nodes"].values()
        if node.get("memoizationStatus")
    }
    assert hits == {"metadata-of": False, "kept": True}
