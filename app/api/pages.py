"""Pages for people: one plain frame, one style sheet, and a policy under which nothing comes from elsewhere."""

from __future__ import annotations

import html
import re

from starlette.requests import Request
from starlette.responses import HTMLResponse

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}/assets/leenpad.css">
{head}</head>
<body{plain}>
{body}
</body>
</html>
"""


def page(request: Request, *, title: str, body: str, head: str = "") -> HTMLResponse:
    """Frame a page. `body` and `head` are HTML and already escaped; `title` is plain text.

    A page that brings its own `head` brings its own looks; our style sheet leaves it alone.
    """
    plain = "" if head else ' class="plain"'
    text = _FRAME.format(title=html.escape(title), root=root_of(request), head=head, body=body, plain=plain)
    return HTMLResponse(
        text,
        headers={
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
        },
    )


def root_of(request: Request) -> str:
    """Return the path under which a proxy serves us, without a slash at its end; usually empty."""
    return html.escape(str(request.scope.get("root_path", "")).rstrip("/"))


def wants_html(request: Request) -> bool:
    """Whether the caller is a browser rather than a program: it asks for HTML by name."""
    return "text/html" in request.headers.get("accept", "")


def prose(text: str) -> str:
    """Escape plain text for HTML; what stands between backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
