"""The register for people: agencies, locations, systems, provinces and POIs, in pages and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from app.store.epochs import REGISTER, bump

Row = dict[str, Any]
# Of system_participation p: is it so today?
# Days begin at midnight in the Netherlands, whatever the session's time zone.
TODAY = "(now() at time zone 'Europe/Amsterdam')::date"
IN_FORCE = f"(p.since is null or p.since <= {TODAY}) and (p.until is null or p.until > {TODAY})"
ROLES = ("joint_plan", "central_collecting", "strategy_group", "otherwise")


class UnknownAgency(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no agency of that ISIL."""


class UnknownPlace(Exception):  # noqa: N818
    """There is no location of that id."""


class UnknownSystem(Exception):  # noqa: N818
    """There is no system of that id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; None takes everything. A location counts with what it has from its agency."""

    agency: str | None = None
    province: str | None = None
    poi: str | None = None
    system: str | None = None
    kind: str | None = None


async def list_agencies(
    connection: asyncpg.Connection, filters: Filters, *, after: str | None, limit: int
) -> list[Row]:
    """Return agencies by ISIL."""
    rows = await connection.fetch(
        f"select * from ({_AGENCIES}) a where ($1::text is null or isil > $1)"  # noqa: S608 - only our own text
        " and ($2::text is null or province = $2) and ($3::text is null or poi = $3)"
        " and ($4::text is null or system = $4) order by isil limit $5",
        *(after, filters.province, filters.poi, filters.system, limit),
    )
    return [_read(row, "systems", "suspensions") for row in rows]


async def get_agency(connection: asyncpg.Connection, isil: str) -> Row:
    """Return one agency. Raises UnknownAgency."""
    row = await connection.fetchrow(f"select * from ({_AGENCIES}) a where isil = $1", isil)  # noqa: S608
    if row is None:
        raise UnknownAgency(f"There is no agency {isil}.")
    return _read(row, "systems", "suspensions")


async def holds_agency(connection: asyncpg.Connection, isil: str) -> bool:
    """Say whether there is an agency of this ISIL."""
    return bool(await connection.fetchval("select exists (select from agency where isil = $1)", isil))


async def list_locations(
    connection: asyncpg.Connection, filters: Filters, *, after: str | None, limit: int
) -> list[Row]:
    """Return locations and hubs by id."""
    rows = await connection.fetch(
        f"select * from ({_LOCATIONS}) l where ($1::text is null or id > $1)"  # noqa: S608
        " and ($2::text is null or agency = $2) and ($3::text is null or province = $3)"
        " and ($4::text is null or poi = $4) and ($5::text is null or system = $5)"
        " and ($6::text is null or kind = $6) order by id limit $7",
        *(after, filters.agency, filters.province, filters.poi, filters.system, filters.kind, limit),
    )
    return [_read(row, "suspensions") for row in rows]


async def get_location(connection: asyncpg.Connection, place: str) -> Row:
    """Return one location or hub. Raises UnknownPlace."""
    row = await connection.fetchrow(f"select * from ({_LOCATIONS}) l where id = $1", place)  # noqa: S608
    if row is None:
        raise UnknownPlace(f"There is no location {place}.")
    return _read(row, "suspensions")


async def list_provinces(connection: asyncpg.Connection, *, after: str | None, limit: int) -> list[Row]:
    """Return provinces by code, with their POI and their roles in the joint collection plan."""
    rows = await connection.fetch(
        "select code, name, poi from province where ($1::text is null or code > $1) order by code limit $2",
        *(after, limit),
    )
    roles = await connection.fetch(
        "select province, plan_year, role from collection_role where province = any($1)"
        " order by plan_year, array_position($2::text[], role)",
        *([row["code"] for row in rows], list(ROLES)),
    )
    return [
        {
            **row,
            "collection_roles": [
                {"plan_year": role["plan_year"], "role": role["role"]}
                for role in roles
                if role["province"] == row["code"]
            ],
        }
        for row in rows
    ]


async def list_pois(connection: asyncpg.Connection, *, after: str | None, limit: int) -> list[Row]:
    """Return POIs by code, with the provinces in which each distributes."""
    rows = await connection.fetch(
        "select code, name, array(select p.code from province p where p.poi = poi.code order by p.code) as provinces"
        " from poi where ($1::text is null or code > $1) order by code limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


async def put_poi(connection: asyncpg.Connection, code: str, *, name: str) -> None:
    """Make a POI, or give it another name."""
    await connection.execute(
        "insert into poi (code, name) values ($1, $2) on conflict (code) do update set name = excluded.name",
        *(code, name),
    )


async def put_province(connection: asyncpg.Connection, code: str, *, name: str, poi: str | None) -> None:
    """Make a province, or give it another name or POI, which must exist."""
    await connection.execute(
        "insert into province (code, name, poi) values ($1, $2, $3)"
        " on conflict (code) do update set name = excluded.name, poi = excluded.poi",
        *(code, name, poi),
    )
    await bump(connection, REGISTER)


async def put_collection_roles(
    connection: asyncpg.Connection, province: str, *, plan_year: int, roles: Sequence[str]
) -> None:
    """Set which of ROLES a province, which must exist, has in the collection plan of a year."""
    await connection.execute(
        "delete from collection_role where province = $1 and plan_year = $2 and role <> all($3)",
        *(province, plan_year, list(roles)),
    )
    await connection.executemany(
        "insert into collection_role (province, role, plan_year) values ($1, $2, $3) on conflict do nothing",
        [(province, role, plan_year) for role in roles],
    )


def _read(row: asyncpg.Record, *documents: str) -> Row:
    return {**row, **{name: orjson.loads(row[name]) for name in documents}}


_SUSPENSIONS = """
(select coalesce(json_agg(json_build_object('since', s.since, 'until', s.until) order by s.since nulls first), '[]')
   from suspension s where s.{subject} = {id}) as suspensions
"""

_AGENCIES = f"""
select a.isil, a.name, a.province, coalesce(a.poi, province.poi) as poi,
  (select p.system from system_participation p where p.agency = a.isil and {IN_FORCE}
    order by p.since desc nulls last, p.system limit 1) as system,
  (select coalesce(json_agg(json_build_object('system', p.system, 'since', p.since, 'until', p.until)
                            order by p.since nulls first, p.system), '[]')
     from system_participation p where p.agency = a.isil) as systems,
  a.lat, a.lon, a.supplies, a.valid_from, a.valid_until, a.successor,
  {_SUSPENSIONS.format(subject="agency", id="a.isil")}
from agency a left join province on province.code = a.province
"""  # noqa: S608 - no value from outside is in it

_LOCATIONS = f"""
select l.id, l.kind, l.name, l.agency, coalesce(l.province, a.province) as province,
  coalesce(l.poi, own.poi, a.poi, theirs.poi) as poi,
  coalesce(l.system, (select p.system from system_participation p where p.agency = l.agency and {IN_FORCE}
                       order by p.since desc nulls last, p.system limit 1)) as system,
  l.lat, l.lon, l.handling_minutes, l.opening_hours, l.valid_from, l.valid_until,
  {_SUSPENSIONS.format(subject="location", id="l.id")}
from location l left join agency a on a.isil = l.agency
  left join province own on own.code = l.province left join province theirs on theirs.code = a.province
"""  # noqa: S608
