"""Logs and the content of artifacts, until there is too much of them for one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlplat import report
from mlplat.argo.status import FAILED
from mlplat.errors import MlplatError
from mlplat.runs.pages.sources import FileSource

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, TaskRow

_LOG, _LOG_OF_FAILED, _ALL_LOGS = 1 << 12, 1 << 14, 1 << 22
_PART, _WHOLE, _ALL_CONTENT = 1 << 16, 1 << 23, 1 << 25


@dataclass(slots=True)
class Reader:
    """Reads logs and contents until there is too much of them for one page."""

    run: RunRow
    source: FileSource
    logs_left: int = _ALL_LOGS
    content_left: int = _ALL_CONTENT

    def log(self, task: TaskRow, attempts: Sequence[TaskRow]) -> report.LogView:
        """Return the end of the log of a task; a task that failed has more room."""
        if task.cached or task.phase in report.NOT_RUN:
            return report.LogView()
        room = _LOG_OF_FAILED if task.phase in FAILED else _LOG
        if self.logs_left < room:
            return report.LogView(
                note=f"The report has reached its size limit; see: mlplat logs {self.run.name}"
            )
        try:
            text = self.source.log(self.run, task, attempts)
        except MlplatError as error:
            return report.LogView(note=_reason(error))
        if not text:
            return report.LogView()
        end = text[-room:]
        if len(end) < len(text) and "\n" in end[:-1]:
            end = end.split("\n", 1)[1]
        self.logs_left -= len(end)
        return report.LogView(end, is_whole=len(end) == len(text))

    def content(self, artifact: ArtifactRow, view: report.ArtifactView) -> report.ArtifactView:
        """Return an artifact with its content: pictures and documents whole, of others the start."""
        if self.content_left < _WHOLE:
            return replace(view, note="The report has reached its size limit.")
        try:
            data = self.source.content(artifact, _PART + 1)
            if data is not None and len(data) > _PART and report.needs_all(view.type, data):
                data = self.source.content(artifact, _WHOLE + 1)
                is_whole = data is not None and len(data) <= _WHOLE
            else:
                is_whole = data is not None and len(data) <= _PART
                data = data[:_PART] if data else data
        except MlplatError as error:
            return replace(view, note=_reason(error))
        if data is None:
            return view
        if not is_whole and report.needs_all(view.type, data):
            return replace(view, note="It is too large for the report.")
        self.content_left -= len(data)
        return replace(view, content=data, is_whole=is_whole)


def _reason(error: MlplatError) -> str:
    """Return why there is nothing to show, and what to do about it."""
    found = error.diagnostics[0]
    return f"{found.message}. {found.hint}" if found.hint else found.message
