"""Policies: what the network, a province or an agency has agreed; each version holds from a day, for good."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson

from app.store.epochs import REGISTER, bump
from routing.model import Central, Circle, Floating, Lending, Objective, RotaOrder
from routing.policies import Asking, Version

Row = dict[str, Any]
Document = Mapping[str, Mapping[str, Any]]

_ROW = "id, province, agency, valid_from, document, by, written_at, note"


async def load_versions(connection: asyncpg.Connection) -> list[Version]:
    """Return every version that there is, as the engine wants them."""
    rows = await connection.fetch("select id, province, agency, valid_from, document from policy order by id")
    return [
        version_of(
            orjson.loads(row["document"]),
            id_=row["id"],
            valid_from=row["valid_from"],
            province=row["province"],
            agency=row["agency"],
        )
        for row in rows
    ]


def version_of(
    document: Document, *, id_: int, valid_from: date, province: str | None, agency: str | None
) -> Version:
    """Return what a document says as the engine wants it."""
    asking, lending = dict(document.get("requesting", {})), dict(document.get("supplying", {}))
    if "circles" in asking:
        asking["circles"] = tuple(map(Circle, asking["circles"]))
    for name, kind in (("objective", Objective), ("central_collections", Central), ("rota_order", RotaOrder)):
        if name in asking:
            asking[name] = kind(asking[name])
    if "floating" in lending:
        lending["floating"] = Floating(lending["floating"])
    for name in ("not_lent", "central_holders", "floating_materials"):
        if name in lending:
            lending[name] = frozenset(lending[name])
    return Version(
        id=id_,
        valid_from=valid_from,
        province=province,
        agency=agency,
        asking=Asking(**asking),
        lending=Lending(**lending),
    )


async def hold_policies(connection: asyncpg.Connection) -> None:
    """Let nobody else write a policy until the transaction ends, and tell every process that there is another."""
    await bump(connection, REGISTER)


async def add_version(
    connection: asyncpg.Connection,
    *,
    province: str | None,
    agency: str | None,
    valid_from: date,
    document: Document,
    says: Collection[str],
    by: str,
    at: datetime,
    note: str | None,
) -> Row:
    """Write a version, after `hold_policies`. `says`: its writer's fields; what it holds of others it took over."""
    row = await connection.fetchrow(
        "insert into policy (province, agency, valid_from, document, says, by, written_at, note)"  # noqa: S608 - our own text
        f" values ($1, $2, $3, $4, $5, $6, $7, $8) returning {_ROW}",
        *(province, agency, valid_from, orjson.dumps(document).decode(), sorted(says), by, at, note),
    )
    return _row(row)


async def find_version(
    connection: asyncpg.Connection, *, province: str | None, agency: str | None, at: date
) -> Row | None:
    """Return the version of one scope that is in force on a day."""
    row = await connection.fetchrow(
        f"select {_ROW} from policy where province is not distinct from $1 and agency is not distinct from $2"  # noqa: S608
        " and valid_from <= $3 order by valid_from desc, id desc limit 1",
        *(province, agency, at),
    )
    return None if row is None else _row(row)


async def list_begun_later(
    connection: asyncpg.Connection, *, province: str | None, agency: str | None, after: date
) -> list[Row]:
    """Return what holds from each later day on which a version of one scope begins, in order: (valid_from, document,
    says). `says` are the fields that any version of that day says.
    """
    rows = await connection.fetch(
        """
        select distinct on (valid_from) valid_from, document,
               array(select unnest(says) from policy other
                      where other.province is not distinct from $1 and other.agency is not distinct from $2
                        and other.valid_from = policy.valid_from) as says
          from policy where province is not distinct from $1 and agency is not distinct from $2 and valid_from > $3
         order by valid_from, id desc
        """,
        *(province, agency, after),
    )
    return [_row(row) for row in rows]


async def list_versions(
    connection: asyncpg.Connection,
    *,
    at: date | None,
    province: str | None,
    agency: str | None,
    after: int,
    limit: int,
) -> list[Row]:
    """Return versions by id: those in force on a day (None: all that were ever written), of one scope or of all."""
    rows = await connection.fetch(
        f"""
        select {_ROW} from policy p
         where id > $1 and ($2::text is null or province = $2) and ($3::text is null or agency = $3)
           and ($4::date is null or valid_from <= $4 and not exists (
             select from policy later
              where later.province is not distinct from p.province and later.agency is not distinct from p.agency
                and later.valid_from <= $4 and (later.valid_from, later.id) > (p.valid_from, p.id)))
         order by id limit $5
        """,  # noqa: S608
        *(after, province, agency, at, limit),
    )
    return [_row(row) for row in rows]


async def holds_province(connection: asyncpg.Connection, code: str) -> bool:
    """Return whether a province is known."""
    return bool(await connection.fetchval("select exists (select from province where code = $1)", code))


def _row(row: Mapping[str, Any]) -> Row:
    return {**row, "document": orjson.loads(row["document"])}
