"""Puts the service together: create_app(settings)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api import docs, health
from app.problems import answer_with_problems
from app.resources import open_resources
from app.settings import Settings

ROUTERS = (health.router, docs.router)


def create_app(settings: Settings) -> FastAPI:
    """Make the application. Its resources open when the server starts it, in `app.state.resources`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            yield

    app = FastAPI(
        title="Leenpad",
        version="1",
        lifespan=lifespan,
        openapi_url=None,  # served by app.api.docs, with the pages that read it
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    answer_with_problems(app)
    return app
