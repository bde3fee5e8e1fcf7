"""Days on which vans do not run: public holidays, school holidays by region, and what a POI makes of them.

Public holidays and school holidays are those of the library `holidays`; the latter are of the Regeling vaststelling
schoolvakanties 2025-2030 (Staatscourant 2024, 19237) and those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from holidays import country_holidays

from app.planning.edits import Document, service_document, trip_document
from app.planning.plan import Plan
from app.store.timetable import ServiceRow

REGIONS = {"noord": "Noord", "midden": "Midden", "zuid": "Zuid"}
PUBLIC, OBSERVED, SCHOOL = "public", "observed", "school"
MOST_DAYS = 1100  # three years at once


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day with a name. `observed`: many have it off, by no law; `region`: of a school holiday."""

    day: date
    kind: str
    name_nl: str
    name_en: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ExceptionOnDay:
    """What an operator makes of a day: `runs` on a holiday after all, or stands still on a day that is none."""

    operator: str
    day: date
    runs: bool
    note: str | None = None


def list_holidays(since: date, until: date) -> list[Holiday]:
    """Return the holidays from one day to another (included), by day."""
    years = tuple(range(since.year, until.year + 1))
    return [holiday for holiday in _holidays(years) if since <= holiday.day <= until]


@lru_cache(maxsize=16)
def _holidays(years: tuple[int, ...]) -> tuple[Holiday, ...]:
    found = []
    for kind, category in ((PUBLIC, "public"), (OBSERVED, "optional")):
        found += _named(years, kind, category, region=None)
    for region in REGIONS:
        found += _named(years, SCHOOL, "school", region=region)
    public = {holiday.day for holiday in found if holiday.kind == PUBLIC}
    kept = (holiday for holiday in found if holiday.kind != OBSERVED or holiday.day not in public)
    return tuple(sorted(kept, key=lambda holiday: (holiday.day, holiday.kind, holiday.region or "")))


def _named(years: tuple[int, ...], kind: str, category: str, *, region: str | None) -> list[Holiday]:
    subdivision = None if region is None else REGIONS[region]
    dutch, english = (
        country_holidays("NL", subdiv=subdivision, years=years, categories=(category,), language=language)
        for language in ("nl", "en_US")
    )
    return [Holiday(day, kind, dutch[day], english[day], region) for day in dutch]


def days_off(
    holidays: Iterable[Holiday],
    exceptions: Iterable[ExceptionOnDay],
    *,
    kinds: frozenset[str],
    region: str | None,
    more: Iterable[date] = (),
) -> dict[date, str]:
    """Return the days on which an operator stands still, with the reason: its exceptions have the last word.

    School holidays count for `region` only.
    """
    off = {
        holiday.day: holiday.name_nl
        for holiday in holidays
        if holiday.kind in kinds and (holiday.kind != SCHOOL or holiday.region == region)
    }
    off |= dict.fromkeys(more, "Gesloten")
    for exception in exceptions:
        if exception.runs:
            off.pop(exception.day, None)
        else:
            off[exception.day] = exception.note or "Gesloten"
    return dict(sorted(off.items()))


@dataclass(frozen=True, slots=True)
class Removal:
    """A day taken out of a service, and how many trips that stops. `service` is as the change will make it."""

    day: date
    why: str
    service: str
    trips: int


def runs_on(service: ServiceRow, day: date) -> bool:
    """Say whether a service runs on a day."""
    if day in service.added:
        return True
    return service.start <= day <= service.end and service.weekdays[day.weekday()] and day not in service.removed


def take_out(
    plan: Plan, off: Mapping[date, str], *, operators: frozenset[str]
) -> tuple[list[Removal], list[Document], list[str]]:
    """Return what taking these days out of the operators' services removes, the changes that do so, and who shares.

    A service that others' trips run on is left to them: it is named in the third part, and the operator's trips get a
    copy of it with the days taken out.
    """
    used: dict[str, dict[str, list[str]]] = {}
    for trip, route, by in plan.heads():
        used.setdefault(by, {}).setdefault(plan.routes[route].operator, []).append(trip)
    removals: list[Removal] = []
    changes: list[Document] = []
    shared: list[str] = []
    for id in sorted(used):
        own = [trip for operator in used[id].keys() & operators for trip in used[id][operator]]
        service = plan.services[id]
        gone = [day for day in off if runs_on(service, day)]
        if not own or not gone:
            continue
        removals += [Removal(day, off[day], id, len(own)) for day in gone]
        without = _without(service, gone)
        if used[id].keys() - operators:
            shared.append(id)
            without = replace(without, id=_free_id(plan, id, own))
        changes.append({"op": "put_service", **service_document(without)})
        if without.id != id:
            changes += [_moved(plan, trip, without.id) for trip in sorted(own)]
    return sorted(removals, key=lambda one: (one.day, one.service)), changes, shared


def _without(service: ServiceRow, gone: list[date]) -> ServiceRow:
    added = tuple(day for day in service.added if day not in gone)
    removed = set(service.removed)
    removed |= {day for day in gone if service.start <= day <= service.end and service.weekdays[day.weekday()]}
    if service.start > service.end and not added:
        # A service without any day cannot be written down as GTFS but by a day that it does not run on.
        removed |= set(gone)
    return replace(service, added=added, removed=tuple(sorted(removed)))


def _free_id(plan: Plan, id: str, own: list[str]) -> str:
    operator = plan.operators[plan.routes[plan.trip(own[0]).route].operator].id or "own"
    for number in range(1, len(plan.services) + 2):
        candidate = f"{id[:150]}~{operator[:30]}" + (f"~{number}" if number > 1 else "")
        if candidate not in plan.services:
            return candidate
    raise AssertionError("more ids than services")


def _moved(plan: Plan, trip: str, service: str) -> Document:
    return {"op": "put_trip", **trip_document(replace(plan.trip(trip), service=service))}
