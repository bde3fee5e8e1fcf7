"""Library systems as their adapters need them, their secrets (sealed), and how they are doing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
import orjson

from app.store.agencies import IN_FORCE, UnknownAgency, UnknownSystem
from app.store.epochs import REGISTER, bump

Row = dict[str, Any]

# The breaker of a process that has said nothing for so long is no longer anybody's.
FORGOTTEN_AFTER = "15 minutes"


class SecretInUse(Exception):  # noqa: N818 - says what it is
    """A system still goes by this secret."""


class UnknownSecret(Exception):  # noqa: N818
    """There is no secret of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One installation. Without addresses nothing is called. `secrets` names secrets; none is in here.

    `version` grows with every change of it and of its secrets.
    """

    id: str
    kind: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    branches: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    version: int = 1


_COLUMNS = "id, kind, addresses, secrets, branches, options, limits, version"
_JSON = ("addresses", "secrets", "branches", "options", "limits")


# The worst that any process makes of it.
_STANDING = (
    "coalesce((select max(state) from breaker b where b.system = s.id"  # noqa: S608 - only our own text
    f" and b.seen_at > now() - interval '{FORGOTTEN_AFTER}'), 'closed') as breaker"
)


async def find_system(connection: asyncpg.Connection, system: str) -> System | None:
    """Return a system by its id."""
    row = await connection.fetchrow(f"select {_COLUMNS} from system where id = $1", system)  # noqa: S608
    return None if row is None else _system(row)


async def load_systems(connection: asyncpg.Connection) -> dict[str, System]:
    """Return by id every system that is called."""
    rows = await connection.fetch(f"select {_COLUMNS} from system where addresses <> '{{}}'")  # noqa: S608
    return {row["id"]: _system(row) for row in rows}


async def put_system(connection: asyncpg.Connection, system: System) -> bool:
    """Make a system, or change it as a whole; True when it is new."""
    mapped = await connection.fetchval("select branches from system where id = $1", system.id)
    made: bool = await connection.fetchval(
        "insert into system (id, kind, addresses, secrets, branches, options, limits)"
        " values ($1, $2, $3::jsonb, $4::jsonb, $5::jsonb, $6::jsonb, $7::jsonb)"
        " on conflict (id) do update set kind = excluded.kind, addresses = excluded.addresses,"
        " secrets = excluded.secrets, branches = excluded.branches, options = excluded.options,"
        " limits = excluded.limits, version = system.version + 1 returning xmax = 0",
        *(system.id, system.kind, *(orjson.dumps(dict(getattr(system, name))).decode() for name in _JSON)),
    )
    await forget_breakers(connection, system.id)
    if mapped is not None and orjson.loads(mapped) != dict(system.branches):
        # What a branch is to us has changed, also for records that have not.
        await connection.execute("update harvest set whole_wanted = true where system = $1", system.id)
    await bump(connection, REGISTER)
    return made


async def list_systems(connection: asyncpg.Connection, *, after: str | None, limit: int) -> list[Row]:
    """Return systems by id, with how many agencies take part today and how each is doing."""
    rows = await connection.fetch(
        "select s.id, s.kind, s.addresses <> '{}' as called,"  # noqa: S608 - only our own text
        f" (select count(*) from system_participation p where p.system = s.id and {IN_FORCE}) as agencies,"
        f" {_STANDING} from system s where ($1::text is null or id > $1) order by id limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


async def get_system(connection: asyncpg.Connection, system: str) -> Row:
    """Return one system with who takes part since when, and how it is doing. Raises UnknownSystem."""
    row = await connection.fetchrow("select id, kind, addresses::text from system where id = $1", system)
    if row is None:
        raise UnknownSystem(f"There is no system {system}.")
    users = await connection.fetch(
        "select p.agency, a.name, p.since, p.until from system_participation p join agency a on a.isil = p.agency"
        " where p.system = $1 order by p.agency",
        system,
    )
    breakers = await connection.fetch(
        "select process, state, why, since from breaker where system = $1"  # noqa: S608 - only our own text
        f" and seen_at > now() - interval '{FORGOTTEN_AFTER}' order by process",
        system,
    )
    states = {breaker["state"] for breaker in breakers}
    return {
        "id": row["id"],
        "kind": row["kind"],
        "called": row["addresses"] != "{}",
        "agencies": [dict(user) for user in users],
        "breaker": max(states, default="closed"),  # the worst that any process makes of it: open, then half_open
        "breakers": [dict(breaker) for breaker in breakers],
    }


async def put_participation(
    connection: asyncpg.Connection, system: str, agency: str, *, since: date | None, until: date | None
) -> None:
    """Say that an agency uses a system in a period. Raises UnknownSystem or UnknownAgency."""
    if not await connection.fetchval("select exists (select from system where id = $1)", system):
        raise UnknownSystem(f"There is no system {system}.")
    if not await connection.fetchval("select exists (select from agency where isil = $1)", agency):
        raise UnknownAgency(f"There is no agency {agency}.")
    await connection.execute(
        "insert into system_participation (agency, system, since, until) values ($1, $2, $3, $4)"
        " on conflict (agency, system) do update set since = excluded.since, until = excluded.until",
        *(agency, system, since, until),
    )
    await bump(connection, REGISTER)


async def remove_participation(connection: asyncpg.Connection, system: str, agency: str) -> None:
    """Say that an agency never used a system. Raises UnknownAgency where it was not said to."""
    done = await connection.execute(
        "delete from system_participation where system = $1 and agency = $2", system, agency
    )
    if done == "DELETE 0":
        raise UnknownAgency(f"{agency} is not said to use {system}.")
    await bump(connection, REGISTER)


async def list_locations_of(connection: asyncpg.Connection, system: str) -> list[str]:
    """Return the locations whose copies a system knows today: its own, and those of the agencies that use it."""
    rows = await connection.fetch(
        "select id from location l where l.system = $1 or (l.system is null and exists ("  # noqa: S608
        "select from system_participation p where p.agency = l.agency and p.system = $1"
        f" and {IN_FORCE})) order by id",
        system,
    )
    return [row["id"] for row in rows]


async def list_by_hand(connection: asyncpg.Connection, system: System) -> list[str]:
    """Return the locations that answer by hand, and of which one would think that this system answers for them.

    Those are the locations of the agencies that use it today, and those that its branches lead to.
    """
    rows = await connection.fetch(
        "select l.id from location l join system y on y.id = l.system where y.kind = 'manual' and y.id <> $1"  # noqa: S608
        " and (l.id = any($2::text[]) or (l.kind <> 'hub' and exists ("
        f"select from system_participation p where p.agency = l.agency and p.system = $1 and {IN_FORCE})))"
        " order by l.id",
        *(system.id, list(system.branches.values())),
    )
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A title that should stand at a location of a system; nothing where no holding is known."""

    isbn: str | None = None
    ppn: str | None = None
    location: str | None = None


