"""The rules that refuse. Nothing disappears: whoever is refused keeps the first reason, and a sentence on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from routing.costs import euros
from routing.model import Agency, Holding, Lending, Location, Period, Policy, Question, Reason, Refusal, Register
from routing.policies import lending_of, lent_from
from routing.register import Side, Standing, covers, standing_of, standing_still, steady


class Candidate(NamedTuple):
    """A location that holds the title, with the agency that answers for it when asked and the side it pays on.

    `owner` is where its copies belong, if they only stay there. A tuple, as `Offer` is.
    """

    holding: Holding
    location: Location
    agency: Agency | None
    side: Side
    owner: Standing | None = None

    @property
    def supplying_agency(self) -> str | None:
        """The ISIL of the agency in force, or None where nobody is known."""
        return None if self.agency is None else self.agency.isil


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules look at, apart from the candidate. `day` is that of the question, in the register's timezone."""

    question: Question
    policy: Policy
    pickup_agency: Agency | None
    day: date = date.max


def refuse(candidate: Candidate, reason: Reason, detail: str) -> Refusal:
    """The refusal of a candidate."""
    return Refusal(candidate.supplying_agency, candidate.location.id, reason, detail)


def screen(
    holdings: Iterable[Holding], register: Register, situation: Situation
) -> tuple[list[Candidate], list[Refusal]]:
    """Split the holders of a title into those that may be asked and those that may not, each with its reason."""
    moment = situation.question.requested_at
    # What cannot refuse is not asked: most questions exclude nobody, and most locations are steady.
    excludes, lends = bool(situation.question.excluded), situation.policy.lending is not None
    rules, rules_for_steady = (_rules(excludes, lends, steadily) for steadily in (False, True))
    known = steady(register)
    asked: list[Candidate] = []
    refused: list[Refusal] = []

    def candidate_of(holding: Holding) -> Candidate:
        standing = known.get(holding.location) or standing_of(register, holding.location, moment)
        if holding.home is None:
            return Candidate(holding, *standing)
        return Candidate(holding, *standing, known.get(holding.home) or standing_of(register, holding.home, moment))

    def fits(holding: Holding) -> bool:
        return _lent_from(candidate_of(holding), situation) <= situation.day

    for holding in one_per_location(holdings, situation.policy, fits if lends else None):
        standing = known.get(holding.location)
        if standing is not None and holding.home is None:  # nearly always; a call would cost as much as the rest
            candidate = Candidate(holding, *standing)
        else:
            candidate = candidate_of(holding)
        for reason, rule in rules if standing is None else rules_for_steady:
            detail = rule(candidate, situation)
            if detail is not None:
                refused.append(refuse(candidate, reason, detail))
                break
        else:
            asked.append(candidate)
    return asked, refused


def behind(holdings: Iterable[Holding], register: Register, situation: Situation) -> tuple[int, ...]:
    """The versions of the policies that a decision about these holders is made with, in order."""
    book, moment = situation.policy.lending, situation.question.requested_at
    if book is None:
        return situation.policy.versions
    found = set(situation.policy.versions)
    known = steady(register)
    for location in {name for holding in holdings for name in (holding.location, holding.home) if name is not None}:
        side = (known.get(location) or standing_of(register, location, moment)).side
        found.update(lending_of(book, side.agency, side.province).versions)
    return tuple(sorted(found))


def one_per_location(
    holdings: Iterable[Holding], policy: Policy, fits: Callable[[Holding], bool] | None = None
) -> list[Holding]:
    """The holdings with those of one location as one, where the first of them stood.

    Copies that may not travel say nothing about those that may: what is available counts only copies that can
    be lent, works of the special channel are left out where there are others, and so is what does not `fit` the
    rules of who lends it.
    """
    holdings = list(holdings)
    by_location = {holding.location: holding for holding in holdings}
    if len(by_location) == len(holdings):
        return holdings
    by_location.clear()
    several: dict[str, list[Holding]] = {}
    for holding in holdings:
        if holding.location in by_location:
            several.setdefault(holding.location, [by_location[holding.location]]).append(holding)
        else:
            by_location[holding.location] = holding
    for location, together in several.items():
        fitting = together if fits is None else [holding for holding in together if fits(holding)]
        # Of what does not fit, one speaks for all: it is refused.
        by_location[location] = as_one(fitting or _ordinary(together, policy)[:1], policy)
    return list(by_location.values())


