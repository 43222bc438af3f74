"""The program that runs in a task's container."""

import json
import os
import sys
from typing import Any, Dict, List

from mlplat.runtime.call import FunctionCall
from mlplat.runtime.contract import SHARED, SHARED_VARIABLE, START, VARIABLE, TaskError
from mlplat.runtime.failures import keep_reason, print_traceback, write_termination_message
from mlplat.runtime.files import read_text
from mlplat.runtime.inputs import missing_bytes
from mlplat.runtime.loading import install_stand_ins, load_function
from mlplat.runtime.objects import OUT
from mlplat.runtime.packages import environment, is_satisfied
from mlplat.runtime.sequence import TaskSequence


def main(arguments: List[str]) -> int:
    """Run one task.

    Args:
        arguments: SOURCE and CALL, see :mod:`mlplat.runtime.contract`.

    Returns:
        The exit code: 0, or 1 after the reason was printed; the function's own when it calls ``sys.exit``.
    """
    source = _text(arguments[0])
    try:
        call = json.loads(_text(arguments[-1]))
    except ValueError as error:
        reason = "an argument of this run is not valid JSON for its declared type: {}".format(error)
        print(reason, file=sys.stderr)
        write_termination_message(reason)
        return 1
    if "steps" in call:
        return TaskSequence(call["out"]).run(arguments[:-1], call["steps"])
    try:
        _enter_environment(call, arguments)
        _run(source, call)
    except TaskError as error:
        print("{}: {}".format(call.get("function"), error), file=sys.stderr)
        keep_reason(call, str(error))
        return 1
    except SystemExit as stop:
        keep_reason(
            call, stop.code if isinstance(stop.code, str) else "it exited with {!r}".format(stop.code)
        )
        raise
    except Exception as error:
        print_traceback(error)
        reason = "{}: {}".format(type(error).__name__, error)
        for explanation in missing_bytes(call, str(error)):
            print("{}: {}".format(call["function"], explanation), file=sys.stderr)
            reason = explanation
        keep_reason(call, reason)
        return 1
    return 0


def _text(argument: str) -> str:
    if argument.startswith(SHARED):
        import base64
        import zlib

        packed = os.environ[argument[len(SHARED) :]]
        return zlib.decompress(base64.b64decode(packed)).decode()
    return read_text(argument[1:]) if argument.startswith("@/") else argument


def _enter_environment(call: Dict[str, Any], arguments: List[str]) -> None:
    """Start over in an environment with the task's packages, if this one misses some; then tidy the variables."""
    missing = [package for package in call.get("packages", ()) if not is_satisfied(package)]
    if missing and not os.environ.get("MLPLAT_INSTALLED"):
        python = environment(call["packages"], call.get("pip_options", []))
        os.environ["MLPLAT_INSTALLED"] = "1"
        os.execv(python, [python, "-c", START, *arguments])
    for name in [name for name in os.environ if name.startswith((VARIABLE, SHARED_VARIABLE))]:
        del os.environ[name]


def _run(source: str, call: Dict[str, Any]) -> None:
    OUT["folder"] = call["out"]
    os.makedirs(os.path.join(call["out"], "values"), exist_ok=True)
    names = install_stand_ins()
    function, namespace = load_function(source, call["function"])
    for spec in (*call.get("parameters", {}).values(), *call.get("artifacts", {}).values()):
        if "from" in spec:
            _read_output(spec)
    run = FunctionCall(call)
    given = run.arguments(function, dict(names, **namespace))
    result: Any = None
    try:
        result = function(**given)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise
        run.has_ended = True
    run.write(result)


def _read_output(spec: Dict[str, Any]) -> None:
    """Fill in an input that is the output of a function that ran before in this pod."""
    path = spec["from"]
    spec["value"] = json.loads(read_text(path))
    handed = os.path.join(os.path.dirname(path), "..", "handed", os.path.basename(path))
    spec["path"] = read_text(handed) if os.path.exists(handed) else spec.get("path")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
