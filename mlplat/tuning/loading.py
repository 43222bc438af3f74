"""Reads an Experiment from the documents of a file, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.tuning import rules
from mlplat.tuning.defaults import with_defaults
from mlplat.tuning.experiment import API_VERSION, Experiment
from mlplat.tuning.reading import is_experiment, parse
from mlplat.tuning.sources import template_of
from mlplat.tuning.templates import ParsedTemplate


class LoadedExperiment(NamedTuple):
    """An Experiment that can be used.

    Attributes:
        experiment: with Katib's defaults.
        template: its trial template.
        warnings: such as unknown fields.
    """

    experiment: Experiment
    template: ParsedTemplate
    warnings: list[Diagnostic]


def load(documents: Sequence[Mapping[str, Any]], file: str = "", text: str = "") -> LoadedExperiment:
    """Read the Experiment of a file.

    Args:
        documents: all documents of the file, from :func:`mlplat.manifest.load`: one Experiment, and the ConfigMap of
            its trial template if there is one.
        file: name of the file, for messages.
        text: text of the file, for line numbers.

    Returns:
        The Experiment.

    Raises:
        ManifestError: there is not one Experiment, or it cannot be used; with all that is wrong.
    """
    numbers = [number for number, one in enumerate(documents) if is_experiment(one)]
    if len(numbers) != 1:
        message = f"expected one Experiment, got {len(numbers)}"
        hint = "pass a file with one document of kind: Experiment, apiVersion: kubeflow.org/v1beta1"
        raise ManifestError(Diagnostic("MLP900", "", message, hint, Source(file) if file else None))
    number = numbers[0]
    version = documents[number]["apiVersion"]
    if version != API_VERSION:
        message = f"apiVersion '{version}' is not supported"
        hint = f"write apiVersion: {API_VERSION}, and the fields of that version"
        raise ManifestError(_placed([Diagnostic("MLP903", "apiVersion", message, hint)], number, file, text))
    experiment, unread = parse(documents[number])
    experiment = with_defaults(experiment)
    template = template_of(experiment.trial_template, documents, experiment.namespace)
    broken = [one.path for one in unread if one.severity == "error"]
    others = (one for one in rules.problems(experiment, template) if not _follows(one.path, broken))
    diagnostics = sorted(_placed([*unread, *others], number, file, text), key=Diagnostic.order)
    if isinstance(template, Diagnostic) or any(one.severity == "error" for one in diagnostics):
        raise ManifestError(diagnostics)
    return LoadedExperiment(experiment, template, diagnostics)


def _placed(diagnostics: Sequence[Diagnostic], number: int, file: str, text: str) -> Iterator[Diagnostic]:
    """Yield diagnostics with their places in the file: lines need its text."""
    from mlplat.manifest.lines import Lines  # imports PyYAML, which programs do without

    lines = Lines(text)
    for one in diagnostics:
        line = lines.line(number, one.path)
        yield replace(one, source=Source(file, line) if file or line else None)


def _follows(path: str, broken: Sequence[str]) -> bool:
    """Return whether a problem is only that a field could not be read: it is inside of one, or around one."""
    return any(_is_inside(path, one) or _is_inside(one, path) for one in broken)


def _is_inside(path: str, around: str) -> bool:
    return path == around or path.startswith((f"{around}.", f"{around}["))
