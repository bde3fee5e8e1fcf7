"""The network: taking a timetable in, which version is active, and what is in each."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import IO, Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.api.dependencies import Caller, database, requires, resources
from app.api.network_shapes import (
    ActivationShape,
    ActiveVersionShape,
    HealthShape,
    NetworkReportShape,
    RouteShape,
    ServiceShape,
    StopShape,
    TripShape,
    UndoShape,
    VersionShape,
)
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.parties import own_operators
from app.api.schemas import NO_NUL, Day
from app.api.uploads import takes, upload
from app.aside import aside
from app.database import Database
from app.imports.archive import ArchiveRefused
from app.imports.export import read_version, write_feed
from app.imports.gtfs import FeedFaulty
from app.imports.gtfs_fields import LONGEST_ID
from app.imports.network import import_network, limits_of
from app.imports.report import ImportTooSlow
from app.imports.spool import UploadTooSlow
from app.lending.snapshot import NotReady
from app.problems import BadRequest, Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.network_changes import NotYours
from app.store.network_versions import (
    ActiveChanged,
    NoActiveVersion,
    NothingToUndo,
    Version,
    VersionUnknown,
    activate,
    find_active,
    find_previous,
    get_number,
    get_version,
    list_versions,
    undo,
)
from app.store.timetable_pages import Row, list_routes, list_services, list_stops, list_trips
from app.telemetry import count_import

router = APIRouter(prefix="/v1")

READING = [Depends(requires())]
Planner = Annotated[Caller, Depends(requires("planner", "admin"))]
CHUNK_BYTES = 256 * 1024
ZIP = "application/zip"

HeldDatabase = Annotated[Database, Depends(database)]
HeldResources = Annotated[Resources, Depends(resources)]
VersionId = Annotated[
    str,
    Path(description="The id of a network version.", max_length=200, examples=["nv-b2eeb8fb5b72f407"]),
]
Lister = Callable[..., Awaitable[list[Row]]]


@router.post(
    "/imports/network",
    summary="Import a network",
    tags=["Imports"],
    response_model=NetworkReportShape,
    openapi_extra=takes(ZIP),
    responses=documented(
        BadRequest,
        UploadTooSlow,
        TooLarge,
        UnsupportedMediaType,
        ArchiveRefused,
        FeedFaulty,
        NotYours,
        InvalidInput,
        ImportTooSlow,
    ),
)
async def import_feed(
    request: Request,
    held: HeldResources,
    caller: Planner,
    activate: Annotated[
        bool, Query(description="Make the version the active one, in the same moment as it is there whole.")
    ] = False,
) -> dict[str, Any]:
    """Read a GTFS feed (a zip with its files at the root) and keep it as a network version.

    All or nothing: when anything is at fault, the problem names the first hundred faults by file, line and field in
    `rejects`, and nothing changes. The same network again, in whatever order, is the same version. Stops that are
    no location yet become one. What moves nothing is left aside, and `notes` says so.

    A planner activates only what changes nothing but its own POI's routes and trips; an admin, anything.
    """
    async with upload(request, held.settings, ZIP) as file, held.importing:
        report = await import_network(
            held.database, file, activating=activate, own=own_operators(caller), limits=limits_of(held.settings)
        )
    count_import("network", **report.outcomes())
    return report.document()


@router.get(
    "/network",
    summary="Which network is active",
    tags=["Network"],
    response_model=ActiveVersionShape,
    dependencies=READING,
    responses=documented(NoActiveVersion),
)
async def read_active(held: HeldDatabase) -> dict[str, Any]:
    """Answer the version on which decisions are made now, and which one was active before it."""
    async with held.one_moment() as connection:
        version = await find_active(connection)
        if version is None:
            raise NoActiveVersion
        return {**_shown(await get_version(connection, version)), "previous": await find_previous(connection)}


@router.get(
    "/network/health",
    summary="What the network hangs on",
    tags=["Network"],
    response_model=HealthShape,
    dependencies=READING,
    responses=documented(NotReady),
)
async def read_health(
    held: HeldResources,
    since: Annotated[Day | None, Query(description="First day to look at; left out: the calendar's first.")] = None,
    until: Annotated[Day | None, Query(description="Last day, included; left out: the calendar's last.")] = None,
) -> dict[str, Any]:
    """Look at the active network as a graph of hubs and routes: who is cut off, and what nothing can stand in for.

    Times of day do not count: what can get somewhere on some day of the period gets there. Registered locations that
    no van calls at, and that exist at some moment of the period, are among those that are cut off.
    """
    if since is not None and until is not None and until < since:
        raise InvalidInput(Fault("/until", "This day is before `since`."))
    state = await held.snapshot.follow()
    return asdict(await held.examiner.examine(state.network, state.register, since=since, until=until))


@router.post(
    "/network/undo",
    summary="Undo the newest activation",
    tags=["Network"],
    response_model=UndoShape,
    responses=documented(NotYours, NothingToUndo, ActiveChanged),
)
async def undo_activation(
    held: HeldDatabase,
    caller: Planner,
    if_match: Annotated[
        str,
        Header(
            alias="If-Match",
            description="The id of the version that you saw active; left out or `*`: whichever is.",
            min_length=1,
            max_length=200,
            examples=["nv-b2eeb8fb5b72f407"],
        ),
    ] = "*",
) -> dict[str, Any]:
    """Take the newest activation back: the version before it is active again, from the next decision on.

    A planner may where that changes nothing but its own POI's routes and trips. With `If-Match`, what was activated
    or undone by others meanwhile stays as it is (412).
    """
    expected = None if if_match == "*" else if_match.removeprefix('"').removesuffix('"')
    async with held.transaction() as connection:
        undone, active = await undo(connection, own=own_operators(caller), expected=expected)
    return {"undone": undone, "active": active}


@router.get(
    "/network/versions",
    summary="List network versions",
    tags=["Network"],
    response_model=Page[VersionShape],
    dependencies=READING,
)
async def read_versions(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer every version that was imported, newest first."""
    async with held.one_moment() as connection:
        found = await list_versions(connection, before=after(cursor, int), limit=limit + 1)
    return page([_shown(version) for version in found], [version.number for version in found], limit)


