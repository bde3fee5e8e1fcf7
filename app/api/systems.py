"""Library systems: how each is reached, who uses it since when, how it is doing, and the secrets it goes by."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from adapters import SYSTEMS
from adapters.contract import Title
from adapters.installation import Entry as Described
from adapters.installation import Kind, faults_of
from app.api.bodies import read_json
from app.api.dependencies import database, requires, resources
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.system_shapes import (
    CHECK_ASK,
    INSTALLATION,
    PARTICIPATION,
    SECRET_ASK,
    CheckAskShape,
    CheckShape,
    InstallationShape,
    KindShape,
    OneSystemShape,
    ParticipationAskShape,
    PutSystemShape,
    SecretAskShape,
    SecretShape,
    SystemShape,
)
from app.database import Connection, Database
from app.imports.gtfs_fields import LONGEST_ID
from app.lending.examine_system import SHOWN, examine, warnings_of
from app.lending.systems import as_installation
from app.lending.vault import VaultClosed
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.agencies import UnknownAgency, UnknownSystem
from app.store.systems import (
    SecretInUse,
    System,
    UnknownSecret,
    draw_title,
    find_system,
    get_system,
    list_by_hand,
    list_secrets,
    list_systems,
    missing_locations,
    put_participation,
    put_secret,
    put_system,
    read_sealed,
    remove_participation,
    remove_secret,
)

router = APIRouter(prefix="/v1", tags=["Systems"])

HeldDatabase = Annotated[Database, Depends(database)]
ANYBODY = Depends(requires())
PLANNERS = Depends(requires("planner", "reader", "admin"))
ADMIN = Depends(requires("admin"))


def _named(what: str, example: str) -> Any:
    return Path(description=what, max_length=LONGEST_ID, pattern=r"^[^\x00]+$", examples=[example])


SystemId = Annotated[str, _named("The system's id.", "wise-midden")]
SecretName = Annotated[
    str, Path(description="The secret's name.", max_length=200, pattern=r"^[A-Za-z0-9._-]+$", examples=["wise-key"])
]


def _body(shape: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


@router.get("/system-kinds", summary="List kinds of systems", response_model=list[KindShape], dependencies=[ANYBODY])
async def read_kinds() -> list[dict[str, Any]]:
    """Answer the kinds that there is an adapter for, and what an installation of each must or may be given."""
    return [_kind(kind) for kind in SYSTEMS.values()]


def _kind(kind: Kind) -> dict[str, Any]:
    parts = {"addresses": kind.addresses, "secrets": kind.secrets, "options": kind.options}
    return {"name": kind.name, **{part: [_entry(*entry) for entry in held.items()] for part, held in parts.items()}}


def _entry(name: str, entry: Described) -> dict[str, Any]:
    return {"name": name, **asdict(entry), "required": entry.default is None}


@router.get("/systems", summary="List systems", response_model=Page[SystemShape], dependencies=[ANYBODY])
async def read_systems(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer the installations of library systems, by id. One may serve agencies in several provinces."""
    async with held.one_moment() as connection:
        found = await list_systems(connection, after=after(cursor, str), limit=limit + 1)
    return page(found, [row["id"] for row in found], limit)


@router.get(
    "/systems/{id:path}/installation",
    summary="See how a system is reached",
    response_model=PutSystemShape,
    responses=documented(UnknownSystem),
    dependencies=[ADMIN],
)
async def read_installation(held: HeldDatabase, id: SystemId) -> dict[str, Any]:
    """Answer addresses, branch map, dialect and limits, and the names of the secrets; never a secret."""
    async with held.connection() as connection:
        found = await find_system(connection, id)
    if found is None:
        raise UnknownSystem(f"There is no system {id}.")
    return _installation(found)


def _installation(system: System) -> dict[str, Any]:
    shown = asdict(system)
    del shown["version"]
    return shown


@router.get(
    "/systems/{id:path}",
    summary="Look at a system",
    response_model=OneSystemShape,
    responses=documented(UnknownSystem),
    dependencies=[ANYBODY],
)
async def read_system(held: HeldDatabase, id: SystemId) -> dict[str, Any]:
    """Answer one installation, which agencies use it since when, and how it is doing."""
    async with held.one_moment() as connection:
        return await get_system(connection, id)


