"""Tasks that wait for a duration or for an approval."""

from __future__ import annotations

from collections.abc import Sequence

from mlplat.dsl import context, durations
from mlplat.dsl.argo import argo_component
from mlplat.dsl.channels import Comparable
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic

CHOICE = "choice"


def suspend(duration: str | float) -> PipelineTask:
    """Wait for a duration, without a pod.

    Args:
        duration: such as ``30s``, ``5m``, ``1h30m``; a number counts seconds.

    Returns:
        A task without outputs, for ``.after``.

    Raises:
        AuthoringError: it is not a valid duration, or it is called outside of a pipeline.
    """
    context.tracing("dsl.suspend")
    text = _duration("dsl.suspend", duration)
    return argo_component({"name": "suspend", "suspend": {"duration": text}})()


def approval(
    message: str | Comparable = "",
    choices: Sequence[str] = (),
    timeout: str | float | None = None,
) -> PipelineTask:
    """Wait until a person resumes the run: in Argo's UI, with ``argo resume``, or at the terminal of a local run.

    In Argo's UI the panel of the waiting node has a RESUME button that asks for the choice. The RESUME button at the
    top of the page and ``argo resume`` ask nothing: they take the first choice, and so does the timeout. Make the first
    choice the harmless one. To end the run instead, stop it (``argo stop``); the Workflow's ``onExit``
    handler still runs.

    Args:
        message: the question; may contain runtime values. It is shown as the task's input.
        choices: the possible answers, the harmless one first.
        timeout: how long to wait before the run resumes with the first choice, such as ``12h``; a number is seconds.

    Returns:
        A task; with choices, its output is the chosen one.

    Raises:
        AuthoringError: choices are not different strings, the timeout is not a valid duration, or it is called outside
            of a pipeline.
    """
    context.tracing("dsl.approval")
    values = list(choices)
    if isinstance(choices, str) or len({str(one) for one in values}) < len(values):
        hint = 'use e.g. choices=["no", "yes"]'
        text = f"expected choices that are different strings, got {choices!r}"
        raise AuthoringError(Diagnostic("MLP151", "dsl.approval", text, hint, context.caller()))
    template: dict[str, object] = {
        "name": "approval",
        "inputs": {"parameters": [{"name": "message", "value": ""}]},
        "suspend": {} if timeout is None else {"duration": _duration("dsl.approval", timeout)},
    }
    if values:
        texts = [str(one) for one in values]
        chosen = {"name": CHOICE, "value": texts[0], "enum": texts}
        template["inputs"] = {"parameters": [{"name": "message", "value": ""}, chosen]}
        template["outputs"] = {
            "parameters": [{"name": CHOICE, "valueFrom": {"supplied": {}, "default": texts[0]}}]
        }
    return argo_component(template)(message=message)


def _duration(what: str, duration: object) -> str:
    found = durations.seconds(duration)
    if found is None:
        message = f"{duration!r} is not a valid duration"
        raise AuthoringError(Diagnostic("MLP124", what, message, durations.HINT, context.caller()))
    return durations.text(found)
