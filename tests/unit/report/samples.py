"""Runs to report on."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from mlplat.report import ArtifactView, LogView, MetricView, ParameterView, Report, RunView, TaskView

START = datetime(2026, 5, 4, 9, 12, 44, tzinfo=UTC)

HOSTILE = "</script></iframe></style><script>alert(1)</script>\"' onload=alert(1) {{x}} \u202e\x1b[2J\ud800"

CLASSIFICATION = {
    "confusionMatrix": {
        "annotationSpecs": [{"displayName": "cat"}, {"displayName": "dog"}],
        "rows": [{"row": [41, 9]}, {"row": [3, 47]}],
    },
    "confidenceMetrics": [
        {"confidenceThreshold": "Infinity", "recall": 0.0, "falsePositiveRate": 0.0},
        {"confidenceThreshold": 0.5, "recall": 0.8, "falsePositiveRate": 0.25},
        {"confidenceThreshold": 0.0, "recall": 1.0, "falsePositiveRate": 1.0},
    ],
}


def task(key: str, *after: str, start: float = 0, took: float = 10, **fields: Any) -> TaskView:
    """Make a task that ran for some seconds."""
    begun = START + timedelta(seconds=start)
    usual: dict[str, Any] = {
        "path": key,
        "label": key,
        "kind": "task",
        "phase": "Succeeded",
        "started_at": begun,
        "finished_at": begun + timedelta(seconds=took),
    }
    return TaskView(id=key, after=after, **{**usual, **fields})


def run(phase: str = "Succeeded", **fields: Any) -> RunView:
    """Make a run of a minute."""
    end = START + timedelta(seconds=60)
    return RunView(
        "ml-x7k2p", "ml", "default", "this machine", phase, started_at=START, finished_at=end, **fields
    )


def loop(count: int, failed: tuple[int, ...] = ()) -> list[TaskView]:
    """Make a loop of iterations with one task each."""
    tasks = [task("load"), task("loop", "load", kind="loop")]
    for number in range(count):
        phase = "Failed" if number in failed else "Succeeded"
        around, inside = f"loop({number})", f"loop({number}).fit"
        label = f"iteration({number})"
        tasks.append(task(around, label=label, parent="loop", kind="group", phase=phase))
        log = LogView(f"epoch {number}\n")
        tasks.append(
            task(
                inside, label="fit", parent=around, phase=phase, log=log, inputs=(ParameterView("i", number),)
            )
        )
    return tasks


def png() -> bytes:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0abc"))
        + chunk(b"IEND", b"")
    )


def every_artifact() -> tuple[ArtifactView, ...]:
    """Return an artifact of each kind that a page can show."""
    return (
        ArtifactView("eval", "quality", "system.ClassificationMetrics", metadata=CLASSIFICATION),
        ArtifactView("eval", "numbers", "system.Metrics", metadata={"accuracy": 0.94, "good": True}),
        ArtifactView("plot", "page", "system.HTML", content=b"<p id=own>chart</p><script>let a = 1</script>"),
        ArtifactView("plot", "text", "system.Markdown", content=b"# Findings\n\n**bold** <i>x</i>\n"),
        ArtifactView("plot", "picture", "system.Artifact", content=png()),
        ArtifactView("load", "rows", "system.Dataset", content=b"a,b\n1,2\n3,4\n"),
        ArtifactView("load", "settings", "system.Artifact", content=b"rate: 0.1\n"),
        ArtifactView(
            "fit", "model", "system.Model", "artifacts/m", "sha256:" + "ab" * 32, 2048, content=b"\x80\0\xff"
        ),
    )


def everything() -> Report:
    """Return a report with a task and an artifact of each kind."""
    tasks = [
        task("load"),
        task("fit", "load", phase="Failed", message="exit code 1", is_cause=True, log=LogView("one\ntwo\n")),
    ]
    values = (ParameterView("rate", 0.1), ParameterView("names", ["a", "b"]))
    return Report(run("Failed", parameters=values), tuple(tasks), (), every_artifact())


def thousand() -> Report:
    """Return a report of 1,000 tasks, 30 of which run at a time."""
    tasks = [task("load")]
    for number in range(999):
        before = "load" if number < 30 else f"task-{number - 30}"
        inputs, log = (ParameterView("number", number),), LogView(f"task {number}\n")
        tasks.append(task(f"task-{number}", before, start=number // 30, took=2, inputs=inputs, log=log))
    return Report(run(), tuple(tasks), (), every_artifact())


def long_names() -> Report:
    """Return a report whose names, values and messages are longer than any window is wide."""
    name = "a_name_made_of_a_module_and_a_function_" * 3
    values = (
        ParameterView("layers", [{"size": size, "activation": "relu"} for size in range(200)]),
        ParameterView("b" * 120, "c" * 500),
    )
    tasks = (
        task(
            name,
            phase="Failed",
            message="m" * 600,
            is_cause=True,
            log=LogView("y" * 5000),
            inputs=values,
        ),
        task("next", name, phase="Omitted"),
        task("日本語のタスク", name),
    )
    metrics = (MetricView(name, "numbers", "loss" * 30, 1e-9),)
    artifacts = (
        ArtifactView(
            name, "model" * 20, "system.Model", "s3://bucket/" + "k" * 200, "sha256:" + "ab" * 32, 1
        ),
        ArtifactView(name, "rows", "system.Dataset", content=b"a" * 300 + b"," + b"b" * 300 + b"\n1,2\n"),
    )
    return Report(run("Failed", message="x" * 900, parameters=values), tasks, metrics, artifacts)
