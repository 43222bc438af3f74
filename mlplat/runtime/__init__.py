"""What runs inside a task's container, and its text.

The modules of this package import the standard library only. :func:`text` joins them into the one file that stands in a
Workflow's pod annotation and reaches the container through a downwardAPI volume.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

_MODULES = ("artifacts", "task")
_OWN_IMPORT = re.compile(r"^from mlplat\.runtime\.\w+ import .*\n", re.MULTILINE)


@functools.cache
def text() -> str:
    """Return the runtime as the text of one Python file.

    Returns:
        The modules one after another, the imports between them left out.
    """
    folder = Path(__file__).parent
    sources = ((folder / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES)
    return "\n\n".join(_OWN_IMPORT.sub("", source).strip() for source in sources) + "\n"
