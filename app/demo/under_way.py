"""Leaves loan requests under way, so that whoever opens the console sees vans with something in them.

Like the lives of last month they are carried out in a clock that jumps; this one stops at the present, and people
answer for every system: nobody is left waiting for a machine that is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID

from app.demo.lives import Pace, askable, go_on, submit_ask
from app.demo.make import DemoFiles
from app.demo.stories import AMSTERDAM, Ask, Place
from app.lending.clock import SetClock
from app.lending.ground import Ground
from app.lending.systems import Systems
from app.resources import Resources
from app.store.loans import DuplicateRequestId, LoanFilters, list_loans

ASKS = 36
LONGEST_AGO = 14  # days
RECENT = 4
"""Half were asked within so many days: those are the ones that the vans carry."""
OURS = "demo-now-"
"""What their request ids begin with, so that the next demonstration carries them on."""
MOST = 1000


def draw_recent(files: DemoFiles, *, now: datetime, seed: int = 11) -> tuple[Ask, ...]:
    """Draw questions of the last days, the oldest first, at counters of one province after another."""
    chance = Random(seed)  # noqa: S311 - a seeded draw, so that everyone sees the same
    counters, works = askable(files)
    by_province: defaultdict[str, list[Place]] = defaultdict(list)
    for counter in counters:
        by_province[counter.province].append(counter)
    provinces = sorted(by_province)
    asks = []
    for number, work in enumerate(chance.sample(works, ASKS)):
        counter = chance.choice(by_province[provinces[number % len(provinces)]])
        ago = chance.randint(1, RECENT if number % 2 else LONGEST_AGO)
        day = now.astimezone(AMSTERDAM).date() - timedelta(days=ago)
        at = datetime.combine(day, time(9), AMSTERDAM) + timedelta(minutes=chance.randrange(480))
        asks.append(Ask(work, counter, at))
    return tuple(sorted(asks, key=lambda ask: (ask.requested_at, ask.pickup.id)))


async def leave_under_way(resources: Resources, asks: Sequence[Ask], *, today: date, now: datetime) -> int:
    """Submit what is new, carry everything on until `now`, and return how many are under way then."""
    clock = SetClock(asks[0].requested_at)
    ground = replace(resources.ground, clock=clock, systems=Systems(), availability=None)
    paces: dict[UUID, Pace] = {}
    for number, ask in enumerate(asks):
        with suppress(DuplicateRequestId):  # by a demonstration of the same day
            request_id = f"{OURS}{today:%Y%m%d}-{number}"
            paces[await submit_ask(ground, ask, request_id)] = pace_of(request_id)
            following = asks[number + 1].requested_at if number + 1 < len(asks) else now
            await go_on(ground, clock, paces, until=following)
    clock.set(now)
    await go_on(ground, clock, await _ours(ground), until=now)
    return len(await _ours(ground))


def pace_of(request_id: str) -> Pace:
    """Draw how the people around a loan request go about it, always the same for the same one."""
    chance = Random(request_id)  # noqa: S311 - a seeded draw
    return Pace(
        answering=timedelta(minutes=chance.choice((45, 180, 300, 1200, 1800))),
        reading=timedelta(days=chance.randint(2, 9)),
        declines=int(chance.random() < 0.2),
        comes=chance.random() > 0.08,
    )


async def _ours(ground: Ground) -> dict[UUID, Pace]:
    """Return those that have not ended, of whichever day."""
    async with ground.database.connection() as connection:
        open_ones = await list_loans(connection, LoanFilters(open_only=True), before=None, limit=MOST)
    named = {UUID(str(loan["id"])): str(loan["requesting_agency_request_id"]) for loan in open_ones}
    return {loan: pace_of(request_id) for loan, request_id in named.items() if request_id.startswith(OURS)}
