"""Who of a renewed decision is asked next, and how that is written down before it is done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from adapters.contract import Verb
from app.database import Connection
from app.lending.ask import taking_orders
from app.lending.availability import system_of
from app.lending.ground import Ground
from app.lending.lifecycle import Event
from app.lending.quotas import asked_enough, keeps_to_so_many
from app.lending.record import US, record, record_beside
from app.lending.renew import Copies, Renewed
from app.store.events import Told
from app.store.loans import Loan
from app.store.placements import ComingBack, Placement, committed, list_coming_back, open_placement
from routing import Register, RotaEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who may be chosen: `only` one location, however often it was asked, or those that may stand `beside` another.

    Those are of other agencies, so that one library never looks for two copies for one reader, and of no `unfit`
    system. Nobody is asked who has something of the same loan request to give back, and no other location of a system
    that has (`coming_back`).
    """

    coming_back: Collection[ComingBack] = ()
    only: str | None = None
    beside: Placement | None = None
    unfit: frozenset[str] = frozenset()

    def takes(self, entry: RotaEntry, register: Register) -> bool:
        """Say whether an entry may be chosen."""
        if self.only not in (None, entry.supplying_location):
            return False
        system = system_of(register, entry.supplying_location, agency=entry.supplying_agency)
        if still_has(self.coming_back, entry.supplying_location, system) or system in self.unfit:
            return False
        agency = None if self.beside is None else self.beside.supplying_agency
        return agency is None or entry.supplying_agency != agency


def still_has(coming_back: Collection[ComingBack], location: str, system: str | None) -> bool:
    """Say whether a location, or its system, still has to give an order of the same loan request back."""
    return any(one.location == location or (system is not None and one.system == system) for one in coming_back)


async def may_be_beside(ground: Ground, connection: Connection, lead: Placement, renewed: Renewed) -> Choice | None:
    """Return who may be asked beside whoever leads; None: nobody, as its system could not be told to give it back.

    Neither may who would have to be told so and cannot be, and of a system that has one order no second is asked. For
    systems that take no orders people answer.
    """
    register = renewed.register
    systems = {
        system_of(register, entry.supplying_location, agency=entry.supplying_agency)
        for entry in renewed.decision.rota
    }
    keeping = {
        system_id
        for system_id in (systems | {lead.system}) - {None}
        if (system := await taking_orders(ground, connection, system_id)) is not None
        and Verb.CANCEL not in system.capabilities().verbs
    }
    if lead.system in keeping:
        return None
    coming_back = await list_coming_back(connection, lead.loan_request)
    unfit = keeping if lead.system is None else keeping | {lead.system}
    return Choice(beside=lead, unfit=frozenset(filter(None, unfit)), coming_back=coming_back)


async def first_with_copy(
    connection: Connection, renewed: Renewed, *, at: datetime, choice: Choice
) -> tuple[RotaEntry | None, list[str]]:
    """Return the first of the rota that has a copy, and who that passes over as it was asked often enough today.

    Who was is asked all the same where nobody else is left, but never beside another.
    """
    taken = await committed(connection, renewed.titles)
    able = []
    for entry in renewed.decision.rota:
        if not choice.takes(entry, renewed.register):
            continue
        spoken_for = taken.get(entry.supplying_location)
        if spoken_for is None or renewed.copies.get(entry.supplying_location, Copies()).suffice(spoken_for):
            able.append(entry)
    if choice.only is not None or not any(keeps_to_so_many(entry) for entry in able):
        return next(iter(able), None), []
    full = await asked_enough(connection, able, renewed.register, at=at)
    chosen = next((entry for entry in able if entry.supplying_location not in full), None)
    if chosen is None and choice.beside is None:
        chosen = able[0]
    passed_over = able if chosen is None else able[: able.index(chosen)]
    return chosen, [f"{one.supplying_location} has been asked today as often as it takes." for one in passed_over]


async def write_down(
    ground: Ground,
    connection: Connection,
    loan: Loan,
    renewed: Renewed,
    entry: RotaEntry,
    changed: list[str],
    *,
    at: datetime,
    beside: bool = False,
) -> tuple[Loan, Placement]:
    """Write down who is going to be asked; where its placement names no system, people have been asked by that."""
    system_id = system_of(renewed.register, entry.supplying_location, agency=entry.supplying_agency)
    number = loan.placements + 1
    placement = await open_placement(
        connection,
        loan=loan.id,
        number=number,
        agency=entry.supplying_agency,
        location=entry.supplying_location,
        system=system_id if await taking_orders(ground, connection, system_id) is not None else None,
        titles=renewed.titles,
        expected_at=entry.arrives_at,
        at=at,
        beside=beside,
        alone=loan.chosen == entry.supplying_location,
    )
    told = Told(at=at, by=US, data=_data(renewed, entry, changed))
    asked = [*loan.asked, entry.supplying_location]
    if beside:
        loan = await record_beside(
            connection, loan, placement, Event.ASKED_BESIDE, told, asked=asked, placements=number
        )
        return loan, placement
    loan = await record(
        connection,
        loan,
        Event.PLACING,
        told,
        supplying_agency=entry.supplying_agency,
        supplying_location=entry.supplying_location,
        asked=asked,
        chosen=None,
        placements=number,
        expected_at=entry.arrives_at,
    )
    return loan, placement


def _data(renewed: Renewed, entry: RotaEntry, changed: list[str]) -> dict[str, object]:
    return {
        "rank": entry.rank,
        "arrives_at": entry.arrives_at.isoformat(),
        "cost_cents": entry.cost_cents,
        "network_version": renewed.decision.network_version,
        "reasons": list(entry.reasons),
        "changed": changed,
    }
