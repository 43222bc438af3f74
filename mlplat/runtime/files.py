"""Files and folders: reading, writing, hashing, and copies in the place of links."""

import os
from typing import Any, Tuple

from mlplat.runtime.contract import TaskError

FOLDER = b"folder\n"


def _sha256(data: bytes = b"") -> Any:
    import hashlib

    return hashlib.sha256(data)


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes as ``sha256:<hex>``."""
    return "sha256:{}".format(_sha256(data).hexdigest())


def read_text(path: str) -> str:
    """Read a file as UTF-8, with its line ends as they are."""
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def write_text(path: str, text: str) -> None:
    """Write a file as UTF-8, with its line ends as they are; make its folder."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def digest_and_size(path: str) -> Tuple[str, int]:
    """Hash what lies at a path.

    Args:
        path: a file, or a folder: then the hash is over the sorted relative paths and hashes of its files.

    Returns:
        ``sha256:<hex>`` and the size in bytes.
    """
    if not os.path.isdir(path):
        digest, size = _sha256(), 0
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
        return "sha256:" + digest.hexdigest(), size
    files = sorted(
        os.path.relpath(os.path.join(folder, name), path)
        for folder, _, names in os.walk(path)
        for name in names
    )
    tree, total = _sha256(FOLDER), 0
    for name in files:
        digest_of_file, size = digest_and_size(os.path.join(path, name))
        tree.update("{}\0{}\n".format(name, digest_of_file).encode("utf-8", "surrogateescape"))
        total += size
    return "sha256:" + tree.hexdigest(), total


def replace_links(name: str, path: str) -> None:
    """Put copies in the place of symbolic links: where the bytes go, links lead nowhere."""
    found = [path] if os.path.lexists(path) else []
    if os.path.isdir(path) and not os.path.islink(path):
        found += [
            os.path.join(at, entry) for at, *entries in os.walk(path) for part in entries for entry in part
        ]
    for entry in found:
        if os.path.islink(entry):
            target, place = os.path.realpath(entry), os.path.realpath(os.path.dirname(entry))
            if not os.path.exists(target) or os.path.commonpath([target, place]) == target:
                raise TaskError(
                    "output '{}' contains a link that cannot be resolved: {} -> {}".format(
                        name, entry, target
                    )
                )
            os.unlink(entry)
            copy(name, target, entry)
        elif not os.path.isfile(entry) and not os.path.isdir(entry):
            raise TaskError("output '{}' contains neither a file nor a folder: {}".format(name, entry))


def copy(name: str, source: str, target: str, around: Tuple[str, ...] = ()) -> None:
    """Copy a file or folder, with the files that links lead to."""
    import shutil

    real = os.path.realpath(source)
    if real in around or os.path.commonpath([real, os.path.realpath(target)]) == real:
        raise TaskError("output '{}' cannot contain its own folder: {}".format(name, source))
    if os.path.isdir(source):
        if os.path.isdir(target):
            shutil.rmtree(target)
        os.makedirs(target)
        for entry in os.listdir(source):
            copy(name, os.path.join(source, entry), os.path.join(target, entry), (*around, real))
    elif os.path.isfile(source):
        shutil.copy(source, target)
    else:
        raise TaskError("output '{}' contains neither a file nor a folder: {}".format(name, source))
