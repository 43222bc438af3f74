"""Why a task failed: in the log, in the message of its pod, and for the tasks after it."""

import os
from typing import Any, Dict

from mlplat.runtime.contract import TERMINATION_LOG, TERMINATION_VARIABLE
from mlplat.runtime.files import write_text

_LONGEST_REASON = 500


def keep_reason(call: Dict[str, Any], reason: str) -> None:
    """Keep the reason of a failure in the message of the pod, and for an exit task where the call asks for it."""
    write_termination_message(reason)
    if call.get("errors"):
        write_text(os.path.join(call["out"], "error"), "{}: {}".format(call["function"], reason))


def write_termination_message(reason: str) -> None:
    """Leave the reason of a failure, on one line, where the message of the node comes from; nowhere if that fails."""
    line = " ".join("".join(one if one.isprintable() else " " for one in reason).split())
    if len(line) > _LONGEST_REASON:
        line = line[: _LONGEST_REASON - 3] + "..."
    path = os.environ.get(TERMINATION_VARIABLE, "")
    try:
        # Kubernetes has made its file; without one, this is not a pod, and /dev belongs to the machine.
        with open(path or TERMINATION_LOG, "w" if path else "r+", encoding="utf-8", errors="replace") as file:
            file.truncate(0)
            file.write(line)
    except OSError:
        pass


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error, without the frames of this program."""
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == print_traceback.__code__.co_filename:
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)
