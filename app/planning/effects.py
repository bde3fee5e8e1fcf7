"""Which decisions another network changes: the same questions are put to both, and the answers laid side by side."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.aside import aside
from app.database import Database
from app.lending.choose import TitleKey, look_up
from app.lending.snapshot import State
from app.store.samples import Asked, list_asked, list_pickups, list_titles
from app.store.timetable import Content, as_timetable
from routing import (
    Burdens,
    Decision,
    Holding,
    Network,
    Question,
    UnknownLocation,
    UnknownMoment,
    compile_network,
    decide,
    without,
)

CACHE_BYTES = 64 * 2**20
ROTA = 1  # only the first supplier is looked at


@dataclass(frozen=True, slots=True)
class Answer:
    """Whom a network would ask first, and when the item would be there; all None: nobody can fill it."""

    supplier: str | None
    arrival: datetime | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A question whose answer changes. Of a loan request (None: made up) it is told where it was asked, not what."""

    loan: UUID | None
    pickup_location: str
    isbn: str | None
    ppn: str | None
    before: Answer
    after: Answer


@dataclass(frozen=True, slots=True)
class Effects:
    """How many questions were put to both networks, how many of them were made up, and the answers that differ."""

    asked: int
    generated: int
    effects: tuple[Effect, ...]


async def find_effects(
    database: Database,
    state: State,
    before: tuple[str, Content],
    after: tuple[str, Content],
    *,
    sample: int,
    seed: int,
    now: datetime,
    burdens: Burdens | None,
) -> Effects:
    """Ask the newest loan requests again, and made-up ones where there are too few, as if they were asked at `now`.

    Both networks are asked with the same `burdens`, as decisions are (None: nobody has agreed that they count). The
    same seed makes up the same questions as long as the catalogue stays the same. Library systems are not asked.
    """
    asked = await _questions(database, sample=sample, seed=seed)
    networks = [await aside(_network, state, *version) for version in (before, after)]
    found: list[Effect] = []
    for one in asked:
        holders = await look_up(database, TitleKey(isbn=one.isbn, ppn=one.ppn))
        question = Question(
            pickup_location=one.pickup_location, requested_at=now.astimezone(state.network.zone), limit=ROTA
        )

        def answers(question: Question = question, holdings: Sequence[Holding] = holders.holdings) -> list[Answer]:
            return [_answer(network, state, question, holdings, burdens) for network in networks]

        was, now_is = await aside(answers)
        if was != now_is:
            told = (one.isbn, one.ppn) if one.loan is None else (None, None)
            found.append(Effect(one.loan, one.pickup_location, *told, was, now_is))
    return Effects(len(asked), sum(one.loan is None for one in asked), tuple(found))


async def _questions(database: Database, *, sample: int, seed: int) -> list[Asked]:
    async with database.connection() as connection:
        asked = await list_asked(connection, limit=sample)
        if len(asked) == sample:
            return asked
        titles = await list_titles(connection, seed=seed, limit=sample)
        pickups = await list_pickups(connection)
    if not titles or not pickups:
        return asked
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    made = [
        Asked(isbn, ppn, chance.choice(pickups))
        for isbn, ppn in (chance.choice(titles) for _ in range(sample - len(asked)))
    ]
    return asked + made


def _network(state: State, version: str, content: Content) -> Network:
    if version == state.network.version:
        return state.network
    network = compile_network(as_timetable(content, version), cache_bytes=CACHE_BYTES)
    return without(network, state.network.stopped.said)


def _answer(
    network: Network,
    state: State,
    question: Question,
    holdings: Sequence[Holding],
    burdens: Burdens | None,
) -> Answer:
    policy = state.policy_for(question.pickup_location, question.requested_at)
    try:
        decision: Decision = decide(
            question, holdings, network, state.register, policy, state.responses_for(policy), burdens
        )
    except (UnknownLocation, UnknownMoment):
        return Answer(None, None)
    if not decision.rota:
        return Answer(None, None)
    first = decision.rota[0]
    return Answer(first.supplying_location, first.arrives_at)
