"""A desk of the fake system that takes whatever comes, served over HTTP."""

from __future__ import annotations

from starlette.applications import Starlette

from adapters.fake import Desk
from tests.support.fake_desk import create_app as serve_desk


def create_app() -> Starlette:
    """Make it."""
    return serve_desk(Desk())
