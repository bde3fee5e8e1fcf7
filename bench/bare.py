"""The yardstick over HTTP: a bare FastAPI endpoint that does one indexed SELECT on the same database."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["LEENPAD_DATABASE_URL"], min_size=2, max_size=8)
    yield
    await app.state.pool.close()


def create_app() -> FastAPI:
    """Make the bare application."""
    app = FastAPI(lifespan=_lifespan)

    @app.get("/titles/{isbn}")
    async def title(isbn: str) -> dict[str, Any]:
        row = await app.state.pool.fetchrow("select isbn, title_id from title_isbn where isbn = $1", isbn)
        return {"isbn": row["isbn"], "title_id": row["title_id"]} if row else {}

    return app
