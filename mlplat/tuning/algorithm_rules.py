"""Checks algorithms, their settings, and whether they fit the search space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlplat.errors import Diagnostic, nearest
from mlplat.tuning import parameter_rules
from mlplat.tuning.algorithms import ALGORITHMS, EARLY_STOPPING, NAS_ALGORITHMS, SettingKind
from mlplat.tuning.experiment import DOUBLE, INT, Algorithm, Experiment
from mlplat.tuning.space import is_numeric, search_space


def problems(experiment: Experiment) -> Iterator[Diagnostic]:
    """Yield what is wrong with the algorithms of an Experiment."""
    yield from _suggestion(experiment)
    if experiment.early_stopping is not None:
        yield from _early_stopping(experiment.early_stopping)
    if experiment.nas_config is not None and experiment.algorithm.name not in NAS_ALGORITHMS:
        yield _no_architecture_search("spec.nasConfig")


def _suggestion(experiment: Experiment) -> Iterator[Diagnostic]:
    algorithm, path = experiment.algorithm, "spec.algorithm"
    if not algorithm.name:
        place = path if algorithm == Algorithm() else f"{path}.algorithmName"
        hint = "for example algorithm: {algorithmName: random}"
        yield Diagnostic("MLP904", place, "must be specified", hint)
        return
    if algorithm.name in NAS_ALGORITHMS:
        yield _no_architecture_search(f"{path}.algorithmName", algorithm.name)
        return
    kind = ALGORITHMS.get(algorithm.name)
    if kind is None:
        message = f"unknown algorithm '{algorithm.name}'"
        yield Diagnostic("MLP920", f"{path}.algorithmName", message, nearest(algorithm.name, [*ALGORITHMS]))
        return
    yield from _settings(algorithm, kind.settings, path)
    if kind.needs_steps:
        yield from _steps(experiment)
    if algorithm.name in _FITS:
        yield from _FITS[algorithm.name](experiment, path)


def _early_stopping(algorithm: Algorithm) -> Iterator[Diagnostic]:
    path = "spec.earlyStopping"
    if not algorithm.name:
        hint = f"for example algorithmName: {next(iter(EARLY_STOPPING))}"
        yield Diagnostic("MLP904", f"{path}.algorithmName", "must be specified", hint)
    elif algorithm.name not in EARLY_STOPPING:
        message = f"unknown early stopping algorithm '{algorithm.name}'"
        hint = nearest(algorithm.name, [*EARLY_STOPPING])
        yield Diagnostic("MLP920", f"{path}.algorithmName", message, hint)
    else:
        yield from _settings(algorithm, EARLY_STOPPING[algorithm.name], path)


def _settings(algorithm: Algorithm, known: Mapping[str, SettingKind], path: str) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for number, setting in enumerate(algorithm.settings):
        place, kind = f"{path}.algorithmSettings[{number}]", known.get(setting.name)
        if kind is None:
            message = f"unknown setting {setting.name} for algorithm {algorithm.name}"
            yield Diagnostic("MLP921", f"{place}.name", message, nearest(setting.name, [*known]))
            continue
        if setting.name in seen:
            message = f"setting {setting.name} is repeated"
            yield Diagnostic("MLP921", f"{place}.name", message, "remove one of them")
        seen.add(setting.name)
        try:
            kind.read(setting.value)
        except ValueError:
            message = f"{setting.name} {kind.rule}, got '{setting.value}'"
            yield Diagnostic("MLP922", f"{place}.value", message, "")
            continue
        if kind.no_effect and setting.value not in ("none", "None", kind.default):
            message = f"setting {setting.name} has no effect: {kind.no_effect}"
            yield Diagnostic("MLP925", place, message, "remove it", severity="warning")
    for name, kind in known.items():
        if kind.required and name not in seen:
            message = f"algorithm {algorithm.name} requires the setting {name}"
            hint = f"{name} {kind.rule}"
            yield Diagnostic("MLP922", f"{path}.algorithmSettings", message, hint)


def _steps(experiment: Experiment) -> Iterator[Diagnostic]:
    for number, parameter in enumerate(experiment.parameters):
        if parameter.type == DOUBLE and not parameter.space.step:
            message = f"parameter '{parameter.name}' has no step, which algorithm {experiment.algorithm.name} requires"
            hint = 'for example step: "0.01"'
            yield Diagnostic("MLP923", f"spec.parameters[{number}].feasibleSpace.step", message, hint)


def _grid(experiment: Experiment, path: str) -> Iterator[Diagnostic]:
    limit = experiment.max_trial_count
    if limit is None or any(
        one.severity == "error" for one in parameter_rules.problems(experiment.parameters, path)
    ):
        return
    count = search_space(experiment.parameters).count
    if experiment.parameters and count is not None and limit > count:
        message = f"Max Trial Count: {limit} > all possible search combinations: {count}"
        hint = f"write maxTrialCount: {count}, or remove it"
        yield Diagnostic("MLP923", "spec.maxTrialCount", message, hint)


def _cmaes(experiment: Experiment, path: str) -> Iterator[Diagnostic]:
    count = sum(one.type in (INT, DOUBLE) for one in experiment.parameters)
    if experiment.parameters and count < 2:
        message = f"cmaes requires two parameters of type int or double, got {count}"
        yield Diagnostic("MLP923", f"{path}.algorithmName", message, "use another algorithm, such as tpe")


def _hyperband(experiment: Experiment, path: str) -> Iterator[Diagnostic]:
    known = {one.name: one for one in experiment.parameters}
    for number, setting in enumerate(experiment.algorithm.settings):
        if setting.name != "resource_name" or not setting.value or not known:
            continue
        place, resource = f"{path}.algorithmSettings[{number}].value", known.get(setting.value)
        if resource is None:
            message = f"resource_name '{setting.value}' does not exist in spec.parameters"
            yield Diagnostic("MLP923", place, message, nearest(setting.value, [*known]))
        elif not is_numeric(resource):
            message = f"resource_name '{setting.value}' is not a numeric parameter"
            hint = "use a parameter of type int or double, or of type discrete with numbers"
            yield Diagnostic("MLP923", place, message, hint)


_FITS = {"grid": _grid, "cmaes": _cmaes, "hyperband": _hyperband}
"""What an algorithm requires of the search space."""


def _no_architecture_search(path: str, algorithm: str = "") -> Diagnostic:
    which = f" (algorithm {algorithm})" if algorithm else ""
    message = f"neural architecture search is not supported{which}"
    hint = "tune the architecture with int and categorical parameters in spec.parameters, and algorithm tpe or random"
    return Diagnostic("MLP926", path, message, hint)
