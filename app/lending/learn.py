"""Learns every night how suppliers answer, and how often a dated trip is missed (docs/response.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from app.aside import aside
from app.database import Connection
from app.lending.ground import Ground
from app.lending.leased import leased
from app.lending.pauses import pauses_of
from app.lending.snapshot import State
from app.store.register import TIMEZONE
from app.store.responses import Version, add_version, are_answers, list_missed, stream_answers
from app.store.tasks import Task, ensure, postpone
from routing import Network, Register
from routing.calendar import open_between, to_seconds
from routing.learning import HALF_LIFE_DAYS, Ints, Learned, Observations, answers_of, learn, place_of
from routing.register import find_location
from routing.response import Floats

log = structlog.get_logger()

LEARN, NIGHTLY = "learn", "nightly"
NIGHT = time(3)
"""When it is done again, by the wall clock."""
PERIOD = timedelta(days=6 * HALF_LIFE_DAYS)
"""Older answers would weigh less than a sixty-fourth."""
TRIP_DAYS = 180
KEPT = 400
"""Versions of the model: whatever a decision went by can be looked up a year later."""


async def ensure_learning(connection: Connection, ground: Ground) -> None:
    """See to it that the task exists, and is not given up."""
    await ensure(connection, LEARN, NIGHTLY, ground.clock.now())


async def learn_responses(ground: Ground, task: Task) -> None:
    """Carry the task `learn` out, and have it done again next night. Raises NotReady, and LeaseLost."""
    at = ground.clock.now()
    state = await ground.snapshot.follow()
    version = await leased(ground, task, _learned(ground, state, at))
    async with ground.database.transaction() as connection:
        if version is not None:
            number = await add_version(connection, version, keep=KEPT)
            log.info("learned how suppliers answer", version=number, answers=version.learned.observations)
        await postpone(connection, task, next_night(at))


def next_night(at: datetime) -> datetime:
    """Return the first moment after `at` at which it is NIGHT."""
    local = at.astimezone(ZoneInfo(TIMEZONE))
    day = local.date() + timedelta(days=local.time() >= NIGHT)
    return datetime.combine(day, NIGHT, local.tzinfo)


# --- from rows to columns -------------------------------------------------------------------------


class Answered(NamedTuple):
    """What a location answered, as columns; moments are seconds since 1970."""

    location: str
    asked: Ints
    ended: Ints
    kind: Ints
    weekday: Ints
    hour: Ints
    material: Sequence[str | None]


async def _learned(ground: Ground, state: State, at: datetime) -> Version | None:
    """Return what can be learned by now; None where too little was answered."""
    since, today = at - PERIOD, at.astimezone(state.network.zone).date()
    async with ground.database.one_moment() as connection:
        if not await are_answers(connection, since=since, until=at, least=ground.responses_least):
            return None
        missed = await list_missed(connection, since=today - timedelta(days=TRIP_DAYS), until=today)
        answered = [_columns(row) async for row in stream_answers(connection, since=since, until=at)]
    learned = await aside(learn_from, answered, state.register, state.network, missed, at)
    return Version(learned=learned, learned_at=at, since=since, until=at)


def _columns(row: Mapping[str, Any]) -> Answered:
    asked, ended, kind, weekday, hour = (
        np.array(row[name], dtype=np.int64) for name in ("asked", "ended", "kind", "weekday", "hour")
    )
    return Answered(row["location"], asked, ended, kind, weekday, hour, row["material"])


def learn_from(
    answered: Sequence[Answered],
    register: Register,
    network: Network,
    missed: Sequence[tuple[str, date]],
    at: datetime,
) -> Learned:
    """Return what these answers and missed trips tell at a moment. Takes seconds for a country."""
    return learn(observations_of(answered, register, at), version="", runs=count_runs(network, missed, at))


def observations_of(answered: Sequence[Answered], register: Register, at: datetime) -> Observations:
    """Return answers as observations: open time for moments, and numbers for materials."""
    materials = sorted({name for each in answered for name in each.material if name is not None})
    number: dict[str | None, int] = {None: -1, **{name: position for position, name in enumerate(materials)}}
    answers = [answers_of(each.kind, _open_hours(each, register, at)) for each in answered]
    return Observations(
        places=tuple(place_of(register, each.location, at) for each in answered),
        materials=tuple(materials),
        place=np.repeat(np.arange(len(answered)), [len(each.asked) for each in answered]).astype(np.int64),
        material=_whole([np.array([number[name] for name in each.material], dtype=np.int64) for each in answered]),
        weekday=_whole([each.weekday - 1 for each in answered]),
        hour=_whole([each.hour for each in answered]),
        answer=_whole(answers),
        age_days=np.maximum(0, to_seconds(at) - _whole([each.ended for each in answered])) / 86_400,
    )


def _open_hours(answered: Answered, register: Register, at: datetime) -> Floats:
    """Return how many hours the location was open, as its hours are now, less the days on which it stood still."""
    place = find_location(register, answered.location)
    pauses = pauses_of(register, agency=place.agency, location=place.id, now=at)
    spans = [(_second(pause.since, 0), _second(pause.until, to_seconds(at))) for pause in pauses]
    seconds = open_between(place.opening_hours, register.timezone, answered.asked, answered.ended, pauses=spans)
    return seconds / 3600


def _second(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else to_seconds(moment)


def _whole(columns: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *columns])


# --- vans -----------------------------------------------------------------------------------------


def count_runs(network: Network, missed: Sequence[tuple[str, date]], at: datetime) -> dict[str, tuple[int, int]]:
    """Return by route how many dated trips the timetable has of the last TRIP_DAYS, and how many were missed.

    Both are of the version that is active now: what another one had before is not counted.
    """
    today = at.astimezone(network.zone).date().toordinal()
    first = max(today - TRIP_DAYS, network.days.first)
    if first >= today:
        return {}
    driven = network.days.active(first, today - first)
    trips = {trip.id: position for position, trip in enumerate(network.timetable.trips)}
    lost = np.zeros(len(trips), dtype=np.int64)
    for trip_id, day in missed:
        trip = trips.get(trip_id)
        if trip is not None and first <= day.toordinal() < today:
            lost[trip] += driven[network.trip_service[trip], day.toordinal() - first]
    planned = driven.sum(axis=1)[network.trip_service]
    routes = np.array([trip.route for trip in network.timetable.trips], dtype=np.int64)
    totals = [
        np.bincount(routes, weights=each, minlength=len(network.timetable.routes)).astype(int).tolist()
        for each in (planned, lost)
    ]
    return {
        route.id: (runs, gone) for route, runs, gone in zip(network.timetable.routes, *totals, strict=True) if runs
    }
