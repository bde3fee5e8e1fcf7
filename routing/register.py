"""Who stands behind a location at a moment: validity, successors, suspensions, and the side it pays on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from routing.model import Agency, Location, Period, Register


class Side(NamedTuple):
    """Where an item leaves or arrives, as far as money goes: agency, province and POI. A tuple, as `Offer` is."""

    agency: str | None = None
    province: str | None = None
    poi: str | None = None


class Standing(NamedTuple):
    """A location as it stands at a moment: with the agency in force, and the side it pays on."""

    location: Location
    agency: Agency | None
    side: Side


def covers(period: Period, moment: datetime) -> bool:
    """Whether a moment lies in a period: `since` is included, `until` is not."""
    return (period.since is None or period.since <= moment) and (period.until is None or moment < period.until)


def standing_still(suspensions: Iterable[Period], moment: datetime) -> Period | None:
    """The suspension that covers a moment, if there is one."""
    return next((period for period in suspensions if covers(period, moment)), None)


def find_location(register: Register, location_id: str) -> Location:
    """The location by its id; one that the register does not know takes part like any other, without an agency."""
    return register.locations.get(location_id) or Location(location_id)


def agency_in_force(register: Register, isil: str | None, moment: datetime) -> Agency | None:
    """The agency, or whoever succeeded it by `moment`. The last one where successors run out or run in a circle."""
    if isil is None:
        return None
    agency = register.agencies.get(isil) or Agency(isil)
    seen = {isil}
    while agency.valid.until is not None and agency.valid.until <= moment:
        successor = agency.successor
        if successor is None or successor in seen:
            break
        seen.add(successor)
        agency = register.agencies.get(successor) or Agency(successor)
    return agency


def side_of(location: Location, agency: Agency | None) -> Side:
    """The side of a location: its own province and POI, or else its agency's."""
    if agency is None:
        return Side(None, location.province, location.poi)
    return Side(agency.isil, location.province or agency.province, location.poi or agency.poi)


def standing_of(register: Register, location_id: str, moment: datetime) -> Standing:
    """How a location stands at a moment; one that the register does not know has no agency."""
    location = find_location(register, location_id)
    agency = agency_in_force(register, location.agency, moment)
    return Standing(location, agency, side_of(location, agency))


@lru_cache(maxsize=4)  # registers are told apart by identity, and a process has few of them at a time
def steady(register: Register) -> dict[str, Standing]:
    """The locations that stand alike at every moment and supply to everyone, as nearly all do: by id.

    Neither they nor their agency have a period of validity or a suspension, so neither needs to be looked at.
    """
    found = {}
    for id_, location in register.locations.items():
        agency = (
            None if location.agency is None else register.agencies.get(location.agency) or Agency(location.agency)
        )
        if _always_there(location) and (agency is None or (_always_there(agency) and agency.supplies)):
            found[id_] = Standing(location, agency, side_of(location, agency))
    return found


def _always_there(one: Location | Agency) -> bool:
    return one.valid == Period() and not one.suspensions
