"""Exceptions inside the engine."""

from __future__ import annotations

FAIL_FAST = "template has failed or errored children and failFast enabled"
"""Argo's message of a node that :class:`FailFastError` ends."""


class TemplateFailedError(Exception):
    """A template couldn't be executed; its node has been marked."""


class FailFastError(TemplateFailedError):
    """A node is not created, because another one of its DAG or steps template failed."""
