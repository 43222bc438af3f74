"""Strings, lists and dicts that contain runtime values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.dsl import context
from mlplat.dsl.channels import Channel, channel_of


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A constant whose strings contain runtime values.

    Attributes:
        value: the constant, as JSON; its strings contain marks.
        channels: the values, by their marks.
    """

    value: Any
    channels: Mapping[str, Channel]

    def with_names(self, name_of: Callable[[Channel], str]) -> Any:
        """Return the constant as the IR writes it: each mark a placeholder that reads an input of the task.

        Args:
            name_of: returns the input's name for a value.
        """
        return _replaced(self.value, placeholders(self.channels, name_of))


def placeholders(channels: Mapping[str, Channel], name_of: Callable[[Channel], str]) -> dict[str, str]:
    """Return KFP's placeholder for each mark."""
    return {mark: f"{{{{$.inputs.parameters['{name_of(channel)}']}}}}" for mark, channel in channels.items()}


def interpolated(value: Any, tracing: context.Tracing) -> Any:
    """Find the runtime values in a constant.

    Args:
        value: a channel, or any JSON value; its lists and dicts may contain channels.
        tracing: the pipeline that is being written.

    Returns:
        A channel or a constant as it is, or the constant with the runtime values in it.
    """
    plain = channel_of(value)
    if isinstance(plain, Channel):
        return plain
    marked = _marked(plain, tracing)
    channels: dict[str, Channel] = {}
    for text in _texts(marked):
        channels.update(tracing.values_in(text))
    return Interpolated(marked, channels) if channels else plain


def _marked(value: Any, tracing: context.Tracing) -> Any:
    plain = channel_of(value)
    if isinstance(plain, Channel):
        return tracing.mark(plain)
    if isinstance(plain, dict):
        return {_marked_key(key, tracing): _marked(item, tracing) for key, item in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_marked(item, tracing) for item in plain]
    return plain


def _marked_key(key: Any, tracing: context.Tracing) -> Any:
    plain = channel_of(key)
    return tracing.mark(plain) if isinstance(plain, Channel) else key


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return replace_marks(value, texts)
    if isinstance(value, dict):
        return {_replaced(key, texts): _replaced(item, texts) for key, item in value.items()}
    return [_replaced(item, texts) for item in value] if isinstance(value, list) else value


def replace_marks(text: str, texts: Mapping[str, str]) -> str:
    """Replace marks with other strings."""
    for mark, other in texts.items():
        text = text.replace(mark, other)
    return text
