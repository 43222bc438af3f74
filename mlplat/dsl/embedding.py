"""Files that are embedded in the source code of a function."""

from __future__ import annotations

import base64
import gzip
import io
import os
import tarfile
from pathlib import Path

from mlplat.dsl import context
from mlplat.errors import AuthoringError, Diagnostic

_UNPACK = """\
def _embedded():
    import atexit
    import base64
    import io
    import shutil
    import sys
    import tarfile
    import tempfile

    folder = tempfile.mkdtemp(prefix="embedded-")
    atexit.register(shutil.rmtree, folder, True)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(__KFP_EMBEDDED_ARCHIVE_B64)), mode="r:gz") as archive:
        archive.extractall(folder)
    sys.path.insert(0, folder)
    return folder


__KFP_EMBEDDED_ASSET_DIR = _embedded()
"""


def text_of(path: str | os.PathLike[str]) -> str:
    """Return the source of a module that unpacks a file or folder when it runs.

    Args:
        path: the file or folder.

    Returns:
        Python: ``__KFP_EMBEDDED_ASSET_DIR`` is the folder that contains the file, or the unpacked folder;
        ``__KFP_EMBEDDED_ASSET_FILE`` is the file. The same files give the same source.

    Raises:
        AuthoringError: the path does not exist or cannot be read.
    """
    source = Path(path)
    if not source.exists():
        message = f"file or folder '{path}' not found"
        hint = f"use an absolute path, or one relative to {Path.cwd()}"
        raise AuthoringError(Diagnostic("MLP107", str(path), message, hint, context.caller()))
    packed = base64.b64encode(_packed(source)).decode()
    text = f"__KFP_EMBEDDED_ARCHIVE_B64 = '{packed}'\n\n\n{_UNPACK}"
    if source.is_file():
        text += f"__KFP_EMBEDDED_ASSET_FILE = __KFP_EMBEDDED_ASSET_DIR + {'/' + source.name!r}\n"
    return text


def _packed(source: Path) -> bytes:
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.name if source.is_file() else file.relative_to(source).as_posix())
            data = file.read_bytes()
            entry.size, entry.mode = len(data), 0o755 if file.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)
