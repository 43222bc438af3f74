"""Writes a run as one HTML file, from its record and the bytes of its artifacts.

Everything here is pure: no files, no clock, no network. :func:`page` and :func:`comparison_page` return whole
documents, which need nothing but themselves: styles and pictures are inside, and there is no script. What tasks wrote
is data: it is escaped and cut to a limit, and HTML artifacts are shown in sandboxed frames without network.
"""

from mlplat.report.comparison import Difference, RunComparison, Side, compare
from mlplat.report.comparison_page import comparison_page
from mlplat.report.contents import needs_all
from mlplat.report.embedding import embedded
from mlplat.report.model import (
    ArtifactView,
    Kind,
    LogView,
    MetricView,
    ParameterView,
    Report,
    RunView,
    TaskView,
)
from mlplat.report.page import page
from mlplat.report.words import NOT_RUN

__all__ = [
    "NOT_RUN",
    "ArtifactView",
    "Difference",
    "Kind",
    "LogView",
    "MetricView",
    "ParameterView",
    "Report",
    "RunComparison",
    "RunView",
    "Side",
    "TaskView",
    "compare",
    "comparison_page",
    "embedded",
    "needs_all",
    "page",
]
