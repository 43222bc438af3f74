"""What parts of the engine tell each other when something can't be executed."""

from __future__ import annotations


class TemplateFailedError(Exception):
    """A template couldn't be executed; its node has been marked."""
