"""The register as the engine wants it: every agency and location with its dates as moments."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import asyncpg

from app.store.agencies import TODAY
from routing.model import Agency, Location, Period, Register

TIMEZONE = "Europe/Amsterdam"


async def load_register(connection: asyncpg.Connection) -> Register:
    """Read all agencies and locations. Days begin at midnight in the Netherlands."""
    suspensions = await _suspensions(connection)
    agencies = await connection.fetch(
        f"""
        select isil, province, coalesce(agency.poi, province.poi) as poi, supplies,
               valid_from, valid_until, successor,
               (select system from system_participation taking_part
                 where taking_part.agency = isil and (since is null or since <= {TODAY})
                   and (until is null or until > {TODAY})
                 order by since desc nulls last, system limit 1) as system
          from agency left join province on province.code = agency.province
        """  # noqa: S608 - only our own text
    )
    locations = await connection.fetch(
        """
        select id, agency, province, coalesce(location.poi, province.poi) as poi, system, handling_minutes,
               opening_hours, valid_from, valid_until
          from location left join province on province.code = location.province
        """
    )
    return Register(
        agencies={
            row["isil"]: Agency(
                isil=row["isil"],
                province=row["province"],
                poi=row["poi"],
                system=row["system"],
                supplies=row["supplies"],
                valid=_period(row["valid_from"], row["valid_until"]),
                successor=row["successor"],
                suspensions=suspensions.get(("agency", row["isil"]), ()),
            )
            for row in agencies
        },
        locations={
            row["id"]: Location(
                id=row["id"],
                agency=row["agency"],
                province=row["province"],
                poi=row["poi"],
                system=row["system"],
                handling_minutes=row["handling_minutes"],
                opening_hours=row["opening_hours"],
                valid=_period(row["valid_from"], row["valid_until"]),
                suspensions=suspensions.get(("location", row["id"]), ()),
            )
            for row in locations
        },
        timezone=TIMEZONE,
        suspensions=suspensions.get(("everything", ""), ()),
        pois={name: periods for (kind, name), periods in suspensions.items() if kind == "poi"},
    )


async def _suspensions(connection: asyncpg.Connection) -> dict[tuple[str, str], tuple[Period, ...]]:
    rows = await connection.fetch(
        "select agency, location, poi, since, until from suspension where route is null"
        " order by since nulls first, id"
    )
    found: dict[tuple[str, str], tuple[Period, ...]] = {}
    for row in rows:
        subject = _subject(row["agency"], row["location"], row["poi"])
        found[subject] = (*found.get(subject, ()), _period(row["since"], row["until"]))
    return found


def _subject(agency: str | None, location: str | None, poi: str | None) -> tuple[str, str]:
    if agency is not None:
        return "agency", agency
    if poi is not None:
        return "poi", poi
    return ("everything", "") if location is None else ("location", location)


def _period(since: date | None, until: date | None) -> Period:
    return _ALWAYS if since is None and until is None else Period(_midnight(since), _midnight(until))


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, ZoneInfo(TIMEZONE))


_ALWAYS = Period()
