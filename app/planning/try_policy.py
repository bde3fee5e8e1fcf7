"""What another policy would have changed: loan requests of the last days, decided twice and laid side by side."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.aside import aside
from app.database import Database
from app.lending.burdens import BALANCE_DAYS
from app.lending.policies import Draft, whole
from app.lending.renew import asked_in
from app.lending.snapshot import State
from app.store.burdens import read_net_loans
from app.store.holders import find_many_holders, key_of
from app.store.policies import version_of
from app.store.samples import Decided, count_decided, list_decided
from routing import Agreement, Burdens, Decision, Holding, UnknownLocation, UnknownMoment, Version, agree, decide

AT_ONCE = 100  # loan requests, between which others of the process get their turn
SECONDS = 60.0
"""How long trying one out may take, with the waiting for its turn."""
KEPT = 1000  # that differ
SUPPLIERS = 100
DRAFT = 0  # the number of a version that nobody wrote


class TryingTooSlow(Exception):  # noqa: N818 - named as the problem it becomes
    """A policy could not be tried out in time."""


@dataclass(frozen=True, slots=True)
class First:
    """Who would be asked first; all None: nobody can fill it."""

    supplying_agency: str | None = None
    supplying_location: str | None = None
    arrives_at: datetime | None = None
    cost_cents: int | None = None
    handlings: int | None = None


@dataclass(frozen=True, slots=True)
class Different:
    """A loan request whose first supplier, moment or cost would be another."""

    loan_request: UUID
    pickup_location: str
    before: First
    after: First


@dataclass(frozen=True, slots=True)
class Tried:
    """The figures, as the API answers them, and the first of those that differ."""

    summary: dict[str, Any]
    different: list[Different]


async def try_policy(
    database: Database,
    state: State,
    draft: Draft,
    *,
    now: datetime,
    days: int,
    sample: int,
    seed: int,
    turn: asyncio.Lock,
) -> Tried:
    """Decide what was submitted in the last days twice: as it stands, and as if the draft had always held.

    Of more than `sample` loan requests so many are drawn, the same for the same seed. What is out at the moment
    counts as in: it was not, or will not be, when the loan request came. `turn` is held meanwhile. Raises
    TryingTooSlow after SECONDS, of which nothing is left behind but the block that a thread is at.
    """
    try:
        async with asyncio.timeout(SECONDS), turn:
            return await _try(database, state, draft, now=now, days=days, sample=sample, seed=seed)
    except TimeoutError:
        raise TryingTooSlow(f"It was not tried out within {SECONDS:g} seconds; nothing was changed.") from None


async def _try(
    database: Database, state: State, draft: Draft, *, now: datetime, days: int, sample: int, seed: int
) -> Tried:
    since = now - timedelta(days=days)
    async with database.connection() as connection:
        document = await whole(connection, draft)
        submitted = await count_decided(connection, since, now)
        drawn = await list_decided(connection, since, now, limit=sample, seed=seed)
    version = version_of(
        document, id_=DRAFT, valid_from=draft.valid_from, province=draft.province, agency=draft.agency
    )
    after = replace(state, agreement=as_if(state.agreement, version))
    burdens = await _balances(database, now) if state.agreement.weighs or after.agreement.weighs else Burdens()
    tally = _Tally()
    for start in range(0, len(drawn), AT_ONCE):
        some = drawn[start : start + AT_ONCE]
        async with database.connection() as connection:
            held = await find_many_holders(connection, {key_of(one.isbn, one.ppn) for one in some})
        asked = [(one, held[key].holdings if (key := key_of(one.isbn, one.ppn)) in held else ()) for one in some]
        await aside(_decide, tally, (state, after), asked, burdens)
    figures = {"since": since, "until": now, "submitted": submitted, **tally.figures()}
    return Tried(figures, tally.different)


async def _balances(database: Database, now: datetime) -> Burdens:
    """What was lent more than borrowed, as it is now; what is to be sent now says nothing of another day."""
    async with database.connection() as connection:
        return Burdens(await read_net_loans(connection, since=now - timedelta(days=BALANCE_DAYS), until=now))


def as_if(agreement: Agreement, draft: Version) -> Agreement:
    """What would be agreed if a version of one scope had always held, whatever others there are of that scope."""
    others = [version for version in agreement.versions if version.scope != draft.scope]
    return agree([replace(draft, valid_from=date.min), *others])


def _decide(
    tally: _Tally,
    states: tuple[State, State],
    some: Sequence[tuple[Decided, Sequence[Holding]]],
    burdens: Burdens,
) -> None:
    for one, holdings in some:
        held = [holding._replace(available=None) for holding in holdings]
        answers = [_first(state, one, held, burdens) for state in states] if held else [None, None]
        tally.count(one, answers)


def _first(state: State, one: Decided, holdings: Sequence[Holding], burdens: Burdens) -> First | None:
    """The first of the rota, which may be nobody; None where nothing can be decided."""
    question = replace(asked_in(one.question, one.pickup_location), limit=1)
    question = replace(question, requested_at=question.requested_at.astimezone(state.network.zone))
    policy = state.policy_for(one.pickup_location, question.requested_at)
    try:
        decision: Decision = decide(
            question, holdings, state.network, state.register, policy, state.responses_for(policy), burdens
        )
    except (UnknownLocation, UnknownMoment):
        return None
    if not decision.rota:
        return First()
    entry = decision.rota[0]
    return First(
        entry.supplying_agency, entry.supplying_location, entry.arrives_at, entry.cost_cents, entry.handlings
    )


class _Tally:
    """Counts as decisions come in."""

    def __init__(self) -> None:
        self.different: list[Different] = []
        self._asked = self._left_out = self._differ = self._both = 0
        self._filled = [0, 0]
        self._hours, self._cents, self._handlings = [0.0, 0.0], [0, 0], [0, 0]
        self._suppliers: tuple[Counter[str | None], Counter[str | None]] = (Counter(), Counter())

    def count(self, one: Decided, answers: Sequence[First | None]) -> None:
        """Count what one loan request was answered both times."""
        before, after = answers
        if before is None or after is None:
            self._left_out += 1
            return
        self._asked += 1
        if before != after:
            self._differ += 1
            if len(self.different) < KEPT:
                self.different.append(Different(one.loan_request, one.pickup_location, before, after))
        for side, first in enumerate((before, after)):
            if first.supplying_location is not None:
                self._filled[side] += 1
                self._suppliers[side][first.supplying_agency] += 1
        if before.supplying_location is not None and after.supplying_location is not None:
            self._both += 1
            requested = datetime.fromisoformat(one.question["requested_at"])
            for side, first in enumerate((before, after)):
                assert first.arrives_at is not None
                self._hours[side] += (first.arrives_at - requested).total_seconds() / 3600
                self._cents[side] += first.cost_cents or 0
                self._handlings[side] += first.handlings or 0

    def figures(self) -> dict[str, Any]:
        """Return what it comes to, as the API answers it."""
        return {
            "asked": self._asked,
            "left_out": self._left_out,
            "differ": self._differ,
            "filled": _beside(self._filled),
            "arrival_hours": self._mean(self._hours),
            "cost_cents": self._mean(self._cents),
            "handlings": self._mean(self._handlings),
            "suppliers": self._gains(),
        }

    def _mean(self, sums: Sequence[float]) -> dict[str, float] | None:
        return _beside([round(each / self._both, 2) for each in sums]) if self._both else None

    def _gains(self) -> list[dict[str, Any]]:
        before, after = self._suppliers
        moved = [name for name in before | after if before[name] != after[name]]
        moved.sort(key=lambda name: (-abs(after[name] - before[name]), name or ""))
        return [{"supplying_agency": name, **_beside((before[name], after[name]))} for name in moved[:SUPPLIERS]]


def _beside(both: Iterable[float]) -> dict[str, float]:
    before, after = both
    return {"before": before, "after": after}
