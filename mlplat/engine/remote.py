"""Fetches artifacts from a bucket or the web, as Argo's drivers do in a pod.

Buckets are obstore's (the extra ``remote``). A location's Secrets are those of the run; without Secrets,
credentials come from the environment, as those of the cloud's own tools do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from mlplat import addresses
from mlplat.argo.sources import HTTP, PLACES
from mlplat.engine import files
from mlplat.engine.artifacts import ArtifactError, ArtifactMissingError

KINDS = ("s3", "gcs", "azure", HTTP)
"""Kinds of artifact locations."""

_TIMEOUT = 60
"""Timeout for a response of a web server, in seconds."""

_IN_URLS = "%/:=&?~#+!$,;'@()*[]"
"""Characters that are not escaped in a URL; spaces and non-ASCII letters are, as in Argo."""

_NEEDED = {
    "s3": ("endpoint", "bucket", "key"),
    "gcs": ("bucket", "key"),
    "azure": ("endpoint", "container", "blob"),
    HTTP: ("url",),
}
"""Required fields of a location."""

_OPTIONS: dict[str, Any] = {"timeout": "60s", "connect_timeout": "10s"}
_RETRY: dict[str, Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
_SECRETS = {
    "s3": {"accessKeySecret": "access_key_id", "secretKeySecret": "secret_access_key"},
    "gcs": {"serviceAccountKeySecret": "service_account_key"},
    "azure": {"accountKeySecret": "account_key"},
}
"""Names in obstore for the content of a location's Secrets."""

_VARIABLES = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
    "gcs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"),
    "azure": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
    ),
}
"""Variables with credentials; without any, public objects can still be fetched."""

_GCLOUD = Path("~/.config/gcloud/application_default_credentials.json")


def is_remote(artifact: Mapping[str, Any]) -> bool:
    """Return whether an artifact is outside of the artifact repository."""
    return bool(artifact.get(HTTP)) or any(
        (artifact.get(kind) or {}).get(outer) for kind, (outer, _) in PLACES.items()
    )


