"""Documents that others wrote, in frames that cannot reach the page around them or the network.

A frame without ``allow-same-origin`` has an origin of its own: its scripts see neither the page nor its storage. The
content security policy forbids every request. A frame inherits the policy of the page, so the page has the same one;
it is in the frame too, for where the page is not ours (a notebook).
"""

from __future__ import annotations

from mlplat.report.markup import Html, attribute_value, raw_attribute, tag

_SCRIPTS = "script-src 'unsafe-inline' 'unsafe-eval' data: blob:; worker-src blob: data:"
_OFFLINE = (
    "default-src 'none'; style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; "
    "connect-src data: blob:; frame-src 'none'; base-uri 'none'; form-action 'none'"
)

_MARKDOWN_STYLE = (
    ":root{color-scheme:light dark}body{font:14px/1.55 system-ui,sans-serif;margin:12px 16px;max-width:74ch}"
    "pre,code{font:13px/1.5 ui-monospace,monospace}pre{overflow:auto;padding:8px 12px;background:#8881}"
    "table{border-collapse:collapse}td,th{border:1px solid #8886;padding:3px 9px}img{max-width:100%}"
)


def policy(*, scripts: bool) -> Html:
    """Return the content security policy of a document.

    Args:
        scripts: whether scripts that are part of the document may run.
    """
    content = f"{_OFFLINE}; {_SCRIPTS}" if scripts else _OFFLINE
    return tag("meta", http_equiv="Content-Security-Policy", content=content)


def html_frame(document: str, title: str) -> Html:
    """Show an HTML artifact. Its scripts run, without network and without access to the page.

    Args:
        document: what the task wrote; a part of a document is enough.
        title: name of the frame for people who hear the page.
    """
    return _frame(document, title, "allow-scripts", "26rem")


def markdown_frame(text: str, title: str) -> Html:
    """Show a Markdown artifact; HTML in it is shown as text.

    Args:
        text: what the task wrote.
        title: as for :func:`html_frame`.
    """
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    lines = sum(1 + len(line) / 90 for line in text.splitlines() if line.strip())
    return _frame(
        f"<style>{_MARKDOWN_STYLE}</style>{body}", title, "", f"{min(max(lines * 1.9 + 3, 6), 30):.0f}rem"
    )


def page_frame(document: str, title: str, height: str) -> Html:
    """Show a page of this package inside another document, such as a notebook."""
    inner = raw_attribute(document)
    name = attribute_value(title)
    style = f"width:100%;height:{height};border:1px solid #8886;border-radius:6px"
    return Html(f'<iframe sandbox="allow-scripts" title="{name}" style="{style}" srcdoc="{inner}"></iframe>')


def _frame(document: str, title: str, sandbox: str, height: str) -> Html:
    start = f"<!DOCTYPE html><meta charset=utf-8>{policy(scripts=bool(sandbox))}"
    return Html(
        f'<iframe sandbox="{sandbox}" title="{attribute_value(title)}" style="height:{height}" loading="lazy" '
        f'srcdoc="{raw_attribute(start + document)}"></iframe>'
    )
