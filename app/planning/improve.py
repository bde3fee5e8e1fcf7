"""Chooses again, all together, for loan requests whose item nobody has pulled yet: at hours that a setting names.

Who was asked first was chosen alone, as things were then. Before the vans leave, much is known that was not: copies
came free, others asked for the last one, vans filled up. What is gained is taken only where it takes no copy that
anybody else of these has now: then nobody has lost anything, and a move that fails midway harms nobody.

An assignment weighs planned itineraries. So where a policy goes by more than that (the expected order, what suppliers
bear), nothing is moved; nobody is moved to whom the policy puts after whoever has it, or who was asked often enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from app.aside import aside
from app.database import Connection
from app.lending.act import Action, ActionNotAllowed, Report, act
from app.lending.choose import UnknownTitle
from app.lending.ground import Ground
from app.lending.leased import leased
from app.lending.lifecycle import Supplying
from app.lending.record import US
from app.lending.renew import LONG_ROTA, as_question, less, renew
from app.lending.snapshot import State
from app.planning.assign import SECONDS, room_on
from app.planning.foresight import Foresight
from app.store.holders import Key, Shelved, find_many_holders, key_of
from app.store.improvable import list_improvable
from app.store.loans import Loan, read_loan, read_loans
from app.store.placements import Committed, committed
from app.store.register import TIMEZONE
from app.store.tasks import Task, drop, ensure, finish, postpone
from routing import Burdens, Holding, Policy, UnknownLocation, standing_of
from routing.assign import Offers, Wanted, horizon_of, lay_out, solve
from routing.assign.weigh import UNITS_PER_CENT
from routing.calendar import DAY_SECONDS, to_seconds
from routing.decide import UNANSWERED
from routing.fairness import burden_of, is_full
from routing.network import window_for
from routing.policies import orders, precedence
from routing.screening import Candidate

log = structlog.get_logger()

IMPROVE, DAILY = "improve", "daily"
MOST, PAGE = 5000, 1000
"""How many that may move are weighed together, the newest first, of which most is still to be gained; and how many
loan requests are read at a time to find them."""
LEAST_GAIN_CENTS = 100
"""What a move must gain, in cents as an assignment weighs: less is not worth letting a supplier go."""


@dataclass(frozen=True, slots=True)
class Improving:
    """At which hours of the day (local) it is done; `items_per_crate` as in the load."""

    at: tuple[time, ...] = ()
    items_per_crate: int = 20

    async def ensure(self, connection: Connection, ground: Ground) -> None:
        """See to it that the task exists where there are such hours, and does not where there are none."""
        if self.at:
            await ensure(connection, IMPROVE, DAILY, next_of(self.at, ground.clock.now()))
        else:
            await drop(connection, IMPROVE, DAILY)

    async def carry_out(self, ground: Ground, task: Task) -> None:
        """Carry the task `improve` out, and have it done again at the next of the hours. Raises NotReady."""
        if self.at:
            await leased(ground, task, improve(ground, items_per_crate=self.items_per_crate))
        async with ground.database.transaction() as connection:
            if self.at:
                await postpone(connection, task, next_of(self.at, ground.clock.now()))
            else:
                await finish(connection, task)


async def improve(ground: Ground, *, items_per_crate: int) -> int:
    """Find what can be gained and carry it out; return how many went to another location. Raises NotReady."""
    moves = await find_moves(ground, items_per_crate=items_per_crate)
    made = sum([await make(ground, move) for move in moves])
    log.info("chose again for what was not pulled yet", moves=len(moves), made=made)
    return made


class Move(NamedTuple):
    """A loan request that another location serves better. `placement` is the one that is let go of."""

    loan: UUID
    placement: int
    from_location: str
    to_location: str
    gain_cents: float


def next_of(hours: Sequence[time], at: datetime) -> datetime:
    """Return the first moment after `at` that is one of these hours on the Dutch clock."""
    local = at.astimezone(ZoneInfo(TIMEZONE))
    moments = [
        datetime.combine(local.date() + timedelta(days=days), hour, local.tzinfo) for days in (0, 1) for hour in hours
    ]
    return min(moment for moment in moments if moment > local)


async def find_moves(ground: Ground, *, items_per_crate: int) -> list[Move]:
    """Find what can be gained now. Raises NotReady or DatabaseUnavailable."""
    state, at = await ground.snapshot.follow(), ground.clock.now()
    async with ground.database.connection() as connection:
        known = await movable(connection, state, at, most=MOST)
        shelves = await find_many_holders(connection, {_key(loan) for loan in known})
        known = [loan for loan in known if _key(loan) in shelves]
        taken = {
            shelved.titles: await committed(connection, shelved.titles)
            for shelved in {shelved.titles: shelved for shelved in shelves.values()}.values()
        }
    if not known:
        return []
    theirs = Counter((shelves[_key(loan)].titles, str(loan.supplying_location)) for loan in known)
    moment = at.astimezone(state.network.zone).replace(microsecond=0)
    wanted = [_wanted(loan, shelves[_key(loan)], state, taken, theirs, moment) for loan in known]
    burdens = await ground.snapshot.borne(state)
    policy = state.policy_at(moment)
    window = await aside(window_for, state.network, to_seconds(moment), horizon_of(wanted, policy))
    first = date.fromordinal(int(window.ride_day.min())) if len(window.ride_day) else moment.date()
    grid, capacity = await Foresight().under_way(
        ground.database, state, first=first, days=window.length // DAY_SECONDS + 3
    )
    room = room_on(window, grid, capacity, items_per_crate)
    offers = await aside(lay_out, wanted, state.network, state.register, policy, room=room)
    choice = (await aside(solve, offers.problem, seconds=SECONDS)).choice.tolist()
    free = {
        (shelved.titles, holding.location): _free(less(holding, taken[shelved.titles]))
        for shelved in shelves.values()
        for holding in shelved.holdings
    }
    asked = _Asked(state, Burdens() if burdens is None else burdens, moment)
    return _worth_it(known, [shelves[_key(loan)].titles for loan in known], offers, choice, free, asked)


async def movable(connection: Connection, state: State, at: datetime, *, most: int) -> list[Loan]:
    """Those that may move, the newest first, and no more than so many."""
    found: list[Loan] = []
    last: UUID | None = None
    while len(found) <= most:
        listed = await list_improvable(connection, before=last, limit=PAGE)
        read = await read_loans(connection, listed)
        found += [loan for loan in reversed(read) if _may_move(loan, state, at)]
        if len(listed) < PAGE:
            break
        last = listed[-1]
    if len(found) > most:
        log.warning("not all that could gain is looked at", looked_at=most)
    return found[:most]


def _may_move(loan: Loan, state: State, at: datetime) -> bool:
    """Whether what a loan request goes by is what an assignment weighs."""
    if not loan.supplying_location or loan.pickup_location not in state.register.locations:
        return False
    policy = state.policy_for(loan.pickup_location, at)
    return state.responses_for(policy) is None and not policy.weights.weigh_burdens and policy.at_once == 1


class _Asked:
    """How often suppliers may still be asked today."""

    def __init__(self, state: State, burdens: Burdens, moment: datetime) -> None:
        self._state, self._burdens, self._moment = state, burdens, moment
        self._more: Counter[str] = Counter()  # by agency and by location, in the moves so far

    def take(self, loan: Loan, candidate: Candidate) -> bool:
        """Ask a supplier once more, if it may be asked for this loan request."""
        policy = self._state.policy_for(loan.pickup_location, self._moment)
        agency, location = candidate.supplying_agency, candidate.location.id
        burden = burden_of(
            self._burdens,
            policy,
            agency=agency,
            location=location,
            side=candidate.side,
            day=self._moment.date(),
            pickup_location=loan.pickup_location,
            pickup_agency=standing_of(self._state.register, loan.pickup_location, self._moment).agency,
        )
        whose = agency or location
        burden = burden._replace(
            placed_today=burden.placed_today + self._more[f"agency {whose}"],
            placed_here_today=burden.placed_here_today + self._more[f"location {location}"],
        )
        if is_full(burden):
            return False
        self._more.update((f"agency {whose}", f"location {location}"))
        return True


def _wanted(
    loan: Loan,
    shelved: Shelved,
    state: State,
    taken: Mapping[tuple[int, ...], Mapping[str, Committed]],
    theirs: Mapping[tuple[tuple[int, ...], str], int],
    moment: datetime,
) -> Wanted:
    """What a loan request is offered: also whom it lies with, and every copy that these loan requests have by now."""
    question = as_question(loan, at=moment)
    asked_for = frozenset(loan.question.get("exclude", ()))
    excluded = question.excluded - ({loan.supplying_location} - asked_for)
    policy = state.policy_for(loan.pickup_location, moment)
    rank = _ranking(policy, loan.pickup_location, state, moment)
    holdings = []
    for holding in shelved.holdings:
        if rank(holding.location) > rank(str(loan.supplying_location)):
            continue
        spoken_for, own = taken[shelved.titles].get(holding.location), theirs[shelved.titles, holding.location]
        others = None if spoken_for is None else Committed(spoken_for.unshipped - own, spoken_for.all - own)
        holdings.append(less(holding, {} if others is None else {holding.location: others}))
    return Wanted(
        replace(question, requested_at=max(question.requested_at, moment), excluded=excluded),
        shelved.titles,
        holdings,
        policy=policy,
    )


def _ranking(policy: Policy, pickup_location: str, state: State, moment: datetime) -> Callable[[str], int]:
    """What the policy of a counter puts first, by location: less comes before."""
    own = standing_of(state.register, pickup_location, moment).side
    ordered = orders(policy)
    return lambda location: (
        precedence(policy, location, standing_of(state.register, location, moment).side, own) if ordered else 0
    )


def _free(holding: Holding) -> int:
    """How many copies can be had."""
    return holding.copies if holding.available is None else min(holding.copies, holding.available)


def _worth_it(
    loans: Sequence[Loan],
    titles: Sequence[tuple[int, ...]],
    offers: Offers,
    choice: Sequence[int],
    free: dict[tuple[tuple[int, ...], str], int],
    asked: _Asked,
) -> list[Move]:
    """The moves that gain enough and take a copy that nobody has, the greatest gain first."""
    found = []
    starts, weight = offers.problem.option_start, offers.problem.weight
    for at, (loan, option) in enumerate(zip(loans, choice, strict=True)):
        own = [
            int(weight[each])
            for each in range(starts[at], starts[at + 1])
            if offers.candidate[each].location.id == loan.supplying_location
        ]
        if option < 0 or not own:
            continue
        to = offers.candidate[option].location.id
        gain = (min(own) - int(weight[option])) / UNITS_PER_CENT
        if to != loan.supplying_location and gain >= LEAST_GAIN_CENTS:
            found.append((gain, at, option))
    moves = []
    for gain, at, option in sorted(found, key=lambda one: (-one[0], one[1])):
        candidate = offers.candidate[option]
        to = candidate.location.id
        if free.get((titles[at], to), 0) > 0 and asked.take(loans[at], candidate):
            free[titles[at], to] -= 1
            loan = loans[at]
            moves.append(Move(loan.id, loan.placements, str(loan.supplying_location), to, gain))
    return moves


async def make(ground: Ground, move: Move) -> bool:
    """Let one supplier go and choose the other; False: it went on meanwhile, or the other's system is away.

    Raises NotReady or DatabaseUnavailable.
    """
    if not await _can_be_asked(ground, move):
        return False
    note = (
        f"Serves better than {move.from_location}, which has not pulled it yet: by {move.gain_cents / 100:.2f} euro."
    )
    report = Report(
        action=Action.OVERRIDE,
        at=ground.clock.now(),
        by=US,
        note=note,
        location=move.to_location,
        placement=move.placement,
        expects=Supplying.ASKED,
    )
    try:
        await act(ground, move.loan, report)
    except ActionNotAllowed:
        return False
    return True


async def _can_be_asked(ground: Ground, move: Move) -> bool:
    """Ask the systems: an assignment knows only what holdings say, and nobody is let go for one that is silent."""
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, move.loan)
    try:
        renewed = await renew(ground, loan, at=ground.clock.now(), limit=LONG_ROTA)
    except (UnknownTitle, UnknownLocation):  # its holdings are gone, or its counter
        return False
    return any(
        entry.supplying_location == move.to_location and entry.precedence < UNANSWERED
        for entry in renewed.decision.rota
    )


def _key(loan: Loan) -> Key:
    return key_of(loan.isbn, loan.ppn)
