"""Writes Python functions as containers in IR YAML, and recognizes them.

KFP's convention: the command is a shell that installs packages and starts the next one, which writes the source (an
argument) to a file and calls ``kfp.dsl.executor_main`` on it. The result runs on a KFP backend; the output of any KFP
SDK is recognized.
"""

from __future__ import annotations

import re
import shlex

from mlplat.ir.model import PythonFunction

KFP_VERSION = "2.17.0"
"""The SDK whose ``executor_main`` a KFP backend installs to run what is written here."""

_START = """\
dir=$(mktemp -d)
printf %s "$0" > "$dir/component.py"
_KFP_RUNTIME=true exec python3 -m kfp.dsl.executor_main --component_module_path "$dir/component.py" "$@"
"""
_PIP = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location"
_VENV = 'venv=$(mktemp -d) && python3 -m venv --system-site-packages "$venv" && . "$venv/bin/activate"'
_INSTALL = re.compile(r"-m pip install\b(?P<words>(?:[^&\n]|&(?!&))*)")
_OWN_REQUIREMENTS = re.compile(r"^(?:kfp(?:[=<>!~@ \[].*)?|typing-extensions>=3\.7\.4,<5.*|.*#egg=kfp.*)$")
_OPTIONS_WITH_VALUE = ("--index-url", "--extra-index-url", "--trusted-host", "-i")


def to_command(function: PythonFunction) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write a function as the command and arguments of a container.

    Args:
        function: the function and its packages.

    Returns:
        The command and the arguments.
    """
    args = ("--executor_input", "{{$}}", "--function_to_execute", function.name)
    if not function.source:
        return ("python3", "-m", "kfp.dsl.executor_main"), args
    start = ("sh", "-ec", _START, function.source)
    steps = [_VENV] if function.use_venv else []
    pip = " ".join([_PIP, *map(shlex.quote, function.pip_options)])
    if function.packages:
        steps.append(f"{pip} {shlex.join(function.packages)}")
    if function.install_kfp:
        kfp = shlex.quote(function.kfp_package or f"kfp=={KFP_VERSION}")
        steps.append(f"{pip} {kfp} --no-deps 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"'")
    if not steps:
        return start, args
    return ("sh", "-c", " && ".join((*steps, '"$0" "$@"\n')), *start), args


def from_command(command: tuple[str, ...], args: tuple[str, ...]) -> PythonFunction | None:
    """Recognize a function in the command and arguments of a container.

    Args:
        command: the container's command.
        args: the container's arguments.

    Returns:
        The function, or None when the container is something else. The source of a function that is in the image is
        empty.
    """
    starts = [number for number, word in enumerate(command) if "kfp.dsl.executor_main" in word]
    if not starts or "--function_to_execute" not in args[:-1]:
        return None
    name = args[args.index("--function_to_execute") + 1]
    if starts[0] + 1 == len(command):
        return PythonFunction("", name) if command[starts[0]] == "kfp.dsl.executor_main" else None
    packages: list[str] = []
    options: list[tuple[str, str]] = []
    for match in _INSTALL.finditer("".join(command[: starts[0]])):
        try:
            words = iter(shlex.split(match["words"]))
        except ValueError:
            return None
        for word in words:
            if word in _OPTIONS_WITH_VALUE:
                options.append((word, next(words, "")))
            elif not word.startswith("-") and not _OWN_REQUIREMENTS.match(word):
                packages.append(word)
    unique = tuple(word for option in dict.fromkeys(options) for word in option)
    return PythonFunction(command[starts[0] + 1], name, tuple(packages), unique)
