"""Copies the standard output of a process into its log, and keeps the end of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque

LONGEST_RESULT = 256 * 1024
"""Bytes of standard output that become ``outputs.result``: the last ones."""

_BLOCK = 1 << 16
_LARGEST_PIPE = 1 << 20


class Tail:
    """Copies standard output into the log and keeps its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, log: int) -> None:
        self._loop = loop
        self._log = log
        self._output, self.input = os.pipe()
        os.set_blocking(self._output, False)
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._closed: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._output, self._read)

    def close_input(self) -> None:
        """Close this process's copy of the writing end."""
        os.close(self.input)

    def drain(self) -> None:
        """Read the available output once, because it may never end."""
        left = _LARGEST_PIPE // _BLOCK
        while left and not self._closed.done() and self._read():
            left -= 1

    def _read(self) -> bool:
        try:
            block = os.read(self._output, _BLOCK)
        except BlockingIOError:
            return False
        if not block:
            self.abandon()
            return False
        with contextlib.suppress(OSError):
            os.write(self._log, block)
        self._blocks.append(block)
        self._size += len(block)
        while self._size - len(self._blocks[0]) > LONGEST_RESULT + 1:
            self._size -= len(self._blocks.popleft())
        return True

    def abandon(self) -> None:
        """Stop reading."""
        if not self._closed.done():
            self._loop.remove_reader(self._output)
            os.close(self._output)
            os.close(self._log)
            self._closed.set_result(None)

    async def text(self) -> str:
        """Return the end of the output, without its last newline."""
        await self._closed
        whole = b"".join(self._blocks)
        return whole.removesuffix(b"\n")[-LONGEST_RESULT:].decode("utf-8", "replace")
