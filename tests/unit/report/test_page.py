"""The page of a run: whole, readable by a parser, and safe whatever tasks wrote."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat.report import (
    ArtifactView,
    LogView,
    MetricView,
    ParameterView,
    Report,
    RunView,
    TaskView,
    compare,
    comparison_page,
    embedded,
    page,
)
from mlplat.report.comparison import Side
from tests.unit.report.samples import HOSTILE, START, every_artifact, everything, loop, run, task

_VOID = {"meta", "img", "rect", "path"}


class Seen(HTMLParser):
    """What a page has: its elements and text, without what stands in frames."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(document)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def named(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def policy(document: str) -> str:
    return next(one["content"] for one in Seen(document).named("meta") if "http-equiv" in one)


def test_the_page_has_all_of_a_run() -> None:
    tasks = (
        task("load", outputs=(ParameterView("rows", 15000),), log=LogView("reading\n")),
        task(
            "fit",
            "load",
            start=10,
            took=125,
            attempts=3,
            message="flaky node",
            inputs=(ParameterView("depth", 7),),
        ),
        task("split", "load", cached=True),
    )
    report = Report(
        run(
            parameters=(ParameterView("data", "s3://b/k"),),
            outputs=(ParameterView("score", 0.75),),
            source="sha256:abcdef",
        ),
        tasks,
        (
            MetricView("fit", "metrics", "accuracy", 0.9423),
            MetricView("fit", "metrics", "loss", float("nan")),
        ),
    )
    text = Seen(page(report)).text
    for word in (
        *("ml-x7k2p", "Succeeded", "2026-05-04 09:12:44 UTC", "60s", "sha256:abcdef", "this machine"),
        *("s3://b/k", "0.75", "0.9423", "nan", "15000", "reading", "2m05s", "flaky node", "Cached"),
    ):
        assert word in text, word
    assert "3 attempts" in text


def test_failures_come_first_with_the_end_of_their_logs() -> None:
    log = LogView("\n".join(f"line {number}" for number in range(100)) + "\nValueError: no\n")
    tasks = (task("load"), task("fit", "load", phase="Failed", message="exit code 1", is_cause=True, log=log))
    document = page(Report(run("Failed"), tasks))
    assert document.index("Failures") < document.index("ValueError: no") < document.index(">Graph<")
    assert "line 20" not in document[: document.index(">Graph<")]
    details = Seen(document).named("details")
    assert [("open" in one) for one in details] == [True]


def test_a_link_leads_to_the_details_of_its_task() -> None:
    seen = Seen(page(everything()))
    targets = {one["id"] for tag, one in seen.elements if "id" in one}
    links = [one["href"] for one in seen.named("a")]
    assert links
    assert {link.removeprefix("#") for link in links} <= targets


def test_the_page_needs_nothing_but_itself() -> None:
    document = page(everything())
    seen = Seen(document)
    assert not seen.named("script")
    assert not seen.named("link")
    places = [one[key] for _, one in seen.elements for key in ("src", "href", "action") if key in one]
    assert all(place.startswith(("data:", "#")) for place in places)
    assert "default-src 'none'" in policy(document)
    assert not re.search(r"\bhttps?:", policy(document))


def test_a_page_without_html_artifacts_allows_no_script_at_all() -> None:
    others = tuple(one for one in every_artifact() if one.type != "system.HTML")
    assert "script-src" not in policy(page(Report(run(), (), (), others)))


def test_html_artifacts_are_in_frames_without_the_origin_of_the_page_and_without_network() -> None:
    document = page(everything())
    frames = {one["title"]: one for one in Seen(document).named("iframe")}
    shown = frames["plot: page"]
    assert shown["sandbox"] == "allow-scripts"
    assert "<p id=own>chart</p><script>let a = 1</script>" in shown["srcdoc"]
    inner = policy_of_start(shown["srcdoc"])
    assert "default-src 'none'" in inner
    assert not re.search(r"\b(https?|wss?):|\*", inner)


def policy_of_start(document: str) -> str:
    """Return the policy, which has to come before everything that an artifact has."""
    found = re.match(
        r'<!DOCTYPE html><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="(.*?)"/>',
        document,
    )
    assert found
    return unescape(found[1])


def test_markdown_is_rendered_and_its_html_is_not() -> None:
    text = b"# Findings\n\n**bold** <script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n| a |\n| --- |\n| 1 |\n"
    document = page(Report(run(), (), (), (ArtifactView("a", "b", "system.Markdown", content=text),)))
    frame = Seen(document).named("iframe")[0]
    assert frame["sandbox"] == ""
    assert "<h1>Findings</h1>" in frame["srcdoc"]
    assert "<strong>bold</strong>" in frame["srcdoc"]
    assert "<td>1</td>" in frame["srcdoc"]
    assert "<script" not in frame["srcdoc"]
    assert "href" not in frame["srcdoc"]
    assert "script-src" not in policy_of_start(frame["srcdoc"])


