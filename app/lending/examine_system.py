"""Tries what a system offers, one verb after another, and says what works. Nothing in it is changed by that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

from adapters.contract import (
    Barred,
    LibrarySystem,
    NotFound,
    NotOffered,
    NotThere,
    Order,
    Refused,
    Snapshot,
    SystemFault,
    Title,
    Verb,
)

Outcome = Literal["works", "fails", "not_tried", "not_offered"]

# To try these would be to do something: place an order, book an item.
CHANGES = frozenset({Verb.PLACE, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN, Verb.ACCEPT_ITEM})
# No order has this receipt or key: a system that says so understood the question.
NOBODYS = "0"
SHOWN = 100
NAMED = 10


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one verb. `detail` names what was found or what went wrong, and no secret."""

    verb: Verb
    outcome: Outcome
    detail: str
    milliseconds: int | None = None


class NotAsked(Exception):  # noqa: N818 - says what happened
    """There was nothing to ask the system; the message says why."""


@dataclass(slots=True)
class Examination:
    """What came of all verbs, and the branch names that the branch map does not know."""

    tried: list[Tried] = field(default_factory=list)
    unmapped: set[str] = field(default_factory=set)

    @property
    def went_well(self) -> bool:
        """Say whether something was asked, and nothing of it failed."""
        outcomes = {tried.outcome for tried in self.tried}
        return "works" in outcomes and "fails" not in outcomes


async def examine(system: LibrarySystem, *, title: Title, supplying: str, pickup: str) -> Examination:
    """Try every verb with a title that should stand at `supplying`."""
    found = Examination()
    references: list[str] = []
    offered = system.capabilities().verbs
    order = Order(
        loan_request=NOBODYS,
        reference=NOBODYS,
        isbn=title.isbn,
        ppn=title.ppn,
        supplying_location=supplying,
        pickup_location=pickup,
    )

    async def resolve() -> str:
        if not any(getattr(title, scheme.value) is not None for scheme in system.capabilities().schemes):
            raise NotAsked("It does not know titles by the number that this one was named by.")
        references.extend(await system.resolve(title))
        return f"{len(references)} records are this title"

    async def availability() -> str:
        if not references:
            raise NotAsked("No record of the title was found to ask about: try another title.")
        snapshots = await system.availability(references[: max(1, system.capabilities().batch)])
        found.unmapped.update(_unmapped(snapshots))
        return f"{len(snapshots)} branches or copies"

    async def prepare() -> str:
        quote = await system.prepare(order)
        return "an order would be taken" if quote.possible else f"an order would not be taken: {quote.reason}"

    async def find() -> str:
        receipt = await system.find(order, key=NOBODYS)
        return "no such order stands" if receipt is None else "such an order stands"

    async def status() -> str:
        return f"the answer is {(await system.status(NOBODYS)).answer}"

    async def harvest() -> str:
        async for page in system.harvest():
            for change in page.changes:
                found.unmapped.update(
                    held.branch for held in getattr(change, "holdings", ()) if held.location is None
                )
            return f"the first page has {len(page.changes)} records, {len(page.rejects)} could not be read"
        return "there are no records"

    tries: dict[Verb, Callable[[], Awaitable[str]]] = {
        Verb.RESOLVE: resolve,
        Verb.AVAILABILITY: availability,
        Verb.PREPARE: prepare,
        Verb.FIND: find,
        Verb.STATUS: status,
        Verb.HARVEST: harvest,
    }
    for verb in Verb:
        if verb not in offered:
            found.tried.append(Tried(verb, "not_offered", "The system does not have it."))
        elif verb in CHANGES:
            found.tried.append(Tried(verb, "not_tried", "It would change something."))
        else:
            found.tried.append(await _try(verb, tries[verb]))
    found.tried = _doubted(found.tried)
    return found


def _doubted(tried: list[Tried]) -> list[Tried]:
    """Take back that a status works where all that was asked over the same way fails: the no may be anybody's."""
    others = {one.outcome for one in tried if one.verb is not Verb.STATUS and one.verb is not Verb.HARVEST}
    if "fails" not in others or "works" in others:
        return tried
    return [
        replace(one, outcome="fails", detail="It answered no, as it did to all else that was asked.")
        if one.verb is Verb.STATUS and one.outcome == "works"
        else one
        for one in tried
    ]


def warnings_of(system: str, by_hand: Sequence[str]) -> list[str]:
    """Return what is to be said of locations that answer by hand although their agency uses the system.

    An agency's row and its locations' rows each name a system: one that is left out takes the location out of it.
    """
    if not by_hand:
        return []
    named = ", ".join(by_hand[:NAMED]) + (f" and {len(by_hand) - NAMED} more" if len(by_hand) > NAMED else "")
    one = len(by_hand) == 1
    subject = "1 location of this system answers" if one else f"{len(by_hand)} locations of this system answer"
    why = "as its own row names no system" if one else "as their own rows name no system"
    return [
        f"{subject} by hand, {why}: {named}. No decision asks {system} about copies there, and no order goes there by"
        f" it. Import the rows again with {system} in the column system."
    ]


async def _try(verb: Verb, call: Callable[[], Awaitable[str]]) -> Tried:
    started = perf_counter()

    def took() -> int:
        return round((perf_counter() - started) * 1000)

    try:
        detail = await call()
    except NotAsked as why:
        return Tried(verb, "not_tried", str(why))
    except NotOffered:
        return Tried(verb, "not_offered", "The system does not have it.")
    except NotThere as absent:
        if verb is not Verb.STATUS:  # the number of an order that nobody has may well be a path that is not there
            return Tried(verb, "fails", f"Nothing is at this address: {absent}. Is the address right?", took())
        return Tried(verb, "works", "It answered that it knows no such thing.", took())
    except Barred as no:
        return Tried(verb, "fails", f"Something before the system does not let us through: {no}.", took())
    except NotFound:
        return Tried(verb, "works", "It answered that it knows no such thing.", took())
    except Refused as refused:
        return Tried(verb, "works", f"It answered no: {refused.reason}.", took())
    except SystemFault as fault:
        return Tried(verb, "fails", f"{type(fault).__name__}: {fault}", took())
    return Tried(verb, "works", f"It answered: {detail}.", took())


def _unmapped(snapshots: list[Snapshot]) -> set[str]:
    return {snapshot.branch for snapshot in snapshots if snapshot.location is None}
