"""Checks the metrics collector."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import isabs

from mlplat.argo import goregexp
from mlplat.argo.gonumbers import parse_int
from mlplat.errors import Diagnostic, nearest
from mlplat.tuning.experiment import (
    COLLECTORS,
    CUSTOM,
    FILE,
    FORMATS,
    JSON,
    PROMETHEUS,
    TF_EVENT,
    FileSystemPath,
    HttpGet,
    MetricsCollector,
)

_PATH = "spec.metricsCollectorSpec"
_SOURCE = f"{_PATH}.source"
_FILE = f"{_SOURCE}.fileSystemPath"
_PATTERNS = f"{_SOURCE}.filter.metricsFormat"


def problems(collector: MetricsCollector) -> Iterator[Diagnostic]:
    """Yield what is wrong with a metrics collector, which has its defaults."""
    kind, file = collector.kind, collector.file or FileSystemPath()
    if kind not in COLLECTORS:
        message = f"invalid metrics collector kind: {kind}"
        yield Diagnostic("MLP905", f"{_PATH}.collector.kind", message, nearest(kind, COLLECTORS))
    elif kind == FILE:
        yield from _file(file, collector)
    elif kind == TF_EVENT:
        yield from _directory(file)
    elif kind == PROMETHEUS:
        yield from _http(collector.http or HttpGet())
    elif kind == CUSTOM:
        yield from _custom(collector)
    yield from _patterns(collector)


def _file(file: FileSystemPath, collector: MetricsCollector) -> Iterator[Diagnostic]:
    if file.kind != "File" or not isabs(file.path):
        message = "file path where metrics file exists is required"
        hint = "write an absolute path, and kind: File"
        yield Diagnostic("MLP940", f"{_FILE}.path", f"{message}, got '{file.path}' of kind {file.kind}", hint)
    if file.format not in FORMATS:
        message = f"format must be {' or '.join(FORMATS)}, got '{file.format}'"
        yield Diagnostic("MLP940", f"{_FILE}.format", message, nearest(file.format, FORMATS))
    if file.format == JSON and collector.has_filter:
        message = "filter must be nil when format of metrics file is json"
        yield Diagnostic(
            "MLP940", f"{_SOURCE}.filter", message, "remove it; metrics are the fields of each line"
        )


def _directory(file: FileSystemPath) -> Iterator[Diagnostic]:
    if file.kind != "Directory" or not isabs(file.path):
        message = "directory path where tensorflow event files exist is required"
        hint = "write an absolute path, and kind: Directory"
        yield Diagnostic("MLP940", f"{_FILE}.path", f"{message}, got '{file.path}' of kind {file.kind}", hint)
    if file.format:
        message = f"format must be empty, got '{file.format}'"
        yield Diagnostic("MLP940", f"{_FILE}.format", message, "remove it")


def _http(http: HttpGet) -> Iterator[Diagnostic]:
    try:
        is_port = 0 < parse_int(http.port) < 2**16
    except ValueError:
        is_port = False
    if not is_port:
        message = (
            f"must be a positive integer value for metrics collector kind: {PROMETHEUS}, got '{http.port}'"
        )
        yield Diagnostic("MLP940", f"{_SOURCE}.httpGet.port", message, "for example port: 8080")
    if not http.path.startswith("/"):
        message = f"path is invalid for metrics collector kind: {PROMETHEUS}, got '{http.path}'"
        yield Diagnostic("MLP940", f"{_SOURCE}.httpGet.path", message, f"write /{http.path}")


def _custom(collector: MetricsCollector) -> Iterator[Diagnostic]:
    if collector.container is None:
        message = f"must be specified for metrics collector kind: {CUSTOM}"
        hint = "write the container that collects the metrics"
        yield Diagnostic("MLP940", f"{_PATH}.collector.customCollector", message, hint)
    file = collector.file
    if file is not None and (not isabs(file.path) or file.kind not in ("File", "Directory")):
        message = f".spec.metricsCollectorSpec.source is invalid: got '{file.path}' of kind '{file.kind}'"
        yield Diagnostic(
            "MLP940", _FILE, message, "write an absolute path, and kind: File or kind: Directory"
        )


def _patterns(collector: MetricsCollector) -> Iterator[Diagnostic]:
    for number, pattern in enumerate(collector.patterns):
        place = f"{_PATTERNS}[{number}]"
        try:
            groups = goregexp.groups(pattern)
        except goregexp.MissingEngineError as error:
            yield Diagnostic("MLP002", place, str(error), "")
        except goregexp.RegexpError as error:
            hint = "the syntax is RE2's: it has no look-around and no backreferences"
            yield Diagnostic("MLP941", place, f"invalid filter '{pattern}': {error}", hint)
        else:
            if groups < 2:
                message = f"two top subexpressions are required, got {groups} in '{pattern}'"
                hint = (
                    r"the first one is the name, the second one the value: ([\w|-]+)\s*=\s*([+-]?\d+(\.\d+)?)"
                )
                yield Diagnostic("MLP941", place, message, hint)
