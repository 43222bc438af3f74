"""Names that Argo and Kubernetes accept.

Limits are those of Argo's validation: 63 characters for Workflows and WorkflowTemplates, 52 for CronWorkflows, 128
for templates and tasks. Shortened names keep their beginning and end in a hash, so that two long ones stay apart.
"""

from __future__ import annotations

import hashlib
import re

LONGEST_WORKFLOW = 63
LONGEST_CRON_WORKFLOW = 52
LONGEST_TEMPLATE = 128
GENERATED_SUFFIX = 5
"""Characters that Kubernetes appends to ``metadata.generateName``."""

FIELD = re.compile(rf"[a-zA-Z0-9][-a-zA-Z0-9]{{0,{LONGEST_TEMPLATE - 1}}}")
"""Names of templates, tasks and steps."""

NOTHING = "nothing"
"""Template of tasks that are always skipped, so that Argo finds the end of a task that has none."""

RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""Names of resources in Kubernetes."""

PASSED = re.compile(r"[-a-zA-Z0-9_]+")
"""Names of parameters and artifacts."""

_NOT_DNS = re.compile(r"[^a-z0-9]+")
_NOT_TEMPLATE = re.compile(r"[^a-zA-Z0-9-]+")


def shortened(name: str, limit: int) -> str:
    """Cut a name to a length; a name within the limit stays as it is.

    Args:
        name: any name.
        limit: characters, at least 10.

    Returns:
        The name, or its beginning, ``-`` and 8 hexadecimal digits of its SHA-256.
    """
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def dns_label(name: str, limit: int = LONGEST_WORKFLOW) -> str:
    """Turn a string into a lower-case name of letters, digits and ``-``.

    Args:
        name: any text.
        limit: characters.

    Returns:
        A name for an object in Kubernetes; only a hash if no character of the text is allowed.
    """
    label = _NOT_DNS.sub("-", name.lower()).strip("-")
    return shortened(label or hashlib.sha256(name.encode()).hexdigest()[:8], limit)


def generated(begin: str, suffix: str) -> str:
    """Return the name that Kubernetes makes from ``metadata.generateName``, which it truncates if it is long.

    Args:
        begin: the field.
        suffix: the suffix, :data:`GENERATED_SUFFIX` characters.
    """
    return f"{begin[: LONGEST_WORKFLOW - GENERATED_SUFFIX]}{suffix}"


def template_name(name: str) -> str:
    """Turn a string into a name for a template or task: letters, digits and ``-``, with a letter first."""
    label = _NOT_TEMPLATE.sub("-", name).strip("-")
    if not label[:1].isalpha():
        label = f"t-{label}".rstrip("-")
    return shortened(label, LONGEST_TEMPLATE)


class Unique:
    """Hands out names that are not taken: ``train``, ``train-2``, ``train-3``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Return the name, with a number when it is taken, and take it."""
        candidate, count = name, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{shortened(name, LONGEST_TEMPLATE - 6)}-{count}"
        self._taken.add(candidate)
        return candidate
