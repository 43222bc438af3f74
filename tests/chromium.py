"""A headless Chromium, driven over a pipe: pages are opened, asked and drawn as a person would see them.

It needs Chromium on PATH; no package of this project brings a browser.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

Scheme = Literal["light", "dark"]

_WORDS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 240
_BLOCK = 1 << 20


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Start a browser, and end it after the block.

    Args:
        folder: for its profile, and for the documents that it opens.
    """
    commands, write = os.pipe()
    read, answers = os.pipe()
    script = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
    process = subprocess.Popen(
        ["bash", "-c", script, PROGRAM, *_WORDS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        pass_fds=(commands, answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(answers)
    try:
        yield Browser(folder, read, write)
    finally:
        os.close(write)
        process.terminate()
        process.wait(30)
        os.close(read)


class Browser:
    """A tab of a browser.

    Args:
        folder: for the documents that it opens.
        read: file descriptor that answers come from.
        write: file descriptor for commands.

    Attributes:
        printed: what the page and its frames wrote to the console since the page was opened.
    """

    def __init__(self, folder: Path, read: int, write: int) -> None:
        self.printed: list[str] = []
        self._folder, self._read, self._write = folder, read, write
        self._rest = b""
        self._count = 0
        self._session = ""
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def open(
        self,
        document: str,
        *,
        scheme: Scheme = "light",
        size: tuple[int, int] = (1280, 800),
        printed: bool = False,
    ) -> None:
        """Open a document, and wait until it is loaded.

        Args:
            document: HTML.
            scheme: color scheme that the person prefers.
            size: width and height of the window.
            printed: whether it is shown as it would be printed.
        """
        file = self._folder / f"page-{self._count}.html"
        file.write_text(document, encoding="utf-8")
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", media="print" if printed else "", features=features)
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=False,
        )
        self.printed.clear()
        self._loaded = False
        self._ask("Page.navigate", url=file.as_uri())
        while not self._loaded:
            self._take()

    def run(self, script: str) -> Any:
        """Run a script in the page, whatever its policy, and return the JSON value of its promise."""
        answer = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"], indent=1)[:2000])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key such as ``Tab``."""
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("rawKeyDown", "keyUp"):
            self._ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key]
            )

    def picture(self, *, whole: bool = False) -> bytes:
        """Return a PNG of the window, or of the whole page."""
        return base64.b64decode(
            self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        )

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        number = self._count
        command = {"id": number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while True:
            message = self._take()
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']['message']}")
                return message["result"]

    def _take(self) -> dict[str, Any]:
        """Return the next message of the browser."""
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            block = os.read(self._read, _BLOCK)
            if not block:
                raise AssertionError("the browser has ended")
            self._rest += block
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method"), message.get("params") or {})
        return message

    def _note(self, event: str | None, parameters: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.consoleAPICalled":
            self.printed.append(" ".join(str(one.get("value", "")) for one in parameters["args"]))
        elif event == "Log.entryAdded":
            self.printed.append(parameters["entry"]["text"])
