"""The yardstick of submitting: a bare FastAPI endpoint that inserts one row and commits, on the same database."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

TABLE = (
    "create table if not exists bench_row (id bigint generated always as identity primary key, name text, at text)"
)


class Row(BaseModel):
    """What is inserted."""

    name: str
    at: str


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["LEENPAD_DATABASE_URL"], min_size=2, max_size=8)
    await app.state.pool.execute(TABLE)
    yield
    await app.state.pool.close()


def create_app() -> FastAPI:
    """Make the bare application."""
    app = FastAPI(lifespan=_lifespan)

    @app.post("/rows", status_code=201)
    async def insert(row: Row) -> dict[str, Any]:
        made = await app.state.pool.fetchval(
            "insert into bench_row (name, at) values ($1, $2) returning id", row.name, row.at
        )
        return {"id": made}

    @app.get("/ready")
    async def ready() -> dict[str, Any]:
        return {}

    return app