def _with_hostile_strings() -> Report:
    hostile = HOSTILE
    value = ParameterView(hostile, hostile)
    tasks = (
        TaskView(
            hostile,
            hostile,
            hostile,
            "task",
            "Failed",
            hostile,
            is_cause=True,
            log=LogView(hostile),
            started_at=START,
        ),
        TaskView(
            "b",
            hostile,
            hostile,
            "group",
            hostile,
            hostile,
            after=(hostile,),
            inputs=(value,),
            outputs=(value,),
        ),
        TaskView("c", hostile, hostile, "task", "Running", parent="b", log=LogView(note=hostile)),
    )
    kinds = ("system.HTML", "system.Markdown", "system.Artifact", "system.ClassificationMetrics", hostile)
    metadata = {
        hostile: hostile,
        "confusionMatrix": {"annotationSpecs": [{"displayName": hostile}], "rows": [{"row": [1]}]},
        "evaluationSlices": [{"slice": hostile, "sliceClassificationMetrics": {}}],
    }
    data = hostile.encode(errors="replace")
    artifacts = [
        ArtifactView(hostile, hostile, kind, hostile, hostile, 1, metadata, content)
        for kind in kinds
        for content in (
            None,
            data,
            b"<svg>" + data,
            b'[{"' + b'a": "</td><script>"}]',
            b"a,<script>\n1,</td>\n",
        )
    ]
    whole = RunView(
        hostile,
        hostile,
        hostile,
        hostile,
        hostile,
        hostile,
        source=hostile,
        parameters=(value,),
        outputs=(value,),
    )
    return Report(whole, tasks, (MetricView(hostile, hostile, hostile, hostile),), tuple(artifacts))


def test_what_tasks_wrote_is_data() -> None:
    document = page(_with_hostile_strings())
    document.encode()
    seen = Seen(document)
    assert not seen.named("script")
    assert not any(name.startswith("on") for _, one in seen.elements for name in one)
    assert all(one["sandbox"] in {"", "allow-scripts"} for one in seen.named("iframe"))
    outside = re.sub(r'srcdoc=".*?"', "", document, flags=re.DOTALL)
    assert not set("\u202e\x1b") & set(outside)
    assert "<script>alert(1)</script>" in seen.text


@settings(max_examples=40)
@given(st.data())
def test_every_string_arrives_as_text(data: st.DataObject) -> None:
    word = data.draw(
        st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=40)
    )
    value = word.replace("\u061c", "")
    if any(0x7F <= ord(one) <= 0x9F for one in value):
        return
    document = page(
        Report(run(parameters=(ParameterView("p", f"[{value}]"),)), (task("a", log=LogView(f"<{value}>")),))
    )
    seen = Seen(document)
    assert f"[{value}]" in seen.words
    assert f"<{value}>" in seen.words


def _comparison(report: Report) -> str:
    side = Side(report.run, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE})
    return comparison_page(compare([side, Side(report.run)]))


def _embedded(report: Report) -> str:
    return embedded(page(report), HOSTILE)


@pytest.mark.parametrize("made", [_comparison, _embedded])
def test_other_pages_keep_data_as_data_too(made: Callable[[Report], str]) -> None:
    seen = Seen(made(_with_hostile_strings()))
    assert not seen.named("script")
    assert not any(name.startswith("on") for _, one in seen.elements for name in one)


def test_a_page_in_a_notebook_is_in_a_frame_without_the_origin_of_the_notebook() -> None:
    document = page(everything())
    (frame,) = Seen(embedded(document, "ml-x7k2p")).named("iframe")
    assert frame["sandbox"] == "allow-scripts"
    assert frame["srcdoc"] == document


def _bare(tasks: list[TaskView]) -> Report:
    return Report(run(), tuple(dataclasses.replace(one, log=None) for one in tasks))


def _chain(count: int) -> list[TaskView]:
    return [
        task(f"t{i}", *([f"t{i - 1}", f"t{i // 2}"] if i else []), inputs=(ParameterView("i", i),))
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("tasks", "limit"),
    [(loop(14), 300_000), (_chain(30), 300_000), (loop(499, (77,)), 1_500_000), (_chain(1000), 1_500_000)],
    ids=["30 in a loop", "30 in a DAG", "1000 in a loop", "1000 in a DAG"],
)
def test_the_page_stays_small(tasks: list[TaskView], limit: int) -> None:
    document = page(_bare(tasks))
    assert len(document.encode()) <= limit


def test_deeply_nested_groups_have_a_page() -> None:
    groups = [task(f"g{i}", kind="group", parent=f"g{i - 1}" if i else "") for i in range(3000)]
    seen = Seen(page(_bare([*groups, task("innermost", parent="g2999")])))
    assert len([one for one in seen.named("svg") if one.get("class") == "graph"]) == 1


