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
Entry = tuple[str, str, frozenset[str]]
PLANS = frozenset({"planner", "reader"})
# The pages in the menu, by group (its word in the `group` table): the word of each in the `menu` table, where it is,
# and the scopes of which one opens it (none: any).
MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "network",
        (
            ("map", "/console/map", frozenset()),
            ("timetable", "/console/timetable", PLANS),
            ("suspensions", "/console/suspensions", PLANS),
            ("what_if", "/console/what-if", PLANS),
        ),
    ),
    (
        "driven",
        (
            ("day", "/console/day", PLANS),
            ("scan", "/console/scan", frozenset({"requester", "supplier", "planner"})),
            ("load", "/console/load", PLANS),
        ),
    ),
    (
        "lending",
        (
            ("loans", "/console/loans", frozenset()),
            ("decisions", "/console/decisions", frozenset()),
            ("boards", "/console/boards", frozenset()),
        ),
    ),
    ("overall", (("home", "/console", frozenset()), ("changes", "/console/changes", PLANS))),
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
            menu=_menu(visitor),
            **given,
        )
    )
    response = HTMLResponse(text, status_code=status, headers=HEADERS)
    if visitor.token is None:
        # Without a session, what proves that a form is ours is made from this.
        remember(response, visitor, SEED, visitor.seed)
    return response


def _menu(visitor: Visitor) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what the visitor may open, by group; a group of nothing is left out."""
    found = [
        (group, [(word, f"{visitor.root}{path}") for word, path, scopes in entries if visitor.may(*scopes)])
        for group, entries in MENU
    ]
    return [(group, entries) for group, entries in found if entries]


def go(visitor: Visitor, path: str) -> Response:
    """Send the visitor to another page, by htmx or without it."""
    target = f"{visitor.root}{path}"
    if visitor.by_htmx:
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": target})
    return RedirectResponse(target, status_code=303, headers=HEADERS)
