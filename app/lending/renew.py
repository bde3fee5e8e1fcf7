"""Decides again for a loan request under way: with those not asked yet, as things are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from app.lending.choose import TitleKey, choose, look_up
from app.lending.ground import Ground
from app.store.holders import Holders
from app.store.loans import Loan
from app.store.placements import Committed, committed, find_titles
from routing import Decision, Holding, Objective, Question, Register

LONG_ROTA = 200
"""So many entries are looked through for one that is not simply the first."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The decision of this moment, the titles it is about, the copies by location, and the register."""

    decision: Decision
    titles: tuple[int, ...]
    copies: Mapping[str, Copies]
    register: Register


class Copies(NamedTuple):
    """How many copies a location lends of: on the shelf, as far as is known, and in all."""

    on_shelf: int = 0
    all: int = 0

    def suffice(self, spoken_for: Committed) -> bool:
        """Say whether there is one more than are spoken for: on the shelf for what is to be sent, in all for all."""
        return spoken_for.unshipped < self.on_shelf and spoken_for.all < self.all


async def renew(
    ground: Ground, loan: Loan, *, at: datetime, first: str | None = None, limit: int | None = None
) -> Renewed:
    """Decide again at `at`, leaving out who had their turn; the location `first`, which somebody chose, comes first.

    The rota has as many entries as was asked for, or `limit`.
    Raises NotReady, routing.UnknownLocation or DatabaseUnavailable.
    """
    holders = await look_up(ground.database, TitleKey(isbn=loan.isbn, ppn=loan.ppn))
    async with ground.database.connection() as connection:
        titles = await find_titles(connection, isbn=loan.isbn, ppn=loan.ppn)
        taken = await committed(connection, titles)
    question = replace(as_question(loan, at=at), first=first)
    holdings = [less(holding, taken) for holding in holders.holdings]
    decision = await choose(
        ground.snapshot,
        title=TitleKey(isbn=loan.isbn, ppn=loan.ppn),
        holders=Holders(holders.standing, True, holdings),
        question=question if limit is None else replace(question, limit=limit),
        availability=ground.availability,
        deadline_seconds=ground.live_deadline_seconds,
    )
    register = (await ground.snapshot.at(holders.standing)).register
    return Renewed(decision, tuple(titles), copies_of(holders.holdings), register)


def as_question(loan: Loan, *, at: datetime) -> Question:
    """Return what the engine is asked for a loan request at a moment: never earlier than it was wanted."""
    question = asked_in(loan.question, loan.pickup_location)
    return replace(
        question,
        requested_at=max(at, question.requested_at),
        excluded=question.excluded.union(loan.asked),
        service_level=loan.service_level,
    )


def asked_in(asked: Mapping[str, Any], pickup_location: str) -> Question:
    """Return what the engine is asked by the question of a loan request, as that is kept."""
    needed = asked.get("need_before")
    return Question(
        pickup_location=pickup_location,
        requested_at=datetime.fromisoformat(asked["requested_at"]),
        objective=Objective(asked["objective"]) if asked.get("objective") else None,
        need_before=datetime.fromisoformat(needed) if needed else None,
        max_cost_cents=asked.get("max_cost_cents"),
        limit=asked["limit"],
        excluded=frozenset(asked.get("exclude", ())),
    )


def copies_of(holdings: list[Holding]) -> dict[str, Copies]:
    """Return by location how many copies can be promised: those on the shelf, or (unknown) all."""
    found: dict[str, Copies] = {}
    for holding in holdings:
        if holding.loanable:
            count = holding.copies if holding.available is None else min(holding.copies, holding.available)
            before = found.get(holding.location, Copies())
            found[holding.location] = Copies(before.on_shelf + count, before.all + holding.copies)
    return found


def less(holding: Holding, taken: Mapping[str, Committed]) -> Holding:
    """Return a holding without the copies that are spoken for.

    What is not shipped yet still stands on the shelf, and is counted there; what is on its way may or may not have
    been counted out by the last import, so it is only held against the copies in all.
    """
    spoken_for = taken.get(holding.location)
    if spoken_for is None or not holding.loanable:
        return holding
    on_shelf = holding.copies if holding.available is None else holding.available - spoken_for.unshipped
    return holding._replace(available=max(0, min(on_shelf, holding.copies - spoken_for.all)))


def what_changed(before: Mapping[str, Any], now: Decision, asked: tuple[str, ...]) -> list[str]:
    """Return in sentences how a renewed decision differs from the one before it (as the API answers it)."""
    said = []
    if before["network_version"] != now.network_version:
        said.append(f"The network is now version {now.network_version}.")
    offered = {entry.supplying_location: entry for entry in now.rota}
    refused = {refusal.supplying_location: refusal for refusal in now.refusals}
    for entry in before["rota"]:
        location = entry["supplying_location"]
        if location in asked:
            continue
        if location not in offered:
            why = refused.get(location)
            said.append(
                f"{location} can no longer supply: {why.detail if why else 'it is no longer among the first.'}"
            )
        elif offered[location].arrives_at != datetime.fromisoformat(entry["arrives_at"]):
            said.append(f"From {location} it would now arrive at {offered[location].arrives_at:%Y-%m-%d %H:%M}.")
    known = {entry["supplying_location"] for entry in before["rota"]}
    said += [f"{location} can supply now." for location in offered if location not in known]
    return said[:20]
