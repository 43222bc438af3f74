"""What a Workflow becomes in the record."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from mlplat.argo.status import nodes_of, parents
from mlplat.argo.status.fused import OUTPUT
from mlplat.errors import ClusterError, StoreError
from mlplat.metadata.identities import manifest_digest

if TYPE_CHECKING:
    from mlplat.metadata import Store

Workflow = dict[str, Any]
MakeRun = Callable[..., Workflow]
RUN = "ml-pipeline-x7k2p"


def test_a_run_has_what_its_workflow_says(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    (run,) = store.runs()

    assert (run.name, run.namespace, run.pipeline, run.engine) == (RUN, "team-a", "ml-pipeline", "argo")
    assert (run.phase, run.finished, run.experiment) == ("Succeeded", True, "default")
    assert run.created_at == datetime(2026, 11, 20, 8, 59, 58, tzinfo=UTC)
    assert run.finished_at == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
    assert run.parameters == {"input_path": "gs://my-bucket/data.csv"}
    assert run.labels == {"team": "vision"}
    assert store.run(RUN) == store.run(run.uid) == run


def test_tasks_are_the_units_of_work_in_order_of_start(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    tasks = store.tasks(RUN)

    assert [task.display_name for task in tasks] == [
        "data-preprocessing",
        "model-training",
        "condition-1",
        "iteration(0:0)",
        "iteration(1:1)",
    ]
    assert [task.attempts for task in tasks] == [1, 2, 0, 1, 0]
    assert [task.cached for task in tasks] == [False, False, False, False, True]
    assert [task.loop_index for task in tasks] == [None, None, None, 0, 1]
    assert [task.exit_code for task in tasks] == [0, 0, None, 0, 0]


def test_attempts_and_groups_are_there_when_asked_for(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    attempts = store.tasks(RUN, roles=["attempt"])
    groups = store.tasks(RUN, roles=["group"])

    assert [(task.phase, task.message, task.exit_code) for task in attempts] == [
        ("Failed", "main: Error (exit code 3)", 3),
        ("Succeeded", "", 0),
    ]
    assert {task.type for task in groups} == {"DAG", "TaskGroup"}
    assert len(store.tasks(RUN, roles=None)) == 10


def test_each_node_knows_what_made_it(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    made_by = {
        task.id.removeprefix(RUN): task.parent_id.removeprefix(RUN) for task in store.tasks(RUN, roles=None)
    }

    assert made_by == {
        "": "",
        "-1": "",
        "-2": "",
        "-3": "-2",
        "-4": "-2",
        "-5": "",
        "-6": "",
        "-7": "-6",
        "-8": "-7",
        "-9": "-7",
    }
    assert {task.boundary_id for task in store.tasks(RUN) if task.loop_index is not None} == {f"{RUN}-6"}


def test_each_node_knows_what_comes_after_it(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    store.record(workflow)
    assert {task.id: list(task.children) for task in store.tasks(RUN, roles=None)} == {
        key: node.get("children", []) for key, node in workflow["status"]["nodes"].items()
    }


def test_items_with_parentheses_and_groups_of_steps_have_the_right_parent() -> None:
    nodes = {
        "w": {"name": "w", "type": "Steps"},
        "g": {"name": "w[0]", "type": "StepGroup", "boundaryID": "w"},
        "s": {"name": "w[0].step(0:f(1:2))", "type": "Retry", "boundaryID": "w"},
        "a": {"name": "w[0].step(0:f(1:2))(0)", "type": "Pod", "boundaryID": "w"},
        "t": {"name": "w[0].step(1:(0))", "type": "Pod", "boundaryID": "w"},
    }

    assert parents(nodes) == {"g": "w", "s": "g", "a": "s", "t": "g"}


def test_values_are_parameters_and_artifact_values_are_artifacts(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    values = {
        (row.task_id.removeprefix(RUN), row.direction, row.name): row.value for row in store.parameters(RUN)
    }

    assert values == {
        ("-1", "input", "input_data"): '"gs://my-bucket/data.csv"',
        ("-1", "output", "rows"): "569",
        ("-8", "input", "item"): '"a"',
        ("-8", "output", "score"): "0.5",
        ("-9", "input", "item"): '"b"',
        ("-9", "output", "score"): "0.75",
    }
    assert {row.name for row in store.artifacts(RUN)} == {"processed_data", "model", "metrics"}
    (model,) = store.artifacts(kind="system.Model")
    assert model.key == f"{RUN}/model-training/model"
    assert model.size == 1234
    assert model.metadata == {"framework": "sklearn"}
    assert model.digest.startswith("sha256:")
    assert (model.producer_run_uid, model.producer_task_id) == (store.run(RUN).uid, f"{RUN}-2")
    assert store.artifact(model.id[:12]) == store.artifact(model.key) == model


def test_lineage_leads_from_an_artifact_to_its_readers(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())
    (model,) = store.artifacts(kind="system.Model")

    edges = {(use.task_id.removeprefix(RUN), use.direction, use.name) for use in store.uses(artifact=model)}

    assert edges == {("-2", "output", "model"), ("-8", "input", "model"), ("-9", "input", "model")}
    assert len(store.uses(run=RUN)) == 6


def test_metrics_keep_their_types(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())

    found = store.metrics(RUN)
    assert {(row.task_id, row.artifact) for row in found} == {(f"{RUN}-2", "metrics")}
    logged = [(row.name, row.value, type(row.value)) for row in found]
    assert logged == [
        ("accuracy", 0.9375, float),
        ("epochs", 3, int),
        ("final", True, bool),
        ("note", "good", str),
    ]


def test_a_result_from_the_cache_stays_the_artifact_of_who_made_it(
    store: Store, training_run: MakeRun
) -> None:
    first = training_run()
    second = training_run("ml-pipeline-second", "uid-2")
    for attempt in ("ml-pipeline-second-3", "ml-pipeline-second-4"):
        del second["status"]["nodes"][attempt]
    hit = second["status"]["nodes"]["ml-pipeline-second-2"]
    hit.update(
        type="Pod",
        memoizationStatus={"hit": True},
        outputs=copy.deepcopy(first["status"]["nodes"][f"{RUN}-2"]["outputs"]),
    )

    store.record(second)
    store.record(first)
    store.record(second)

    (model,) = [artifact for artifact in store.artifacts("ml-pipeline-second") if artifact.name == "model"]
    assert model.producer_run_uid == first["metadata"]["uid"]
    assert [row.value for row in store.metrics("ml-pipeline-second")] == [0.9375, 3, True, "good"]


def test_lists_of_artifacts_and_missing_ones(
    store: Store, training_run: MakeRun, artifact_value: Any
) -> None:
    workflow = training_run()
    values = [artifact_value("model", "system.Model", f"k/{number}") for number in range(2)]
    reader = workflow["status"]["nodes"][f"{RUN}-8"]
    reader["inputs"]["parameters"] = [{"name": "model", "value": json.dumps(values)}]
    other = workflow["status"]["nodes"][f"{RUN}-9"]
    other["inputs"]["parameters"] = [{"name": "model", "value": "null"}]

    store.record(workflow)

    uses = [use for use in store.uses(run=RUN) if use.task_id == f"{RUN}-8"]
    assert [use.position for use in uses] == [0, 1]
    assert len({use.artifact_id for use in uses}) == 2
    assert not [use for use in store.uses(run=RUN) if use.task_id == f"{RUN}-9"]


def test_artifacts_of_workflows_written_by_hand_are_known_by_their_key(
    store: Store, training_run: MakeRun
) -> None:
    workflow = training_run()
    workflow["spec"]["templates"] = [{"name": "gen", "outputs": {"artifacts": [{"name": "out"}]}}]
    workflow["status"]["nodes"] = {
        RUN: {
            "id": RUN,
            "name": RUN,
            "type": "Pod",
            "templateName": "gen",
            "phase": "Succeeded",
            "outputs": {
                "artifacts": [
                    {"name": "out", "s3": {"key": "a/out.tgz"}},
                    {"name": "main-logs", "s3": {"key": "a/main.log"}},
                ]
            },
        }
    }

    store.record(workflow)

    (artifact,) = store.artifacts()
    assert (artifact.name, artifact.key, artifact.type) == ("out", "a/out.tgz", "system.Artifact")


def test_templates_of_a_workflow_template_are_found_in_the_status(
    store: Store, training_run: MakeRun
) -> None:
    workflow = training_run()
    templates = workflow["spec"].pop("templates")
    workflow["spec"]["workflowTemplateRef"] = {"name": "ml-pipeline"}
    del workflow["metadata"]["annotations"]
    workflow["status"]["storedWorkflowTemplateSpec"] = {"templates": templates}
    scored = workflow["status"]["nodes"][f"{RUN}-8"]
    del scored["templateName"]
    scored["templateRef"] = {"name": "library", "template": "score"}
    workflow["status"]["storedTemplates"] = {"namespaced/library/score": templates[3]}

    store.record(workflow)

    assert store.run(RUN).pipeline == "ml-pipeline"
    (model,) = store.artifacts(kind="system.Model")
    assert {use.task_id for use in store.uses(artifact=model)} == {f"{RUN}-2", f"{RUN}-8", f"{RUN}-9"}


def test_recording_twice_writes_nothing(store: Store, training_run: MakeRun) -> None:
    store.record(training_run())
    before = _everything(store)
    written: list[str] = []
    event.listen(store._database._engine, "before_cursor_execute", _collector(written))

    store.record(training_run())

    assert not written
    assert _everything(store) == before


def test_only_the_node_that_changed_is_written(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    store.record(workflow)
    workflow["status"]["nodes"][f"{RUN}-8"]["phase"] = "Failed"
    workflow["status"]["nodes"][f"{RUN}-1"]["phase"] = "Error"

    store.record(workflow, changed=[f"{RUN}-8"])
    phases = {task.id: task.phase for task in store.tasks(RUN)}
    assert (phases[f"{RUN}-8"], phases[f"{RUN}-1"]) == ("Failed", "Succeeded")

    store.record(workflow)
    phases = {task.id: task.phase for task in store.tasks(RUN)}
    assert (phases[f"{RUN}-8"], phases[f"{RUN}-1"]) == ("Failed", "Error")


def test_tasks_that_share_the_pod_that_changed_are_written(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    store.record(workflow)
    records = [
        {"task": "first", "phase": "Succeeded"},
        {"task": "second", "phase": "Failed", "exitCode": "3"},
    ]
    outputs = {"parameters": [{"name": OUTPUT, "value": json.dumps(records)}]}
    workflow["status"]["nodes"][f"{RUN}-8"]["outputs"] = outputs

    store.record(workflow, changed=[f"{RUN}-8"])

    phases = {task.id: task.phase for task in store.tasks(RUN)}
    assert phases[f"{RUN}-8-first"] == "Succeeded"
    assert phases[f"{RUN}-8-second"] == "Failed"


def test_a_run_grows_and_loses_nodes_when_it_is_retried(store: Store, training_run: MakeRun) -> None:
    whole = training_run()
    running = copy.deepcopy(whole)
    running["status"].update(phase="Running", finishedAt=None)
    for node_id in (f"{RUN}-8", f"{RUN}-9"):
        del running["status"]["nodes"][node_id]

    store.record(running)
    assert (len(store.tasks(RUN)), store.run(RUN).finished_at) == (3, None)
    store.record(whole)
    assert len(store.tasks(RUN)) == 5
    store.record(running)

    assert len(store.tasks(RUN)) == 3
    assert {row.task_id for row in store.parameters(RUN)} == {f"{RUN}-1"}
    assert len(store.runs()) == 1


def test_what_another_store_wrote_or_deleted_is_noticed(
    store: Store, store_url: str, training_run: MakeRun
) -> None:
    from mlplat.metadata import open_store

    workflow = training_run()
    store.record(workflow)
    changed = copy.deepcopy(workflow)
    changed["status"]["nodes"][f"{RUN}-1"]["message"] = "seen by another"
    with open_store(store_url) as other:
        other.record(changed)
        store.record(workflow, changed=[])
        assert {task.message for task in other.tasks(RUN)} == {"", "when 'false' evaluated false"}
        other.delete_run(RUN)
        store.record(workflow, changed=[f"{RUN}-1"])

    assert len(store.tasks(RUN)) == 5


def test_odd_values_survive(store: Store, training_run: MakeRun, artifact_value: Any) -> None:
    workflow = training_run()
    odd = 'it\'s "q" \\ é 🦊 \x00 \x1a \ud800 \x1a0041 {{=1+1}}\r\n' + "x" * 300_000
    nodes = workflow["status"]["nodes"]
    nodes[f"{RUN}-1"]["outputs"]["parameters"][1]["value"] = odd
    nodes[f"{RUN}-1"]["message"] = odd
    nodes[f"{RUN}-1"]["inputs"]["parameters"][0]["name"] = "n" * 300
    workflow["spec"]["arguments"]["parameters"][0]["value"] = odd
    nodes[f"{RUN}-2"]["outputs"]["parameters"][1]["value"] = artifact_value(
        "metrics",
        "system.ClassificationMetrics",
        "m",
        metadata={
            "nan": math.nan,
            "high": math.inf,
            "low": "-Infinity",
            "tiny": 5e-324,
            "big": 10**400,
            "é": -0.0,
        },
    )

    store.record(workflow)

    (value,) = [row.value for row in store.parameters(RUN, f"{RUN}-1") if row.name == "rows"]
    assert value == odd
    assert store.tasks(RUN)[0].message == odd
    assert store.run(RUN).parameters == {"input_path": odd}
    metrics = {row.name: row.value for row in store.metrics(RUN)}
    assert repr(metrics.pop("nan")) == "nan"
    assert metrics == {"high": math.inf, "low": -math.inf, "tiny": 5e-324, "big": 10**400, "é": 0.0}
    (artifact,) = [row for row in store.artifacts(RUN) if row.name == "metrics"]
    assert artifact.metadata["big"] == 10**400


def test_packed_nodes_are_unpacked(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    nodes = json.dumps(workflow["status"].pop("nodes")).encode()
    workflow["status"]["compressedNodes"] = base64.b64encode(gzip.compress(nodes, mtime=0)).decode()

    store.record(workflow)

    assert len(store.tasks(RUN, roles=None)) == 10


def test_nodes_in_the_database_of_argo_are_refused_with_a_hint(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    del workflow["status"]["nodes"]
    workflow["status"]["offloadNodeStatusVersion"] = "fnv:1234"

    with pytest.raises(ClusterError, match="argo get NAME -o json --argo-server"):
        store.record(workflow)


@pytest.mark.parametrize("workflow", [{}, {"kind": "Workflow"}, {"kind": "Pod", "metadata": {"name": "a"}}])
def test_a_document_that_is_not_a_named_workflow_is_refused(store: Store, workflow: Workflow) -> None:
    with pytest.raises(StoreError, match=r"only a Workflow with metadata\.name"):
        store.record(workflow)


def test_a_workflow_that_no_engine_has_seen_yet_is_pending(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    del workflow["status"]

    assert store.record(workflow).phase == "Pending"
    assert nodes_of(workflow) == {}
    assert store.tasks(RUN) == ()


def test_the_digest_is_that_of_the_program(training_run: MakeRun) -> None:
    spec = training_run()["spec"]
    stored = copy.deepcopy(spec)
    stored["arguments"] = {"parameters": [{"name": "input_path", "value": "other"}]}
    stored["templates"][0].update(metadata={}, inputs={}, outputs={})
    other = copy.deepcopy(spec)
    other["templates"][3]["outputs"]["parameters"][0]["name"] = "points"

    assert manifest_digest(stored) == manifest_digest(spec)
    assert manifest_digest(other) != manifest_digest(spec)


def _everything(store: Store) -> tuple[Any, ...]:
    return (
        store.runs(),
        store.tasks(RUN, roles=None),
        store.parameters(RUN),
        store.artifacts(),
        store.uses(),
        store.metrics(RUN),
    )


def _collector(written: list[str]) -> Callable[..., None]:
    def collect(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            written.append(statement)

    return collect


def test_credentials_of_an_address_are_not_recorded(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    node = workflow["status"]["nodes"][f"{RUN}-1"]
    url = "https://ada:hunter2@example.org/data.csv"
    node["inputs"]["artifacts"] = [{"name": "raw", "path": "/raw", "http": {"url": url}}]
    store.record(workflow)
    (artifact,) = [one for one in store.artifacts(RUN) if one.name == "raw"]
    assert artifact.uri == "https://example.org/data.csv"


def test_passwords_in_addresses_are_not_recorded_with_values(store: Store, training_run: MakeRun) -> None:
    workflow = training_run()
    node = workflow["status"]["nodes"][f"{RUN}-1"]
    values = {
        "one": ('"postgres://ada:hunter2@db/x"', '"postgres://***@db/x"'),
        "listed": ('["s3://k:hunter2@b/1", "ssh://git@h/x"]', '["s3://***@b/1", "ssh://git@h/x"]'),
        "time": ('"https://h:80/a@b:c@d"', '"https://h:80/a@b:c@d"'),
    }
    node["inputs"]["parameters"] = [{"name": key, "value": given} for key, (given, _) in values.items()]
    store.record(workflow)
    found = {one.name: one.value for one in store.parameters(RUN) if one.task_id == f"{RUN}-1"}
    assert {key: found[key] for key in values} == {key: kept for key, (_, kept) in values.items()}
