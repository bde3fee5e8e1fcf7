"""Renders pages: one frame around all of them, one policy under which nothing comes from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.console.visitor import SEED, Visitor, remember

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language, HX-Request",
}
# The pages in the menu: its word in the `menu` table, where it is, and the scopes of which one opens it (none: any).
MENU: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("home", "/console", frozenset()),
    ("map", "/console/map", frozenset()),
    ("loans", "/console/loans", frozenset()),
    ("decisions", "/console/decisions", frozenset()),
    ("what_if", "/console/what-if", frozenset({"planner", "reader"})),
    ("load", "/console/load", frozenset({"planner", "reader"})),
    ("boards", "/console/boards", frozenset()),
    ("timetable", "/console/timetable", frozenset({"planner", "reader"})),
    ("suspensions", "/console/suspensions", frozenset({"planner", "reader"})),
    ("day", "/console/day", frozenset({"planner", "reader"})),
    ("scan", "/console/scan", frozenset({"requester", "supplier", "planner"})),
    ("changes", "/console/changes", frozenset({"planner", "reader"})),
)


@cache
def environment() -> Environment:
    """Return the templates, compiled once a process; what a template does not know is an error, never a blank."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(visitor: Visitor, template: str, *, status: int = 200, **given: Any) -> HTMLResponse:
    """Render a template for a visitor: a page, which extends `frame.html`, or a fragment that htmx puts in one."""
    text = (
        environment()
        .get_template(template)
        .render(
            visitor=visitor,
            t=visitor.say,
            write=visitor.writing,
            root=visitor.root,
            menu=[(word, f"{visitor.root}{path}") for word, path, scopes in MENU if visitor.may(*scopes)],
            **given,
        )
    )
    response = HTMLResponse(text, status_code=status, headers=HEADERS)
    if visitor.token is None:
        # Without a session, what proves that a form is ours is made from this.
        remember(response, visitor, SEED, visitor.seed)
    return response


def go(visitor: Visitor, path: str) -> Response:
    """Send the visitor to another page, by htmx or without it."""
    target = f"{visitor.root}{path}"
    if visitor.by_htmx:
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": target})
    return RedirectResponse(target, status_code=303, headers=HEADERS)
