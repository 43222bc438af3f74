"""A substitute for KFP's client: many programs import it, but use it only when they run as scripts."""

from __future__ import annotations

from typing import Any, NoReturn

from mlplat.dsl import context
from mlplat.errors import Diagnostic, MlplatError

_INSTEAD = (
    "run the pipeline with mlplat run FILE, or on a cluster with --engine argo; use the client only below "
    "if __name__ == '__main__':; see docs/migrating.md"
)


class Client:
    """KFP's client of its API server, which mlplat does not have.

    Raises:
        MlplatError: always.
    """

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        message = "mlplat has no server, so it has no client"
        raise MlplatError(Diagnostic("MLP004", "Client", message, _INSTEAD, context.caller()))
