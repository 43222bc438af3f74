"""The interface to ask a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mlplat.argo.status import Node

Ask = Callable[[Node], Awaitable[Mapping[str, str] | None]]
"""Asks a person whether a node may continue: returns values of its output parameters, or None for no."""
