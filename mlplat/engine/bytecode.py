"""Keeps the runtime of tasks as bytecode, so that they start without compiling it.

Python compiles a program that it gets as a string each time. For the runtime, that takes longer than Python's own
start.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import marshal
import os
import sys
import zlib
from pathlib import Path

_LOADER = """\
import marshal, sys
try:
    if sys.version != {version!r}:
        raise OSError
    with open({file!r}, "rb") as file:
        program = marshal.load(file)
except OSError:
    program = zlib.decompress(base64.b64decode({packed!r})).decode()
exec(program)
"""
"""Runs in place of the runtime, with the modules that the command of a task has imported. Only the interpreter that
wrote bytecode can read it; any other one compiles the runtime itself."""


class Bytecode:
    """Bytecode of programs, in a folder of this machine.

    Args:
        folder: the folder; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaders: dict[str, str] = {}

    def loader(self, packed: str) -> str:
        """Return a program that loads another one from bytecode.

        Args:
            packed: a program as :func:`mlplat.runtime.packed` packs it.

        Returns:
            The loader, packed; the program itself if it cannot be compiled or the bytecode cannot be written.
        """
        if packed not in self._loaders:
            try:
                self._loaders[packed] = self._loader(packed)
            except (OSError, SyntaxError, ValueError, zlib.error):
                self._loaders[packed] = packed
        return self._loaders[packed]

    def _loader(self, packed: str) -> str:
        digest = hashlib.sha256(f"{sys.version}\n{packed}".encode()).hexdigest()[:32]
        file = self._folder / f"{digest}.bin"
        if not file.exists():
            program = zlib.decompress(base64.b64decode(packed)).decode()
            # Without `dont_inherit`, the future statement of this module would hold in the program too.
            self._write(file, marshal.dumps(compile(program, "<string>", "exec", dont_inherit=True)))
        text = _LOADER.format(version=sys.version, file=str(file), packed=packed)
        return base64.b64encode(zlib.compress(text.encode())).decode()

    def _write(self, file: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        try:
            part.write_bytes(content)
            part.replace(file)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
