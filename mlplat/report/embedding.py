"""A page inside a notebook."""

from __future__ import annotations

from mlplat.report.frames import page_frame
from mlplat.report.markup import Html


def embedded(document: str, title: str) -> Html:
    """Return a page as a frame, so that its styles and those of a notebook don't affect each other.

    Args:
        document: from :func:`mlplat.report.page`.
        title: name of the frame.
    """
    return page_frame(document, title, "42rem")