@router.put(
    "/systems/{id:path}/agencies/{isil}",
    status_code=204,
    summary="Have an agency use a system",
    openapi_extra=_body("ParticipationAskShape", PARTICIPATION),
    responses={
        204: {"description": "It is noted."},
        **documented(UnknownSystem, UnknownAgency, TooLarge, UnsupportedMediaType, InvalidInput),
    },
    dependencies=[ADMIN],
)
async def take_part(
    request: Request, held: HeldDatabase, id: SystemId, isil: Annotated[str, _named("Its ISIL.", "NL-0800070000")]
) -> Response:
    """Say from when to when an agency uses a system.

    From the first day on its copies are asked about and ordered there; what was ordered before is followed where it
    was ordered. Moving to another system is two of these: an end here, and a beginning there.
    """
    asked = await read_json(request, ParticipationAskShape)
    if asked.since is not None and asked.until is not None and asked.until <= asked.since:
        raise InvalidInput(Fault("/until", "It must end after it begins."))
    async with held.transaction() as connection:
        await put_participation(connection, id, isil, since=asked.since, until=asked.until)
    return Response(status_code=204)


@router.delete(
    "/systems/{id:path}/agencies/{isil}",
    status_code=204,
    summary="Forget that an agency uses a system",
    responses={204: {"description": "It is forgotten."}, **documented(UnknownAgency)},
    dependencies=[ADMIN],
)
async def leave(
    held: HeldDatabase, id: SystemId, isil: Annotated[str, _named("Its ISIL.", "NL-0800070000")]
) -> Response:
    """Take back what was said by mistake. For an agency that moves, say until when it used the system instead."""
    async with held.transaction() as connection:
        await remove_participation(connection, id, isil)
    return Response(status_code=204)


@router.put(
    "/systems/{id:path}",
    summary="Say how a system is reached",
    response_model=PutSystemShape,
    openapi_extra=_body("InstallationShape", INSTALLATION),
    responses=documented(TooLarge, UnsupportedMediaType, InvalidInput),
    dependencies=[ADMIN],
)
async def say_how(request: Request, held: HeldDatabase, id: SystemId) -> dict[str, Any]:
    """Make a system, or change as a whole how it is reached; it holds from the next call on, in every process.

    What was ordered before is followed under what is said here. `POST …/check` tells whether it works.
    """
    asked = await read_json(request, InstallationShape)
    if id.strip() != id or id in (".", "..") or "/" in id:
        raise InvalidInput(Fault("/id", "Takes a name without slashes, and not of dots or blanks alone."))
    system = System(
        id=id,
        kind=asked.kind,
        addresses=asked.addresses,
        secrets=asked.secrets,
        branches=asked.branches,
        options=asked.options,
        limits=asked.limits.model_dump(exclude_none=True),
    )
    async with held.transaction() as connection:
        faults = await _faults(connection, system) or await _unopened(system)
        if faults:
            raise InvalidInput(*faults)
        await put_system(connection, system)
    return _installation(system)


async def _faults(connection: Connection, system: System) -> list[Fault]:
    kind = SYSTEMS.get(system.kind)
    if kind is None:
        given = (system.addresses, system.secrets, system.options)
        return [Fault("/kind", f"Nothing is called of the kind {system.kind}.")] if any(given) else []
    found = faults_of(kind, as_installation(system, secrets=system.secrets))
    # Without an address nothing is called yet, and nothing need be there; but what is there must make sense.
    faults = [Fault(at, detail) for at, detail in found if system.addresses or not detail.startswith("is missing")]
    sealed = await read_sealed(connection, system.secrets.values())
    faults += [
        Fault(f"/secrets/{_escaped(entry)}", f"There is no secret {name}.")
        for entry, name in system.secrets.items()
        if name not in sealed
    ]
    missing = await missing_locations(connection, system.branches.values())
    return faults + [
        Fault(f"/branches/{_escaped(branch)}", f"No location {location} is registered.")
        for branch, location in system.branches.items()
        if location in missing
    ]


async def _unopened(system: System) -> list[Fault]:
    """Open a system and close it again: some words of an installation are only understood then."""
    if not system.addresses:
        return []
    try:
        opened = SYSTEMS[system.kind].open(as_installation(system, secrets=system.secrets))
    except (LookupError, ValueError) as error:
        return [Fault("/options", f"It cannot be opened like this: {error}.")]
    await opened.close()
    return []