async def draw_title(connection: asyncpg.Connection, system: str) -> Drawn:
    """Return some title that one of the system's locations holds, with copies for loan."""
    locations = await list_locations_of(connection, system)
    row = await connection.fetchrow(
        "select (select min(isbn) from title_isbn where title_id = holding.title_id) as isbn,"
        " (select min(ppn) from title_ppn where title_id = holding.title_id) as ppn, location from holding"
        " where location = any($1::text[]) and loanable and copies > 0 limit 1",
        locations,
    )
    return Drawn() if row is None else Drawn(row["isbn"], row["ppn"], row["location"])


async def missing_locations(connection: asyncpg.Connection, locations: Collection[str]) -> set[str]:
    """Return those of `locations` that are not registered."""
    rows = await connection.fetch(
        "select given from unnest($1::text[]) given where not exists (select from location where id = given)",
        list(locations),
    )
    return {row["given"] for row in rows}


# --- secrets -------------------------------------------------------------------------------------


async def put_secret(connection: asyncpg.Connection, name: str, sealed: bytes) -> None:
    """Keep a secret, or another in its place; systems that go by it are opened anew."""
    await connection.execute(
        "insert into secret (name, sealed, changed_at) values ($1, $2, now())"
        " on conflict (name) do update set sealed = excluded.sealed, changed_at = excluded.changed_at",
        *(name, sealed),
    )
    opened_anew = await connection.fetch(
        "update system set version = version + 1"
        " where exists (select from jsonb_each_text(secrets) entry where entry.value = $1) returning id",
        name,
    )
    for system in opened_anew:
        await forget_breakers(connection, system["id"])
    await bump(connection, REGISTER)


