"""What stands where KFP's client is: programs import it at their top and often use it as scripts only."""

from __future__ import annotations

from typing import Any, NoReturn

from mlplat.dsl import context
from mlplat.errors import Diagnostic, MlplatError

_INSTEAD = (
    "run the pipeline with mlplat run FILE, on a cluster with --engine argo; leave the client to what stands below "
    "if __name__ == '__main__':; see docs/migrating.md"
)


class Client:
    """KFP's client of its API server, which mlplat does not have.

    Raises:
        MlplatError: always.
    """

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        message = "mlplat has no server to be a client of"
        raise MlplatError(Diagnostic("MLP004", "Client", message, _INSTEAD, context.caller()))