def _escaped(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


@router.post(
    "/systems/{id:path}/check",
    summary="Try whether a system works",
    response_model=CheckShape,
    openapi_extra=_body("CheckAskShape", CHECK_ASK),
    responses=documented(UnknownSystem, TooLarge, UnsupportedMediaType, InvalidInput, VaultClosed),
    dependencies=[ADMIN],
)
async def check(request: Request, id: SystemId) -> dict[str, Any]:
    """Try each verb that the system offers and say what works, which branches are not mapped, and who is not asked.

    Nothing is placed, booked or cancelled. Where the body (`{}` will do) names no title, one that should stand there
    is drawn.
    """
    asked = await read_json(request, CheckAskShape)
    ground = (await resources(request)).ground
    async with ground.database.connection() as connection:
        known = await find_system(connection, id)
        if known is None:
            raise UnknownSystem(f"There is no system {id}.")
        system = await ground.systems.find(connection, id)
        drawn = await draw_title(connection, id)
        warnings = warnings_of(id, await list_by_hand(connection, known))
        faults = await _unknown_places(connection, asked)
    if faults:
        raise InvalidInput(*faults)
    if system is None:
        raise InvalidInput(Fault("", "This system is not called: it has no address, or there is no adapter for it."))
    named = asked.isbn is not None or asked.ppn is not None
    title = Title(isbn=asked.isbn, ppn=asked.ppn) if named else Title(isbn=drawn.isbn, ppn=drawn.ppn)
    supplying = asked.supplying_location or drawn.location
    if supplying is None or (title.isbn is None and title.ppn is None):
        nothing = "No holding of this system is known: name a title and a supplying_location."
        raise InvalidInput(Fault("", " ".join([nothing, *warnings])))
    found = await examine(system, title=title, supplying=supplying, pickup=asked.pickup_location or supplying)
    if found.went_well:
        async with ground.database.transaction() as connection:
            await ground.systems.note_well(connection, id)
    return {
        "system": id,
        "title": {"isbn": title.isbn, "ppn": title.ppn},
        "supplying_location": supplying,
        "verbs": [asdict(tried) for tried in found.tried],
        "unmapped_branches": sorted(found.unmapped)[:SHOWN],
        "warnings": warnings,
    }


async def _unknown_places(connection: Connection, asked: CheckAskShape) -> list[Fault]:
    given = {name: getattr(asked, name) for name in ("supplying_location", "pickup_location")}
    missing = await missing_locations(connection, [place for place in given.values() if place is not None])
    return [
        Fault(f"/{name}", f"No location {place} is registered.") for name, place in given.items() if place in missing
    ]


@router.put(
    "/secrets/{name}",
    status_code=204,
    summary="Keep a secret",
    openapi_extra=_body("SecretAskShape", SECRET_ASK),
    responses={
        204: {"description": "It is kept, sealed."},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, VaultClosed),
    },
    dependencies=[ADMIN],
)
async def keep_secret(request: Request, name: SecretName) -> Response:
    """Keep a key or password under a name, by which systems are given it; the same name again replaces it."""
    asked = await read_json(request, SecretAskShape)
    ground = (await resources(request)).ground
    sealed = ground.systems.vault.seal(asked.value)
    async with ground.database.transaction() as connection:
        await put_secret(connection, name, sealed)
    return Response(status_code=204)


@router.get("/secrets", summary="List secrets", response_model=Page[SecretShape], dependencies=[ADMIN])
async def read_secrets(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer the names of secrets, when each was last changed and which systems go by it."""
    async with held.connection() as connection:
        found = await list_secrets(connection, after=after(cursor, str), limit=limit + 1)
    return page(found, [row["name"] for row in found], limit)


@router.delete(
    "/secrets/{name}",
    status_code=204,
    summary="Forget a secret",
    responses={204: {"description": "It is forgotten."}, **documented(UnknownSecret, SecretInUse)},
    dependencies=[ADMIN],
)
async def forget_secret(held: HeldDatabase, name: SecretName) -> Response:
    """Forget a secret that no system goes by any more."""
    async with held.transaction() as connection:
        await remove_secret(connection, name)
    return Response(status_code=204)
