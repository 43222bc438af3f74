"""Certificates and keys of the cluster: elliptic curve P-256, made by openssl, one authority for all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness.failure import run

_DAYS = "3650"
_SERVER_NAMES = (
    "IP:127.0.0.1,IP:10.96.0.1,IP:10.99.0.1,DNS:localhost,DNS:node1,DNS:kubernetes,DNS:kubernetes.default,"
    "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate speaks for.

    Attributes:
        subject: in openssl's notation; Kubernetes reads O as group and CN as user.
        server: may it also stand in for a server of the node.
    """

    subject: str
    server: bool = False


IDENTITIES = {
    "apiserver": Identity("/CN=kube-apiserver", server=True),
    "admin": Identity("/O=system:masters/CN=admin"),
    "kubelet": Identity("/O=system:nodes/CN=system:node:node1", server=True),
    # Named as service accounts are, so that the role bindings of Argo's installation apply to them.
    "argo": Identity("/O=system:serviceaccounts/CN=system:serviceaccount:argo:argo"),
    "argo-server": Identity("/O=system:serviceaccounts/CN=system:serviceaccount:argo:argo-server"),
}


def make(folder: Path) -> None:
    """Writes ``NAME.key`` and ``NAME.crt`` for the authority and every identity, and ``sa.key``, ``sa.pub``.

    Args:
        folder: gets the files; must not exist.

    Raises:
        HarnessError: openssl failed.
    """
    folder.mkdir(parents=True, mode=0o700)
    _key(folder / "ca.key")
    authority = ("-key", folder / "ca.key", "-subj", "/CN=mlplat-e2e", "-days", _DAYS)
    _openssl(folder / "ca.crt", "req", "-x509", "-new", *authority)
    for name, identity in IDENTITIES.items():
        _certificate(folder, name, identity)
    _key(folder / "sa.key")
    _openssl(folder / "sa.pub", "pkey", "-in", folder / "sa.key", "-pubout")


def _certificate(folder: Path, name: str, identity: Identity) -> None:
    _key(folder / f"{name}.key")
    extensions = folder / f"{name}.ext"
    usage = "clientAuth,serverAuth" if identity.server else "clientAuth"
    names = f"subjectAltName={_SERVER_NAMES}\n" if identity.server else ""
    extensions.write_text(f"keyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n{names}")
    request = folder / f"{name}.csr"
    _openssl(request, "req", "-new", "-key", folder / f"{name}.key", "-subj", identity.subject)
    authority = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial")
    validity = ("-days", _DAYS, "-extfile", extensions)
    _openssl(folder / f"{name}.crt", "x509", "-req", "-in", request, *authority, *validity)
    request.unlink()
    extensions.unlink()


def _key(path: Path) -> None:
    _openssl(path, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def _openssl(result: Path, *arguments: str | Path) -> None:
    run(["openssl", *arguments, "-out", result])
