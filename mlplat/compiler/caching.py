"""Keys under which Argo caches the outputs of tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from mlplat.argo import values
from mlplat.argo.names import dns_label
from mlplat.argo.values import LARGE, literal
from mlplat.canonical import canonical_json
from mlplat.compiler.flows import Form
from mlplat.compiler.interfaces import CallSite, own_inputs
from mlplat.compiler.program import Options
from mlplat.compiler.scope import expression
from mlplat.ir.model import Component

CACHE_PREFIX = "mlplat-cache."
"""Prefix of the names of caches. Argo keeps all caches in its controller's namespace, so the Workflow's is part of the
name, set off by dots, which no namespace has."""

_SHARD_DIGITS = 2
"""A cache is one ConfigMap, and a task whose result does not fit into it any more fails: so each component has 256."""


def memoize(
    name: str,
    component: Component,
    identity: list[Any],
    call: CallSite,
    options: Options,
    extra: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the key under which Argo caches a task's outputs: a hash of the task and the content of its inputs.

    Args:
        name: name of the cache.
        component: the task's interface.
        identity: JSON that identifies the work of the task.
        call: the call of the task.
        options: the compiler's options.
        extra: expressions for further dependencies of the result, such as settings of the pod.

    Returns:
        Argo's ``memoize``.
    """
    identity = [
        name if call.cache_key else "",
        *identity,
        call.cache_key,
        {output: spec.type.value for output, spec in component.output_parameters.items()},
        {output: spec.type.schema_title for output, spec in component.output_artifacts.items()},
        *([one.prefix, one.kind, dict(one.fields)] for one in call.sources),
    ]
    parts = [f"'{hashlib.sha256(canonical_json(identity).encode()).hexdigest()}'"]
    if not call.cache_key:
        own = set(own_inputs(component))
        parts += [
            _content(given, call.form(given)) for given in sorted(component.input_parameters) if given in own
        ]
        parts += [_fingerprint(given, component) for given in sorted(component.input_artifacts)]
        parts += extra
    joined = " + '|' + ".join(parts)
    key = f"sprig.sha256sum({joined})"
    shard = expression(f"sprig.trunc({_SHARD_DIGITS}, {key})")
    cache = f"{CACHE_PREFIX}{{{{workflow.namespace}}}}.{dns_label(name)}.{shard}"
    return {"key": expression(key), "maxAge": options.cache_max_age, "cache": {"configMap": {"name": cache}}}


def _fingerprint(name: str, component: Component) -> str:
    value = f"fromJSON(inputs.parameters[{literal(name)}])"
    if component.input_artifacts[name].is_list:
        return f"join(map(flatten([{value} ?? []]), string(#?.fingerprint ?? '')), ',')"
    return f"string({value}?.fingerprint ?? '')"


def _content(name: str, form: Form) -> str:
    """Return the expression for the content of a parameter: its text, or the digest of the large value it refers to."""
    text = f"inputs.parameters[{literal(name)}]"
    if not form & (Form.STORED | Form.CONFIGURED):
        return text
    reference = f"fromJSON({text})[{literal(LARGE)}]"
    digest = (
        f"string({reference}.digest ?? {reference}.file) + '#' + string({reference}.index ?? '')"
        f" + toJson({reference}.fields ?? '')"
    )
    return f"({values.is_large(text)} ? {digest} : {text})"
