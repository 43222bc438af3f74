"""Several functions in one pod, one after another."""

import json
import os
import sys
from typing import Any, Dict, List

from mlplat.runtime.contract import START, STEP_MARK
from mlplat.runtime.failures import write_termination_message
from mlplat.runtime.files import write_text
from mlplat.runtime.values import inert


class TaskSequence:
    """Runs several functions one after another, each as a process of its own, and tells how they ended."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.records: List[Dict[str, Any]] = []
        self.process: Any = None

    def run(self, sources: List[str], steps: List[Dict[str, Any]]) -> int:
        """Run all functions; stop at the first that fails, and return its exit code."""
        import signal
        import tempfile

        signal.signal(signal.SIGTERM, self._stop)
        os.environ.setdefault("MLPLAT_ENVIRONMENTS", tempfile.mkdtemp(prefix="mlplat-environments-"))
        for source, step in zip(sources, steps):
            code = self._step(source, step)
            if code != 0:
                return code
        return 0

    def _step(self, source: str, step: Dict[str, Any]) -> int:
        import shutil
        import subprocess
        import time

        record = {"task": step["task"], "startedAt": _now(), "phase": "Running"}
        self.records.append(record)
        retry, folder = step.get("retry", {}), step["call"]["out"]
        call = os.path.join(folder, "call.json")
        code = 0
        for attempt in range(retry.get("limit", 0) + 1):
            if attempt:
                pause = retry["duration"] * retry["factor"] ** (attempt - 1)
                time.sleep(min(pause, retry["cap"]))
                shutil.rmtree(folder, ignore_errors=True)
                write_termination_message("")
            write_text(call, json.dumps(step["call"]))
            self._print(step, "attempt {}".format(attempt + 1) if attempt else "")
            self.process = subprocess.Popen([sys.executable, "-c", START, source, "@" + call])
            code = self.process.wait()
            if code == 0:
                break
        code = code if code >= 0 else 128 - code
        self._print(step, "failed with exit code {}".format(code) if code else "succeeded")
        record["finishedAt"] = _now()
        record["phase"] = "Failed" if code else "Succeeded"
        record["exitCode"] = str(code)
        write_text(os.path.join(self.out, "steps"), inert(self.records))
        return code

    def _print(self, step: Dict[str, Any], note: str) -> None:
        print("{}{}{}".format(STEP_MARK, step["task"], note and " ({})".format(note)), flush=True)

    def _stop(self, *_: Any) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        sys.exit(143)


def _now() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
