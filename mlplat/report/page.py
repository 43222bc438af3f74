"""The page of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mlplat.argo.status import FAILED
from mlplat.report import contents, frames, words
from mlplat.report.drawing import graph
from mlplat.report.markup import Html, joined, tag, text
from mlplat.report.model import ArtifactView, LogView, MetricView, ParameterView, Report, RunView, TaskView
from mlplat.report.styles import STYLE

_MOST_TASKS = 2000
_MOST_FAILURES = 20
_MOST_ROWS = 200
_LAST_LINES = 15
_LONGEST_MESSAGE = 400
_LONGEST_NOTE = 160
_PHASES = ("Failed", "Error", "Running", "Pending", "Succeeded", "Skipped", "Omitted")


def page(report: Report) -> str:
    """Write the page of a run.

    Args:
        report: what the record has of it.

    Returns:
        An HTML document that needs no other file, no network and no script.
    """
    anchors = {task.id: f"t{number}" for number, task in enumerate(report.tasks) if _has_details(task)}
    body = joined(
        _header(report),
        _failures(report.tasks, anchors),
        _values(report),
        _graph(report.tasks, anchors),
        _tasks(report, anchors),
        _artifacts(report.artifacts),
        _details(report.tasks, anchors),
    )
    return document(report.run.name, body, scripts=any(map(contents.runs_scripts, report.artifacts)))


def document(title: str, body: Html, *, scripts: bool = False) -> str:
    """Write an HTML document in the style of all pages.

    Args:
        title: of the document.
        body: its content.
        scripts: whether there are frames whose scripts may run; a frame cannot do what its page may not.
    """
    head = joined(
        Html('<meta charset="utf-8">'),
        frames.policy(scripts=scripts),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        Html(f"<style>{STYLE}</style>"),
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body><main>{body}</main></body></html>\n'


def badge(phase: str) -> Html:
    """Show a phase."""
    return tag("span", f"{words.mark(phase)} {phase}", class_=f"badge {words.style_of(phase)}")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Show names with values, without those that have none."""
    shown = [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if value]
    return tag("dl", shown, class_="facts")


def section(title: str, *content: Html) -> Html:
    """Return a part of the page with its heading; empty if it has no content."""
    inside = joined(*content)
    return tag("section", tag("h2", title), inside) if inside else Html()


def _header(report: Report) -> Html:
    run = report.run
    work = [task for task in report.tasks if task.kind == "task"]
    counts = Counter(task.phase for task in work)
    cached = sum(task.cached for task in work)
    told = [f"{counts[phase]:,} {phase.lower()}" for phase in _PHASES if counts[phase]]
    if cached:
        told.append(f"{cached:,} from the cache")
    return joined(
        tag("div", tag("h1", run.name), badge(run.phase), class_="head"),
        tag("p", text(run.message, _LONGEST_MESSAGE), class_="why" if run.phase in FAILED else "note")
        if run.message
        else Html(),
        facts(_facts(run, ", ".join(told))),
    )


def _facts(run: RunView, tasks: str) -> list[tuple[str, str]]:
    return [
        ("Pipeline", run.pipeline),
        ("Experiment", run.experiment),
        ("Ran on", run.place),
        ("Started", words.moment(run.started_at)),
        ("Duration", words.duration(run.started_at, run.finished_at)),
        ("Tasks", tasks),
        ("Source", run.source[:19]),
    ]


def _failures(tasks: Sequence[TaskView], anchors: dict[str, str]) -> Html:
    causes = [task for task in tasks if task.is_cause]
    shown = [_failure(task, anchors.get(task.id, "")) for task in causes[:_MOST_FAILURES]]
    more = len(causes) - len(shown)
    note = tag("p", f"{words.counted(more, 'more task')} failed.", class_="note") if more else Html()
    return section("Failures", joined(shown, note))


def _failure(task: TaskView, anchor: str) -> Html:
    name = tag("a", task.path, href=f"#{anchor}") if anchor else text(task.path)
    message = tag("p", text(task.message, _LONGEST_MESSAGE), class_="why") if task.message else Html()
    last = "\n".join(task.log.text.splitlines()[-_LAST_LINES:]) if task.log else ""
    return tag("div", tag("h3", name), message, tag("pre", last) if last else Html(), class_="failure")


def _values(report: Report) -> Html:
    parts = (
        section("Parameters", pairs(report.run.parameters)),
        section("Results", pairs(report.run.outputs)),
        section("Metrics", _metrics(report.metrics)),
    )
    return tag("div", [part for part in parts if part], class_="columns")


def pairs(values: Sequence[ParameterView]) -> Html:
    """Show parameters as a table; empty without parameters."""
    rows = [
        tag("tr", tag("th", one.name, scope="row"), tag("td", words.value(one.value)))
        for one in values[:_MOST_ROWS]
    ]
    return joined(tag("table", tag("tbody", rows), class_="pairs") if rows else Html(), _rest(len(values)))


def _metrics(views: Sequence[MetricView]) -> Html:
    names = Counter(one.name for one in views)
    rows = [
        tag(
            "tr",
            tag("th", one.name if names[one.name] == 1 else f"{one.task}: {one.name}", scope="row"),
            tag("td", words.metric(one.value)),
        )
        for one in views[:_MOST_ROWS]
    ]
    return joined(tag("table", tag("tbody", rows), class_="pairs") if rows else Html(), _rest(len(views)))


def _rest(count: int) -> Html:
    if count <= _MOST_ROWS:
        return Html()
    return tag("p", f"{count - _MOST_ROWS:,} more are not shown.", class_="note")


def _graph(tasks: Sequence[TaskView], anchors: dict[str, str]) -> Html:
    drawn = graph(tasks, anchors)
    return section(
        "Graph",
        tag("div", drawn, class_="scroll", tabindex="0", role="group", aria_label="Graph of the tasks"),
    )


