"""Seeds: with them, the same experiment gets the same suggestions again."""

from __future__ import annotations

import hashlib

from mlplat.canonical import canonical_json
from mlplat.tuning.algorithms import ALGORITHMS, settings
from mlplat.tuning.experiment import Experiment
from mlplat.tuning.writing import document

_EDITABLE = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")
"""What Katib lets people change while an experiment runs; its further trials must not depend on it."""


def experiment_seed(experiment: Experiment) -> int:
    """Return the seed of an experiment: its ``random_state``, or a hash of its name and spec."""
    own = settings(experiment.algorithm, ALGORITHMS[experiment.algorithm.name].settings)["random_state"]
    if isinstance(own, int):
        return own
    spec = {key: value for key, value in document(experiment)["spec"].items() if key not in _EDITABLE}
    return _hash(canonical_json([experiment.name or experiment.generate_name, spec]))


def ask_seed(seed: int, number: int, attempt: int) -> int:
    """Return the seed of one ask.

    A sampler is made again for each ask; with the same seed, it would draw the same numbers again.

    Args:
        seed: of the experiment.
        number: how many asks there were before.
        attempt: how many of its suggestions were rejected.
    """
    return _hash(f"{seed}/{number}/{attempt}")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
