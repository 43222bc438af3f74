"""Katib's Experiments: what they say, what is wrong with them, and how far they are.

Everything here is pure: no files, no clock, and no randomness but from a seed. The modules, in the order of an
experiment's life::

    load      loading.load(documents, file, text) -> experiment, template and warnings, or all errors at once
                reading.parse            names and types of fields (fields); writing.document is its inverse
                defaults.with_defaults   what Katib's webhook fills in, by the kind of trial (kinds)
                sources.template_of      the trial template, from trialSpec or a ConfigMap
                rules.problems           all rules, in the modules with the names …_rules
    suggest   space.search_space(parameters) -> typed values, their strings, the number of points
              algorithms.ALGORITHMS, EARLY_STOPPING, settings() -> settings with types and defaults
              suggestions.suggest(experiment, trials, count) -> assignments of the next trials
                history, axes, seeds     the trials so far and the search space, as samplers need them
                studies                  random, tpe, multivariate-tpe, bayesianoptimization: Optuna
                evolution                cmaes: the package that Optuna uses for it
                sequences                grid; sobol: SciPy
    run       references.values(…), templates.fill(template, values) -> the object of a trial
              conditions.parse, evaluate -> how the object ended; selectors.selectors -> the same for Argo
    observe   logs.points(lines, metrics, collector) -> points; trials.observation(points, objective) -> metrics
              progress.best_trial, has_reached_goal, outcome; status.status -> Katib's status

``experiment`` has the dataclasses, ``trials`` those of trials. Values that a trial gets and reports stay strings, as in
Katib's API; :mod:`~mlplat.tuning.space` and :mod:`~mlplat.tuning.logs` turn them into numbers.
"""

from mlplat.tuning.defaults import with_defaults
from mlplat.tuning.experiment import Experiment
from mlplat.tuning.loading import LoadedExperiment, load
from mlplat.tuning.reading import is_experiment, parse
from mlplat.tuning.writing import document

__all__ = ["Experiment", "LoadedExperiment", "document", "is_experiment", "load", "parse", "with_defaults"]
