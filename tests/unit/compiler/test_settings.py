"""Settings of pods that are runtime values: they reach the pod from wherever they are made, the cache knows them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, kubernetes, metadata
from mlplat.dsl import Collected
from mlplat.dsl.task import PipelineTask
from tests import argo_variables

Setter = Callable[[Any, Any], Any]

RESULTS: Mapping[str, Setter] = {
    "set_env_variable": lambda task, x: task.set_env_variable("FOO", x),
    "set_env_variable in a text": lambda task, x: task.set_env_variable("FOO", f"<{x}>"),
    "set_container_image": lambda task, x: task.set_container_image(x),
    "set_accelerator_type": lambda task, x: task.set_accelerator_type(x),
    "set_accelerator_limit": lambda task, x: task.set_accelerator_type("gpu").set_accelerator_limit(x),
    "use_secret_as_env": lambda task, x: kubernetes.use_secret_as_env(task, x, {"key": "FOO"}, True),
    "use_secret_as_volume": lambda task, x: kubernetes.use_secret_as_volume(task, x, "/secret", True),
    "use_config_map_as_env": lambda task, x: kubernetes.use_config_map_as_env(task, x, {"key": "FOO"}, True),
    "use_config_map_as_volume": lambda task, x: kubernetes.use_config_map_as_volume(task, x, "/map", True),
    "mount_pvc": lambda task, x: kubernetes.mount_pvc(task, x, "/data"),
}
"""Settings that can change a result."""

OTHERS: Mapping[str, Setter] = {
    "set_cpu_request": lambda task, x: task.set_cpu_request(x),
    "set_cpu_limit": lambda task, x: task.set_cpu_limit(x),
    "set_memory_request": lambda task, x: task.set_memory_request(x),
    "set_memory_limit": lambda task, x: task.set_memory_limit(x),
    "set_image_pull_secrets": lambda task, x: kubernetes.set_image_pull_secrets(task, [x]),
}
"""Settings that change where, how or whether a task runs, and not what it gives."""

DOCUMENTS: Mapping[str, Setter] = {
    "add_node_selector_json": kubernetes.add_node_selector_json,
    "add_toleration_json": kubernetes.add_toleration_json,
    "add_node_affinity_json": kubernetes.add_node_affinity_json,
}
"""The same, of dicts."""

CONSTANT = {
    *("set_caching_options", "set_retry", "set_timeout", "set_parallelism", "set_display_name"),
    *("set_debug_pause", "set_gpu_limit", "add_node_selector_constraint"),
    *("add_node_selector", "add_toleration", "add_node_affinity", "add_pod_label", "add_pod_annotation"),
    *("use_field_path_as_env", "set_image_pull_policy", "set_security_context", "empty_dir_mount"),
    "add_ephemeral_volume",
}
"""Those whose values are known when the pipeline is written, and older names of others."""


@dsl.component
def show(after: str = "") -> str:
    import os

    return os.environ.get("FOO", "")


@dsl.container_component
def show_nothing() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="x", command=["true"])


@dsl.component
def make(x: str) -> str:
    return x


def each(x: Any, settings: Mapping[str, Setter]) -> None:
    """Add a task for each setting, which is given a value; those that set a variable show it."""
    for name, setting in settings.items():
        task = show() if name.startswith("set_env_variable") else show_nothing()
        setting(task.set_display_name(name), x)


def run(pipeline: Any, home: Path, name: str, **arguments: Any) -> dict[str, Any]:
    documents = compiler.manifest(pipeline.spec, compiler.Options(name=name, arguments=arguments))
    assert argo_variables.unknown(documents[-1]) == []
    with metadata.open_store(home / "mlplat.db") as store:
        done = engine.run(documents, home=home, cache=store.cache())
    messages = [node.get("message") for node in done["status"]["nodes"].values()]
    assert done["status"]["phase"] == "Succeeded", messages
    return done


def pods(workflow: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod")


def hits(workflow: Mapping[str, Any]) -> set[str]:
    return {node["displayName"] for node in pods(workflow) if node.get("memoizationStatus", {}).get("hit")}


def named(settings: Mapping[str, Setter]) -> set[str]:
    return {name.replace(" ", "-").replace("_", "-") for name in settings}


def test_every_setter_is_in_a_table() -> None:
    setters = {
        name
        for owner, prefixes in (
            (PipelineTask, ("set_", "add_")),
            (kubernetes, ("set_", "add_", "use_", "mount_")),
        )
        for name, one in inspect.getmembers(owner, inspect.isfunction)
        if name.startswith(prefixes)
    } | {"empty_dir_mount"}
    assert setters == {name.split()[0] for name in (*RESULTS, *OTHERS, *DOCUMENTS)} | CONSTANT


def test_what_can_change_a_result_belongs_to_the_cache_key(tmp_path: Path) -> None:
    @dsl.pipeline
    def settings(x: str, selector: dict) -> None:  # type: ignore[type-arg]
        each(x, {**RESULTS, **OTHERS})
        each(selector, DOCUMENTS)

    first: dict[str, Any] = {"x": "1", "selector": {"zone": "a"}}
    assert not hits(run(settings, tmp_path, "first", **first))
    everything = named({**RESULTS, **OTHERS, **DOCUMENTS})
    assert hits(run(settings, tmp_path, "again", **first)) == everything
    other = run(settings, tmp_path, "other", x="2", selector={"zone": "b"})
    assert hits(other) == named({**OTHERS, **DOCUMENTS})
    assert hits(run(settings, tmp_path, "third", **first)) == everything


def test_a_constant_setting_that_can_change_a_result_belongs_to_the_cache_key(tmp_path: Path) -> None:
    def settings(x: str) -> Any:
        @dsl.pipeline
        def settings() -> None:
            each(x, {**RESULTS, **OTHERS})

        return settings

    run(settings("1"), tmp_path, "first")
    assert hits(run(settings("1"), tmp_path, "again")) == named({**RESULTS, **OTHERS})
    assert hits(run(settings("2"), tmp_path, "other")) == named(OTHERS)


def test_placeholders_of_the_run_belong_to_the_cache_key(tmp_path: Path) -> None:
    @dsl.container_component
    def shown(out: dsl.OutputPath(str)) -> dsl.ContainerSpec:  # type: ignore[valid-type]
        words = f"{dsl.PIPELINE_JOB_NAME_PLACEHOLDER} {dsl.PIPELINE_TASK_NAME_PLACEHOLDER}"
        return dsl.ContainerSpec(
            image="x",
            command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; echo -n "$0" >"$1"', words, out],
        )

    @dsl.pipeline
    def named_after_the_run() -> None:
        show().set_env_variable("FOO", dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
        shown()
        shown()

    def given(name: str) -> list[str]:
        done = run(named_after_the_run, tmp_path, name)
        return sorted(str(node["outputs"]["parameters"][0]["value"]) for node in pods(done))

    assert given("first") == ['"first"', "first shown", "first shown-2"]
    assert given("second") == ['"second"', "second shown", "second shown-2"]


@dsl.pipeline
def inner(x: str) -> None:
    each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def outer(x: str) -> None:
    inner(x=x)


@dsl.pipeline
def in_if(x: str, on: bool = True) -> None:
    with dsl.If(on == True):  # noqa: E712
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def in_elif(x: str, on: int = 2) -> None:
    with dsl.If(on == 1):
        show()
    with dsl.Elif(on == 2):
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def in_else(x: str, on: int = 2) -> None:
    with dsl.If(on == 1):
        show()
    with dsl.Else():
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def in_loop(x: str) -> None:
    with dsl.ParallelFor(["a"]):
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def item() -> None:
    with dsl.ParallelFor(["7"]) as x:
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def field_of_an_item() -> None:
    with dsl.ParallelFor([{"a": "7", "b": {"c": "8"}}]) as x:
        each(x.a, {**RESULTS, **OTHERS})


@dsl.pipeline
def field_of_an_outer_item() -> None:
    with dsl.ParallelFor([{"a": "8", "b": {"c": "7"}}]) as x, dsl.ParallelFor(["b"]), dsl.If(x.a == "8"):
        each(x.b.c, {**RESULTS, **OTHERS})


@dsl.pipeline
def item_of_a_list(x: list = ["7"]) -> None:  # type: ignore[type-arg]  # noqa: B006
    with dsl.ParallelFor(x) as one:
        each(one, {**RESULTS, **OTHERS})


@dsl.pipeline
def in_exit_handler(x: str) -> None:
    with dsl.ExitHandler(show()):
        each(x, {**RESULTS, **OTHERS})


@dsl.pipeline
def of_exit_task(x: str) -> None:
    with dsl.ExitHandler(show().set_env_variable("FOO", x).set_cpu_limit(x)):
        show()


@dsl.pipeline
def nested(x: str) -> None:
    inner(x=x)


@dsl.pipeline
def nested_twice(x: str) -> None:
    with dsl.If(x != ""):
        outer(x=x)


@dsl.pipeline
def output_of_a_task(x: str) -> None:
    made = make(x=x)
    each(made.output, {**RESULTS, **OTHERS})
    with dsl.If(made.output == "7"):
        each(made.output, {**RESULTS, **OTHERS})
        with dsl.ParallelFor(["a"]):
            each(made.output, {**RESULTS, **OTHERS})


@dsl.pipeline
def collected(x: str) -> None:
    with dsl.ParallelFor(["a"]):
        made = make(x=x)
    show().set_env_variable("FOO", f"{Collected(made.output)}")
    with dsl.If(x != ""):
        show().set_env_variable("FOO", f"{Collected(made.output)}")


@dsl.pipeline
def body(x: str) -> str:
    each(x, {**RESULTS, **OTHERS})
    return make(x=x).output  # type: ignore[return-value]


@dsl.pipeline
def repeated(x: str) -> None:
    dsl.do_while(body, lambda step: step.output != step.inputs["x"], max_iterations=2)(x=x)


@dsl.pipeline
def fused(x: str) -> None:
    with dsl.If(x != ""):
        first = show().set_env_variable("FOO", x).set_cpu_limit(x)
        show(after=first.output).set_env_variable("FOO", x).set_cpu_limit(x).fuse_with(first)


@pytest.mark.parametrize(
    "pipeline",
    [
        *(in_if, in_elif, in_else, in_loop, item, field_of_an_item, field_of_an_outer_item, item_of_a_list),
        *(in_exit_handler, of_exit_task, nested, nested_twice, output_of_a_task, collected, repeated, fused),
    ],
    ids=lambda pipeline: pipeline.name,
)
def test_settings_reach_the_pods_of_every_region(pipeline: Any, tmp_path: Path) -> None:
    given = (
        {"x": "7"} if "x" in pipeline.spec.root.input_parameters and pipeline is not item_of_a_list else {}
    )
    told = [
        node
        for node in pods(run(pipeline, tmp_path, "run", **given))
        if node["templateName"].startswith("show")
    ]
    assert told
    settings = [(node, texts) for node in told if (texts := settings_of(node))]
    assert settings
    for node, texts in settings:
        assert any("7" in text for text in texts)
        assert not any("8" in text for text in texts)
        if node["displayName"] == "set-env-variable":
            assert json.loads(node["outputs"]["parameters"][0]["value"]) == "7"


def settings_of(node: Mapping[str, Any]) -> list[str]:
    """Return what a pod's template was given for its settings."""
    given = node.get("inputs", {}).get("parameters", ())
    return [
        one["value"] for one in given if one["name"].startswith("pod--") or one["name"].endswith("--text")
    ]


def test_a_variable_has_its_text_byte_for_byte(tmp_path: Path) -> None:
    @dsl.pipeline
    def told(x: str, y: dict) -> None:  # type: ignore[type-arg]
        show().set_env_variable("FOO", x)
        show().set_env_variable("FOO", f"<{x}>")
        show().set_env_variable("FOO", f"{y}")

    text = "$$ $(MLPLAT_EMPTY)x $(HOME) {{workflow.name}} {{{a}}} é\n\t'\"\\"
    tree = {"a": [text, 1, 2.5, None, True]}
    done = run(told, tmp_path, "run", x=text, y=tree)
    given = {
        node["displayName"]: json.loads(node["outputs"]["parameters"][0]["value"]) for node in pods(done)
    }
    assert (given["show"], given["show-2"]) == (text, f"<{text}>")
    assert json.loads(given["show-3"]) == tree


def test_tasks_whose_settings_come_from_each_other_share_no_pod() -> None:
    @dsl.pipeline
    def fused() -> None:
        first = show()
        show().set_env_variable("FOO", first.output).fuse_with(first)

    with pytest.raises(Exception, match="its pod settings come from another task"):
        compiler.manifest(fused.spec)
