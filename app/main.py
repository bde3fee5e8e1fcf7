"""Puts the service together: create_app(settings)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app.api import (
    activations,
    agencies,
    assignments,
    calendar,
    cancellations,
    changes,
    dead_letters,
    decisions,
    docs,
    doubts,
    draft_contents,
    draft_outcomes,
    drafts,
    events,
    explanations,
    floated,
    harvest,
    health,
    holdings,
    imports,
    iso18626,
    keys,
    labels,
    lapse_rules,
    load,
    loans,
    map,
    network,
    policies,
    responses,
    runs,
    scans,
    scenarios,
    sessions,
    settlement,
    statistics,
    suspensions,
    systems,
    trip_changes,
    trip_updates,
    webhooks,
)
from app.api.change_log import NoteChanges
from app.api.dependencies import Keyring
from app.api.head import AnswerHead
from app.api.openapi import describe
from app.console.pages import add_console
from app.lending.work import work
from app.planning.try_out import Reach
from app.problems import answer_with_problems
from app.resources import open_resources
from app.settings import Settings
from app.telemetry import CountRequests

VERSION = "0.1.0"  # as in pyproject.toml

# The busiest first, for routes are tried in order.
ROUTERS = (
    decisions.router,
    loans.router,
    explanations.router,
    floated.router,
    assignments.router,
    labels.router,
    scans.router,
    iso18626.router,
    lapse_rules.router,
    events.router,
    webhooks.router,
    dead_letters.router,
    health.router,
    harvest.router,  # before the systems, whose ids may hold slashes
    map.router,  # before the agencies, for the same reason
    responses.router,  # likewise
    agencies.router,
    systems.router,
    doubts.router,
    holdings.router,
    network.router,
    drafts.router,
    draft_contents.router,
    draft_outcomes.router,
    activations.router,
    calendar.router,
    cancellations.router,
    trip_changes.router,
    runs.router,
    suspensions.router,
    scenarios.router,
    load.router,
    settlement.router,
    statistics.router,
    policies.router,
    imports.router,
    trip_updates.router,
    changes.router,
    keys.router,
    sessions.router,
    docs.router,
)


def create_app(settings: Settings, *, working: bool = False) -> FastAPI:
    """Make the application. Its resources open when the server starts it, in `app.state.resources`.

    `working`: it also carries out tasks, beside answering.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings) as resources:
            app.state.resources = resources
            app.state.keyring = Keyring()
            more = Reach.of(settings).more
            worker = asyncio.create_task(work(resources.ground, more=more)) if working else None
            yield
            if worker is not None:
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)

    app = FastAPI(
        title="Leenpad",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        openapi_url=None,  # served by app.api.docs, with the pages that read it
        redirect_slashes=False,
        # Our metrics are in app.telemetry; FastAPI would ask at every request whether OpenTelemetry is set up.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.openapi = partial(describe, app)  # type: ignore[method-assign] # FastAPI's own way to replace it
    routes = [route for router in ROUTERS for route in router.routes]
    # The routes themselves: an included router is asked twice, and its routes are made anew for each application.
    app.router.routes.extend(routes)
    answer_with_problems(app, routes)
    add_console(app)
    app.add_middleware(NoteChanges)
    app.add_middleware(CountRequests)
    app.add_middleware(AnswerHead)
    return app