def test_long_values_are_cut() -> None:
    long = "x" * 1_000_000
    values = tuple(ParameterView(f"v{number}", long) for number in range(1000))
    many = [task(f"t{number}", message=long, inputs=values) for number in range(5)]
    texts = tuple(ArtifactView("a", str(i), "system.Artifact", content=b"y" * 1_000_000) for i in range(3))
    wide = ArtifactView("a", "wide", "system.Dataset", content=("a," * 999 + "a\n").encode() * 300)
    metrics = tuple(MetricView("t", "m", f"m{number}", long) for number in range(1000))
    report = Report(run("Failed", message=long, parameters=values[:3]), tuple(many), metrics, (*texts, wide))
    assert len(page(report)) < 4_000_000


def test_a_running_run_and_an_empty_one_have_a_page() -> None:
    running = task("a", phase="Running", finished_at=None)
    assert "Running" in Seen(page(Report(run("Running"), (running,)))).text
    empty = RunView("a", "b", "c", "d", "Pending")
    assert "No task has started." in Seen(page(Report(empty))).text


@pytest.mark.parametrize(
    ("artifact", "expected"),
    [
        ({"content": b"a,b\n1,2\n"}, ["a", "b", "1", "2"]),
        ({"content": b"a\tb\n1\t2\n"}, ["a", "b", "1", "2"]),
        ({"content": b'[{"a": 1, "b": "x"}, {"a": 2}]'}, ["a", "b", "1", "x", "2"]),
        ({"content": b"rate: 0.1\n"}, ["rate: 0.1\n"]),
        (
            {"content": "größe".encode() + b"\xc3", "is_whole": False},
            ["größe", "Only the beginning is shown."],
        ),
        ({"content": b"a,b\n1,2\n3,4\n5,", "is_whole": False}, ["3", "4", "Shown: 2 of more than 2 rows."]),
        ({"content": b"\x89PNG\r\n\x1a\n", "is_whole": False}, ["The image is too large to show."]),
        ({"note": "It has 12.0 GiB."}, ["It has 12.0 GiB."]),
        ({"content": b"\x00\x01binary"}, ["Place"]),
        ({"content": b"\xff\xfe\xfa"}, ["Place"]),
        ({"content": b""}, ["Place"]),
    ],
)
def test_artifacts_are_shown_as_what_they_are(artifact: dict[str, Any], expected: list[str]) -> None:
    words = Seen(page(Report(run(), (), (), (ArtifactView("t", "n", "system.Artifact", **artifact),)))).words
    assert set(expected) <= set(words)


def test_a_picture_is_part_of_the_page() -> None:
    (picture,) = Seen(page(everything())).named("img")
    assert picture["src"].startswith("data:image/png;base64,")
    assert picture["alt"] == "plot: picture"


def test_classification_metrics_are_drawn() -> None:
    seen = Seen(page(everything()))
    assert "ROC curve, area 0.775" in seen.words
    assert {"cat", "dog", "41", "47"} <= set(seen.words)


@pytest.mark.parametrize(
    "metadata",
    [
        {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": [{"row": [1, 2]}]}},
        {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": [{"row": ["x"]}]}},
        {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": None}},
        {"confusionMatrix": "none", "confidenceMetrics": {"a": 1}, "evaluationSlices": 3},
        {"confidenceMetrics": [{"recall": "NaN", "falsePositiveRate": 0.1}, 3, {}]},
        {"confidenceMetrics": [{"recall": 10**400, "falsePositiveRate": float("nan")}]},
        {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": [{"row": [-(10**400)]}]}},
    ],
)
def test_classification_metrics_that_make_no_sense_are_not_drawn(metadata: dict[str, Any]) -> None:
    artifact = ArtifactView("t", "n", "system.ClassificationMetrics", metadata=metadata)
    seen = Seen(page(Report(run(), (), (), (artifact,))))
    assert not [one for one in seen.named("table") if one.get("class") == "matrix"]
    assert not seen.named("figure")


def test_parts_and_columns_have_the_names_that_people_know() -> None:
    shown = page(everything())
    titles = re.findall(r"<h2>(.+?)</h2>", shown)
    assert titles == ["Failures", "Parameters", "Graph", "Tasks", "Artifacts", "Inputs, outputs and logs"]
    columns = re.findall(r'<th scope="col">(.+?)</th>', shown)
    for table in (
        ["Task", "Phase", "Duration", "When", "Message"],
        ["Task", "Name", "Type", "Size", "Digest", "Place"],
    ):
        start = columns.index(table[0])
        assert columns[start : start + len(table)] == table
        del columns[start : start + len(table)]
    assert set(re.findall(r"<h3>(\w+)</h3>", shown)) == {"Log"}