def fetch(artifact: Mapping[str, Any], target: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Fetch an artifact: the object of its key or, when it does not exist, all objects below the key.

    Args:
        artifact: with its location, filled.
        target: the path, which must not exist.
        secrets: decoded data of Secrets by name.

    Raises:
        ArtifactMissingError: it does not exist.
        ArtifactError: it cannot be reached, a Secret is missing, or obstore is not installed.
    """
    kind = next(one for one in KINDS if artifact.get(one))
    location = artifact[kind]
    missing = [field for field in _NEEDED[kind] if not location.get(field)]
    if missing:
        raise ArtifactError(f"its location has no {' and no '.join(missing)}")
    if kind == HTTP:
        _from_web(location, target, secrets)
    else:
        _from_bucket(artifact, target, secrets)


def _location(artifact: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    kind = next(one for one in KINDS if artifact.get(one))
    missing = [field for field in _NEEDED[kind] if not artifact[kind].get(field)]
    if missing:
        raise ArtifactError(f"its location has no {' and no '.join(missing)}")
    return kind, artifact[kind]


def first_bytes(
    artifact: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]], size: int
) -> bytes | None:
    """Return the first bytes of an object in a bucket, at most so many; None for a folder of objects.

    Args:
        artifact: with its location, filled.
        secrets: decoded data of Secrets by name.
        size: how many.

    Raises:
        ArtifactMissingError: it does not exist.
        ArtifactError: it cannot be reached, a Secret is missing, or obstore is not installed.
    """
    with _bucket(artifact, secrets) as (obstore, store, key):
        try:
            length = min(obstore.head(store, key)["size"], size)
        except FileNotFoundError:
            if next(iter(obstore.list(store, key.rstrip("/") + "/", chunk_size=1)), ()):
                return None
            raise
        return _range(obstore, store, key, 0, length)


def last_bytes(artifact: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]], size: int) -> bytes:
    """Return the last bytes of an object in a bucket, at most so many; see :func:`first_bytes`."""
    with _bucket(artifact, secrets) as (obstore, store, key):
        length = obstore.head(store, key)["size"]
        start = max(0, length - size)
        return _range(obstore, store, key, start, length - start)


def _range(obstore: Any, store: Any, key: str, start: int, length: int) -> bytes:
    return bytes(obstore.get_range(store, key, start=start, length=length)) if length else b""


def _from_web(location: Mapping[str, Any], target: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
    import http.client
    import urllib.error

    from mlplat import downloads

    url = str(location["url"])
    shown = addresses.without_secrets(url)
    if not url.startswith(("http://", "https://")):
        raise ArtifactError(f"{shown} cannot be fetched: it starts with neither http:// nor https://")
    headers = {one["name"]: one["value"] for one in location.get("headers") or ()}
    pair = ""
    if basic := (location.get("auth") or {}).get("basicAuth"):
        pair = ":".join(
            _content(basic.get(field) or {}, secrets) for field in ("usernameSecret", "passwordSecret")
        )
    try:
        request = downloads.request(quote(url, safe=_IN_URLS), headers, pair)
        with downloads.opener().open(request, timeout=_TIMEOUT) as answer:
            _save(iter(lambda: answer.read(1 << 20), b""), target)
            promised, came = answer.headers["Content-Length"], target.stat().st_size
        if promised is not None and came != int(promised):
            raise ArtifactError(f"{shown} cannot be fetched: received {came} of {promised} bytes")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.NOT_FOUND:
            raise ArtifactMissingError(f"{shown} not found") from None
        raise ArtifactError(f"{shown} cannot be fetched: {error}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ArtifactError(f"{shown} cannot be fetched: {downloads.reason(error)}") from None


@contextmanager
def _bucket(
    artifact: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Any, Any, str]]:
    """Open the bucket of an artifact: obstore, the store, the key. Failures become errors about the artifact."""
    kind, location = _location(artifact)
    try:
        import obstore
    except ImportError:
        message = "fetching from buckets needs obstore: pip install 'mlplat[remote]'"
        raise ArtifactError(message) from None
    try:
        yield obstore, _store(kind, location, secrets), location[PLACES[kind][1]]
    except FileNotFoundError:
        raise ArtifactMissingError(f"there is nothing under {_displayed(kind, location)}") from None
    except (obstore.exceptions.BaseError, ValueError) as error:
        reason = str(error).splitlines()[0]
        without = (
            " (asked without credentials: the environment has none)" if _is_anonymous(kind, location) else ""
        )
        raise ArtifactError(f"{_displayed(kind, location)} cannot be fetched: {reason}{without}") from None


def _from_bucket(artifact: Mapping[str, Any], target: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
    with _bucket(artifact, secrets) as (obstore, store, key):
        try:
            _save(obstore.get(store, key), target)
        except FileNotFoundError:
            _save_all(obstore, store, key.rstrip("/") + "/", target)


def _store(kind: str, location: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]]) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    client = dict(_OPTIONS)
    options: dict[str, Any] = {"client_options": client, "retry_config": _RETRY}
    given: dict[str, Any] = {
        name: _content(location[field], secrets)
        for field, name in _SECRETS[kind].items()
        if location.get(field)
    }
    if _is_anonymous(kind, location):
        given["skip_signature"] = True
    bucket = location[PLACES[kind][0]]
    if kind == "gcs":
        return GCSStore(bucket, **given, **options)
    scheme = "http" if location.get("insecure") else "https"
    client["allow_http"] = scheme == "http"
    if kind == "azure":
        return AzureStore(bucket, endpoint=location.get("endpoint"), **given, **options)
    if region := location.get("region"):
        given["region"] = region
    if location["endpoint"] != "s3.amazonaws.com":
        given["endpoint"] = f"{scheme}://{location['endpoint']}"
    return S3Store(bucket, **given, **options)


def _is_anonymous(kind: str, location: Mapping[str, Any]) -> bool:
    """Return whether neither a location nor the environment has credentials; no metadata server is used."""
    if any(location.get(field) for field in _SECRETS[kind]):
        return False
    return not any(os.environ.get(name) for name in _VARIABLES[kind]) and not (
        kind == "gcs" and _GCLOUD.expanduser().exists()
    )


def _content(selector: Mapping[str, str], secrets: Mapping[str, Mapping[str, str]]) -> str:
    try:
        return secrets[selector["name"]][selector["key"]]
    except KeyError:
        raise ArtifactError(
            f"the Secret {selector.get('name')!r} with the key {selector.get('key')!r} is not in the files of the run"
        ) from None


def _save(chunks: Iterable[Any], target: Path) -> None:
    """Write data to a file, which is removed after a failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            for chunk in chunks:
                files.check()
                file.write(chunk)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _save_all(obstore: Any, store: Any, prefix: str, target: Path) -> None:
    sizes = {one["path"]: one["size"] for batch in obstore.list(store, prefix) for one in batch}
    if not sizes:
        raise FileNotFoundError(prefix)
    # Consoles write an empty object for a folder; its name ends in a slash, which obstore leaves out.
    folders = {str(parent) for key in sizes for parent in PurePosixPath(key).parents} | {prefix.rstrip("/")}
    target.mkdir(parents=True)
    for key, size in sizes.items():
        if key in folders and not size:
            continue
        parts = PurePosixPath(key.removeprefix(prefix)).parts
        if ".." in parts:
            raise ArtifactError(f"the key {key!r} is outside of the folder of the artifact")
        _save(obstore.get(store, key), target.joinpath(*parts))


def _displayed(kind: str, location: Mapping[str, Any]) -> str:
    outer, inner = PLACES[kind]
    return f"{'gs' if kind == 'gcs' else kind}://{location[outer]}/{location[inner]}"