def _ordinary(together: Sequence[Holding], policy: Policy) -> Sequence[Holding]:
    return [h for h in together if h.material not in policy.special_materials] or together


def as_one(together: Sequence[Holding], policy: Policy) -> Holding:
    """What a location has of a title, of one holding or more."""
    ordinary = _ordinary(together, policy)
    lent = [h for h in ordinary if h.loanable] or ordinary
    available = [h.available for h in lent]
    known = [count for count in available if count is not None]
    return Holding(
        location=together[0].location,
        copies=sum(h.copies for h in ordinary),
        available=sum(known) if len(known) == len(available) else None,
        loanable=lent[0].loanable,
        material=ordinary[0].material,
        added_on=ordinary[0].added_on,
        home=ordinary[0].home,
    )


# --- the rules, in order --------------------------------------------------------------------------


def _special_channel(candidate: Candidate, situation: Situation) -> str | None:
    material = candidate.holding.material
    if material not in situation.policy.special_materials:
        return None
    return f"Works for readers with a disability ({material}) come through their own national channel, not by van."


def _not_participating(candidate: Candidate, situation: Situation) -> str | None:
    moment = situation.question.requested_at
    location, agency, own = candidate.location, candidate.agency, situation.pickup_agency
    if not covers(location.valid, moment):
        return f"{location.id} {_outside(location.valid, moment)}."
    if agency is None:
        return None
    if not covers(agency.valid, moment):
        ended = agency.valid.until is not None and agency.valid.until <= moment
        return f"{agency.isil} {_outside(agency.valid, moment)}{', and nobody has taken its place' if ended else ''}."
    if not agency.supplies and (own is None or own.isil != agency.isil):
        return f"{agency.isil} does not supply to other agencies."
    return None


def _suspended(candidate: Candidate, situation: Situation) -> str | None:
    moment = situation.question.requested_at
    location, agency = candidate.location, candidate.agency
    if location.suspensions and (period := standing_still(location.suspensions, moment)):
        return f"{location.id} stands still{_until(period)}."
    if agency is not None and agency.suspensions and (period := standing_still(agency.suspensions, moment)):
        return f"{agency.isil} stands still{_until(period)}."
    return None


def _excluded(candidate: Candidate, situation: Situation) -> str | None:
    if candidate.location.id == situation.question.first:
        return None
    excluded = situation.question.excluded
    for name in (candidate.location.id, candidate.supplying_agency, candidate.location.agency):
        if name in excluded:
            return f"The request excludes {name}."
    return None


def _not_lent(candidate: Candidate, situation: Situation) -> str | None:
    material, lending = candidate.holding.material, _lending(candidate, situation)
    if not _leaves_its_agency(candidate, situation) or material not in (lending.not_lent or ()):
        return None
    return f"{_whoever(candidate)} does not lend this material ({material}) to other agencies."


def _too_new(candidate: Candidate, situation: Situation) -> str | None:
    first = _lent_from(candidate, situation)
    if first <= situation.day:
        return None
    where = "other agencies" if _leaves_its_agency(candidate, situation) else "other locations"
    added = candidate.holding.added_on
    return f"In the collection since {added}; {_whoever(candidate)} lends it to {where} from {first}."


def _lent_from(candidate: Candidate, situation: Situation) -> date:
    """The first day on which a candidate's copies may go where they are asked for."""
    if _goes_nowhere(candidate, situation):
        return date.min
    to_others = _leaves_its_agency(candidate, situation)
    first = lent_from(candidate.holding, _lending(candidate, situation), to_others=to_others)
    return date.max if first is None else first


def _lending(candidate: Candidate, situation: Situation) -> Lending:
    """What the side has said that the copies belong to, wherever they stay."""
    book, side = situation.policy.lending, candidate.side if candidate.owner is None else candidate.owner.side
    return Lending() if book is None else lending_of(book, side.agency, side.province)


def _goes_nowhere(candidate: Candidate, situation: Situation) -> bool:
    """Whether it is asked for where it stands, or where it belongs."""
    return situation.question.pickup_location in (candidate.location.id, candidate.holding.home)