async def list_secrets(connection: asyncpg.Connection, *, after: str | None, limit: int) -> list[Row]:
    """Return the names of secrets, when each was last changed, and which systems go by it."""
    rows = await connection.fetch(
        "select name, changed_at, array(select id from system where exists"
        " (select from jsonb_each_text(secrets) entry where entry.value = secret.name) order by id) as systems"
        " from secret"
        " where ($1::text is null or name > $1) order by name limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


async def remove_secret(connection: asyncpg.Connection, name: str) -> None:
    """Forget a secret. Raises UnknownSecret or SecretInUse."""
    used = await connection.fetchval(
        "select min(id) from system where exists (select from jsonb_each_text(secrets) entry where entry.value = $1)",
        name,
    )
    if used is not None:
        raise SecretInUse(f"The system {used} goes by the secret {name}.")
    if await connection.execute("delete from secret where name = $1", name) == "DELETE 0":
        raise UnknownSecret(f"There is no secret {name}.")


async def read_sealed(connection: asyncpg.Connection, names: Collection[str]) -> dict[str, bytes]:
    """Return secrets by name, sealed; those that are not there are left out."""
    rows = await connection.fetch("select name, sealed from secret where name = any($1::text[])", list(names))
    return {row["name"]: row["sealed"] for row in rows}


async def replace_sealed(connection: asyncpg.Connection, name: str, *, old: bytes, new: bytes) -> bool:
    """Put the same secret in, sealed otherwise; False where it was changed meanwhile."""
    done: str = await connection.execute(
        "update secret set sealed = $3 where name = $1 and sealed = $2", *(name, old, new)
    )
    return done == "UPDATE 1"


async def all_sealed(connection: asyncpg.Connection) -> dict[str, bytes]:
    """Return every secret, sealed."""
    return {row["name"]: row["sealed"] for row in await connection.fetch("select name, sealed from secret")}


# --- how they are doing --------------------------------------------------------------------------


async def note_breaker(connection: asyncpg.Connection, system: str, process: str, *, state: str, why: str) -> None:
    """Write down what a process makes of a system; a closed breaker is not worth a row."""
    if state == "closed":
        await connection.execute("delete from breaker where system = $1 and process = $2", system, process)
        return
    await connection.execute(
        "insert into breaker (system, process, state, why, since, seen_at)"
        " select id, $2, $3, $4, now(), now() from system where id = $1"
        " on conflict (system, process) do update set state = excluded.state, why = excluded.why,"
        " since = case when breaker.state = excluded.state then breaker.since else excluded.since end,"
        " seen_at = excluded.seen_at",
        *(system, process, state, why),
    )


async def forget_breakers(connection: asyncpg.Connection, system: str) -> None:
    """Forget what processes made of a system: it has answered since, or is reached in another way."""
    await connection.execute("delete from breaker where system = $1", system)


def _system(row: asyncpg.Record) -> System:
    return System(
        id=row["id"],
        kind=row["kind"],
        version=row["version"],
        **{name: orjson.loads(row[name]) for name in _JSON},
    )
