"""Where things lie: the cache that outlives clusters, and the folder of one cluster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HARNESS = Path(__file__).resolve().parent
CHECKOUT = HARNESS.parents[2]


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder of everything that is built once and shared by all checkouts of this user.

    Attributes:
        root: the folder; made when something is first put into it.
    """

    root: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> Cache:
        """Returns the cache of ``MLPLAT_E2E_CACHE``, or the one in the user's cache folder (XDG)."""
        explicit = environ.get("MLPLAT_E2E_CACHE")
        if explicit:
            return cls(Path(explicit).absolute())
        home = environ.get("XDG_CACHE_HOME")
        return cls((Path(home) if home else Path.home() / ".cache") / "mlplat-e2e")

    @property
    def bin(self) -> Path:
        """Programs."""
        return self.root / "bin"

    @property
    def images(self) -> Path:
        """Image archives, one tar file for each image."""
        return self.root / "images"

    @property
    def wheels(self) -> Path:
        """Wheels that tasks install from."""
        return self.root / "wheels"

    @property
    def manifests(self) -> Path:
        """Argo's own installation manifests."""
        return self.root / "manifests"

    @property
    def prepared(self) -> Path:
        """What a new cluster is copied from."""
        return self.root / "prepared"

    @property
    def clusters(self) -> Path:
        """State of the running clusters, a folder each."""
        return self.root / "clusters"


def cluster_name(environ: Mapping[str, str] = os.environ, checkout: Path = CHECKOUT) -> str:
    """Returns the name of this checkout's cluster, so that two checkouts do not share one by accident.

    Args:
        environ: ``MLPLAT_E2E_NAME`` in it wins.
        checkout: top folder of the checkout.
    """
    explicit = environ.get("MLPLAT_E2E_NAME")
    if explicit:
        return explicit
    return hashlib.sha256(str(checkout).encode()).hexdigest()[:6]