def _artifacts(artifacts: Sequence[ArtifactView]) -> Html:
    shown = [(artifact, contents.content(artifact)) for artifact in artifacts]
    seen = [_artifact(artifact, content) for artifact, content in shown if content]
    others = [artifact for artifact, content in shown if not content]
    return section("Artifacts", joined(seen), _other_artifacts(others))


def _artifact(artifact: ArtifactView, content: Html) -> Html:
    about = [artifact.type.removeprefix("system."), words.size(artifact.size), artifact.place]
    return tag(
        "div",
        tag("h3", f"{artifact.task}: {artifact.name}"),
        tag("p", ", ".join(filter(None, about)), class_="note"),
        content,
        class_="artifact",
    )


def _other_artifacts(artifacts: Sequence[ArtifactView]) -> Html:
    if not artifacts:
        return Html()
    head = tag(
        "tr",
        [tag("th", name, scope="col") for name in ("Task", "Name", "Type", "Size", "Digest", "Place")],
    )
    rows = [
        tag(
            "tr",
            tag("th", one.task, scope="row"),
            [tag("td", cell) for cell in (one.name, one.type.removeprefix("system."), words.size(one.size))],
            tag("td", one.digest[:19], class_="mono"),
            tag("td", text(one.place, _LONGEST_MESSAGE)),
        )
        for one in artifacts[:_MOST_ROWS]
    ]
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="data")
    scrolled = tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Other artifacts")
    return joined(scrolled, _rest(len(artifacts)))


def _tasks(report: Report, anchors: dict[str, str]) -> Html:
    tasks = report.tasks
    if not tasks:
        return Html()
    depths: dict[str, int] = {}
    for task in tasks:
        depths[task.id] = depths.get(task.parent, -1) + 1
    span = _Span(report)
    head = tag(
        "tr", [tag("th", name, scope="col") for name in ("Task", "Phase", "Duration", "When", "Message")]
    )
    rows = [_row(task, depths[task.id], anchors.get(task.id, ""), span) for task in tasks[:_MOST_TASKS]]
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="tasks")
    more = len(tasks) - len(rows)
    note = tag("p", f"{more:,} more tasks are not shown.", class_="note") if more else Html()
    scrolled = tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Tasks")
    return section("Tasks", scrolled, note)


def _has_no_duration(task: TaskView) -> bool:
    return task.cached or task.phase in words.NOT_RUN


class _Span:
    """The time from the start of a run to the end of its last task."""

    def __init__(self, report: Report) -> None:
        run, tasks = report.run, report.tasks
        starts = [time for time in (run.started_at, *(task.started_at for task in tasks)) if time]
        ends = [time for time in (run.finished_at, *(task.finished_at for task in tasks)) if time]
        self.start = min(starts, default=None)
        self.end = max([*starts, *ends], default=None)
        self.length = words.seconds(self.start, self.end) or 1.0

    def bar(self, task: TaskView) -> Html:
        """Show when a task ran; one that still runs has no end yet."""
        started = words.seconds(self.start, task.started_at)
        if started is None or _has_no_duration(task):
            return Html()
        took = words.seconds(task.started_at, task.finished_at or self.end) or 0.0
        left, width = started / self.length * 100, took / self.length * 100
        return tag("span", class_="bar", style=f"--s:{min(left, 99):.3g};--w:{width:.3g}")


def _row(task: TaskView, depth: int, anchor: str, span: _Span) -> Html:
    phase = "Cached" if task.cached else task.phase
    tries = f" ({task.attempts} attempts)" if task.attempts > 1 else ""
    name = tag("a", task.label, href=f"#{anchor}") if anchor else text(task.label)
    style = f"{words.style_of(task.phase)}{' g' if task.kind != 'task' else ''}"
    return tag(
        "tr",
        tag(
            "th",
            tag("span", words.mark(task.phase), class_="m", aria_hidden="true"),
            name,
            scope="row",
            style=f"--d:{depth}" if depth else "",
        ),
        tag("td", f"{phase}{tries}", class_="phase"),
        tag("td", "" if _has_no_duration(task) else words.duration(task.started_at, task.finished_at)),
        tag("td", span.bar(task), class_="when"),
        tag("td", text(task.message, _LONGEST_NOTE), class_="message"),
        class_=style,
    )


def _has_details(task: TaskView) -> bool:
    return bool(task.inputs or task.outputs or (task.log and (task.log.text or task.log.note)))


def _details(tasks: Sequence[TaskView], anchors: dict[str, str]) -> Html:
    shown = [task for task in tasks[:_MOST_TASKS] if task.id in anchors]
    shown.sort(key=lambda task: not task.is_cause)
    return section("Inputs, outputs and logs", joined([_detail(task, anchors[task.id]) for task in shown]))


def _detail(task: TaskView, anchor: str) -> Html:
    parts = joined(
        _titled("Inputs", pairs(task.inputs)),
        _titled("Outputs", pairs(task.outputs)),
        _titled("Log", _log(task.log)) if task.log else Html(),
    )
    mark = tag("span", words.mark(task.phase), class_=f"m {words.style_of(task.phase)}", aria_hidden="true")
    summary = tag("summary", mark, task.path)
    return tag("details", summary, tag("div", parts, id=anchor, class_="inside"), open=task.is_cause)


def _titled(title: str, content: Html) -> Html:
    return joined(tag("h3", title), content) if content else Html()


def _log(log: LogView) -> Html:
    if not log.text:
        return tag("p", log.note, class_="note") if log.note else Html()
    cut = Html() if log.is_whole else tag("p", "Only the end of the log is shown.", class_="note")
    return joined(cut, tag("pre", log.text))