@router.get(
    "/network/versions/{version}",
    summary="Look at a network version",
    tags=["Network"],
    response_model=VersionShape,
    dependencies=READING,
    responses=documented(VersionUnknown),
)
async def read_one_version(held: HeldDatabase, version: VersionId) -> dict[str, Any]:
    """Answer when it was imported, which days it covers and how much is in it."""
    async with held.one_moment() as connection:
        return _shown(await get_version(connection, version))


@router.post(
    "/network/versions/{version}/activate",
    summary="Activate a network version",
    tags=["Network"],
    response_model=ActivationShape,
    responses=documented(NotYours, VersionUnknown),
)
async def activate_version(held: HeldDatabase, caller: Planner, version: VersionId) -> dict[str, Any]:
    """Make it the version on which decisions are made. Every answer is wholly of the one before or of this one.

    Activating what is active already changes nothing. A planner may activate what changes nothing but its own POI's
    routes and trips.
    """
    async with held.transaction() as connection:
        changed = await activate(connection, version, own=own_operators(caller))
    return {"active": version, "changed": changed}


@router.get(
    "/network/versions/{version}/export",
    summary="Export a network version",
    tags=["Network"],
    response_class=Response,
    dependencies=READING,
    responses={
        200: {
            "description": "A GTFS feed.",
            "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented(VersionUnknown),
    },
)
async def export_version(held: HeldDatabase, version: VersionId) -> Response:
    """Write the version as a GTFS feed: the same bytes every time. Imported again, it is the same version."""
    _, content = await read_version(held, version)
    file = tempfile.TemporaryFile(prefix="leenpad-")  # noqa: SIM115 - closed once it has been sent
    try:
        await aside(write_feed, content, file)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(
        _pieces(file),
        media_type=ZIP,
        headers={"Content-Disposition": 'attachment; filename="network.zip"', "Content-Length": str(size)},
        background=BackgroundTask(file.close),
    )


@router.get(
    "/network/versions/{version}/stops",
    summary="List the stops of a version",
    tags=["Network"],
    response_model=Page[StopShape],
    dependencies=READING,
    responses=documented(VersionUnknown),
)
async def read_stops(
    held: HeldDatabase, version: VersionId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer the locations that its vans serve, by id."""
    return await _listed(held, list_stops, version, (cursor, limit))


@router.get(
    "/network/versions/{version}/routes",
    summary="List the routes of a version",
    tags=["Network"],
    response_model=Page[RouteShape],
    dependencies=READING,
    responses=documented(VersionUnknown),
)
async def read_routes(
    held: HeldDatabase, version: VersionId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer its routes and who drives them, by id."""
    return await _listed(held, list_routes, version, (cursor, limit))


@router.get(
    "/network/versions/{version}/services",
    summary="List the service days of a version",
    tags=["Network"],
    response_model=Page[ServiceShape],
    dependencies=READING,
    responses=documented(VersionUnknown),
)
async def read_services(
    held: HeldDatabase, version: VersionId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer on which days its trips run, by the id of the service."""
    return await _listed(held, list_services, version, (cursor, limit))


@router.get(
    "/network/versions/{version}/trips",
    summary="List the trips of a version",
    tags=["Network"],
    response_model=Page[TripShape],
    dependencies=READING,
    responses=documented(VersionUnknown),
)
async def read_trips(
    held: HeldDatabase,
    version: VersionId,
    route: Annotated[
        str | None, Query(description="Only those of this route.", max_length=LONGEST_ID, pattern=NO_NUL)
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer its trips with every call, by id."""
    return await _listed(held, partial(list_trips, route=route), version, (cursor, limit))


async def _listed(held: Database, lister: Lister, version: str, asked: tuple[str | None, int]) -> dict[str, Any]:
    cursor, limit = asked
    position = after(cursor, int)
    async with held.one_moment() as connection:
        rows = await lister(connection, await get_number(connection, version), after=position, limit=limit + 1)
    return page(rows, [row["position"] for row in rows], limit)


def _shown(version: Version) -> dict[str, Any]:
    return {name: value for name, value in asdict(version).items() if name != "number"}


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await aside(file.read, CHUNK_BYTES):
        yield piece