def _leaves_its_agency(candidate: Candidate, situation: Situation) -> bool:
    if _goes_nowhere(candidate, situation):
        return False
    own, whose = situation.pickup_agency, _owner(candidate)
    return whose is None or own is None or whose.isil != own.isil


def _owner(candidate: Candidate) -> Agency | None:
    return candidate.agency if candidate.owner is None else candidate.owner.agency


def _whoever(candidate: Candidate) -> str:
    agency = _owner(candidate)
    return agency.isil if agency is not None else candidate.holding.home or candidate.location.id


def day_of(moment: datetime, register: Register) -> date:
    """The day of a moment where the register is."""
    return moment.astimezone(ZoneInfo(register.timezone)).date()


def _no_copies(candidate: Candidate, _: Situation) -> str | None:
    return "No copies are left here." if candidate.holding.copies <= 0 else None


def _not_loanable(candidate: Candidate, _: Situation) -> str | None:
    return None if candidate.holding.loanable else "The copies here are not for loan."


def _unavailable(candidate: Candidate, _: Situation) -> str | None:
    available = candidate.holding.available
    return "Every copy here is out." if available is not None and available <= 0 else None


Rule = Callable[[Candidate, Situation], str | None]

RULES: tuple[tuple[Reason, Rule], ...] = (
    (Reason.SPECIAL_CHANNEL, _special_channel),
    (Reason.NOT_PARTICIPATING, _not_participating),
    (Reason.SUSPENDED, _suspended),
    (Reason.EXCLUDED, _excluded),
    (Reason.NOT_LENT, _not_lent),
    (Reason.TOO_NEW, _too_new),
    (Reason.NO_COPIES, _no_copies),
    (Reason.NOT_LOANABLE, _not_loanable),
    (Reason.UNAVAILABLE, _unavailable),
)


@cache
def _rules(excludes: bool, lends: bool, steadily: bool) -> tuple[tuple[Reason, Rule], ...]:
    """Those that may refuse: where anyone is excluded, has rules of lending, or does not stand alike at all times."""
    idle: set[Reason] = set()
    if not excludes:
        idle |= {Reason.EXCLUDED}
    if not lends:
        idle |= {Reason.NOT_LENT, Reason.TOO_NEW}
    if steadily:
        idle |= {Reason.NOT_PARTICIPATING, Reason.SUSPENDED}
    return tuple(row for row in RULES if row[0] not in idle)


def may_lend(holding: Holding, policy: Policy) -> bool:
    """Whether nothing about the holding itself refuses it, whoever has it and whoever asks: as the rules above."""
    return (
        holding.material not in policy.special_materials
        and holding.copies > 0
        and holding.loanable
        and (holding.available is None or holding.available > 0)
    )


# --- the rules that need to know the way ----------------------------------------------------------


def too_dear(candidate: Candidate, cost_cents: int, most_cents: int, *, said_by: str = "request") -> Refusal:
    """Refuse what costs more than the request, or the policy, allows."""
    detail = f"Costs {euros(cost_cents)}; the {said_by} allows {euros(most_cents)}."
    return refuse(candidate, Reason.TOO_DEAR, detail)


def too_late(candidate: Candidate, earliest: datetime, needed: datetime) -> Refusal:
    """Refuse what cannot be there before it is needed."""
    detail = f"Arrives at the earliest on {spoken(earliest)}; needed before {spoken(needed)}."
    return refuse(candidate, Reason.TOO_LATE, detail)


def unreachable(candidate: Candidate, detail: str) -> Refusal:
    """Refuse what never gets there."""
    return refuse(candidate, Reason.UNREACHABLE, detail)


def never_ready(candidate: Candidate) -> Refusal:
    """Refuse what is never made ready to travel."""
    location = candidate.location
    detail = f"{location.id} is not open for {location.handling_minutes} minutes of handling within a year."
    return unreachable(candidate, detail)


def spoken(moment: datetime) -> str:
    """A moment as a person reads it; seconds only where there are any."""
    return f"{moment:%a %d %b %Y %H:%M:%S}".removesuffix(":00")


def _outside(period: Period, moment: datetime) -> str:
    if period.since is not None and moment < period.since:
        return f"takes part from {spoken(period.since)}"
    assert period.until is not None
    return f"has not taken part since {spoken(period.until)}"


def _until(period: Period) -> str:
    return "" if period.until is None else f" until {spoken(period.until)}"
