"""What a decision needs, in memory: the active network, the register and the policies, replaced together.

Every decision's one look into the database also brings the standing: which version is active, and how often the
register has changed. Where that differs from what is held here, the decision waits until it has been loaded. So an
answer is wholly of one version, and never of one that had been replaced before it was asked, in whichever process.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import structlog

from adapters import SYSTEMS
from app.aside import aside
from app.database import Connection, Database
from app.lasting import set_aside
from app.lending.burdens import LiveBurdens
from app.lending.clock import Clock
from app.lending.warm import warm_up
from app.store.lapse_rules import load_rules
from app.store.network_versions import get_number
from app.store.policies import load_versions
from app.store.register import load_register
from app.store.responses import load_responses
from app.store.standing import Standing, list_tariffs, read_standing
from app.store.stoppages import load_stoppages
from app.store.systems import System, load_systems
from app.store.timetable import as_timetable, read_content
from routing import (
    Agreement,
    Burdens,
    LapseRule,
    Lending,
    Network,
    Policy,
    Register,
    RotaOrder,
    Tariff,
    agree,
    compile_network,
    era_on,
    lending_of,
    policy_on,
    standing_of,
    without,
)
from routing.cache import Cache
from routing.response import ResponseModel

log = structlog.get_logger()

# Versions kept for an undo besides the active one; their sweeps are let go.
RECENT_VERSIONS = 2


class NotReady(Exception):  # noqa: N818 - says what it is
    """No decision can be made yet."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What one decision reads, all of it from one moment. `policies` starts with the newest.

    `systems` are those that are called. `responses`: how suppliers answer, as it was learned last; None: never yet.
    What the `agreement` says goes over the policies.
    """

    standing: Standing
    network: Network
    register: Register
    policies: tuple[tuple[date, Policy], ...]
    systems: Mapping[str, System] = field(default_factory=dict)
    responses: ResponseModel | None = None
    agreement: Agreement = field(default_factory=Agreement)

    def policy_at(self, moment: datetime) -> Policy:
        """Return the policy with the tariff in force on the day of `moment`; before the first one, the first."""
        if len(self.policies) > 1:
            day = moment.astimezone(self.network.zone).date()
            for valid_from, policy in self.policies:
                if valid_from <= day:
                    return policy
        return self.policies[-1][1]

    def policy_for(self, pickup_location: str, moment: datetime) -> Policy:
        """Return what holds for a question of a counter: the policies of its agency, its province and the network."""
        policy = self.policy_at(moment)
        if not self.agreement.since:
            return policy
        side = standing_of(self.register, pickup_location, moment).side
        return policy_on(self.agreement, policy, side, moment.astimezone(self.network.zone).date())

    def responses_for(self, policy: Policy) -> ResponseModel | None:
        """Return how suppliers answer where a policy's rota goes by it; None where it is the same without."""
        return self.responses if policy.rota_order is RotaOrder.EXPECTED else None

    def lending_for(self, supplying_location: str | None, moment: datetime) -> Lending:
        """Return what holds for what a location lends; nothing is said where nobody has agreed anything."""
        book = era_on(self.agreement, moment.astimezone(self.network.zone).date()).book
        if book is None:
            return Lending()
        if supplying_location is None:
            return book.network
        side = standing_of(self.register, supplying_location, moment).side
        return lending_of(book, side.agency, side.province)


class Snapshot:
    """Follows the store. A new state is made beside the old one and takes its place in one assignment."""

    def __init__(
        self, database: Database, *, horizon_days: int, sweep_cache_mib: int, clock: Clock | None = None
    ) -> None:
        self.burdens = LiveBurdens(database, clock or Clock())
        self._database = database
        self._policy = Policy(horizon_days=horizon_days)
        self._cache_bytes = sweep_cache_mib * 2**20
        self._state: State | None = None
        self._warm = False
        self._recent: OrderedDict[str, Network] = OrderedDict()
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[State]] = set()
        self._starting: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    @property
    def warm(self) -> bool:
        """Whether the engine's kernels are compiled."""
        return self._warm

    async def start(self) -> None:
        """Begin to compile the engine and to load what is active; returns at once."""
        self._warming = asyncio.create_task(self._warm_up())
        self._starting = asyncio.create_task(self._start(self._warming))

    async def started(self) -> None:
        """Wait until what `start` began is done."""
        if self._starting is not None:
            await self._starting

    async def stop(self) -> None:
        """Stop whatever is being loaded."""
        tasks = [task for task in (self._warming, self._starting, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.burdens.stop()

    async def borne(self, state: State) -> Burdens | None:
        """Return what suppliers bear; None where nobody has agreed that it counts. Raises DatabaseUnavailable."""
        return await self.burdens.now(state.register) if state.agreement.weighs else None

    async def follow(self) -> State:
        """Return the state as it stands now. Raises NotReady."""
        async with self._database.connection() as connection:
            standing = await read_standing(connection)
        return await self.at(standing)

    async def at(self, standing: Standing) -> State:
        """Return a state that is no older than `standing`, as read from the store. Raises NotReady."""
        if not self._warm and self._warming is not None:
            # A decision made now would wait for the compiler, and the whole process with it.
            await asyncio.shield(self._warming)
        state = self._state
        if state is not None and state.standing == standing:
            return state
        # The load outlives a caller who gives up: the next one finds it further along.
        task = asyncio.create_task(self._catch_up(standing))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def _warm_up(self) -> None:
        await aside(warm_up)
        self._warm = True

    async def _start(self, warming: asyncio.Task[None]) -> None:
        await warming
        try:
            await self.follow()
        except NotReady:
            log.info("no network version is active yet")
        except Exception:
            # Whoever asks next tries again, and hears what is wrong.
            log.exception("the active network could not be loaded")

    def _forget(self, task: asyncio.Task[State]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody warns of a failure whose caller has left

    async def _catch_up(self, seen: Standing) -> State:
        async with self._lock:
            state = self._state
            if state is not None and state.standing == seen:
                return state  # whoever held the lock before has loaded it
            fresh = await self._load(state)
            if fresh is not state:
                self._state = fresh
                self._remember(fresh.network)
                if state is None or state.network.version != fresh.network.version:
                    set_aside()
            return fresh

    async def _load(self, held: State | None) -> State:
        async with self._database.one_moment() as connection:
            standing = await read_standing(connection)
            if held is not None and held.standing == standing:
                return held
            if standing.version is None:
                self._state = None
                raise NotReady("No network version is active: import one and activate it.")
            if held is not None and _same_register(held.standing, standing):
                register, policies, systems = held.register, held.policies, held.systems
                agreement = held.agreement
            else:
                register, rules = await load_register(connection), await load_rules(connection)
                policies = self._policies(await list_tariffs(connection), rules)
                agreement = agree(await load_versions(connection))
                called = await load_systems(connection)
                systems = {name: system for name, system in called.items() if system.kind in SYSTEMS}
            if held is not None and held.standing.responses == standing.responses:
                responses = held.responses
            else:
                responses = await load_responses(connection)
            # With another version too: what a POI that stands still drives goes by its operators' names.
            stoppages = await load_stoppages(connection)
            network = await self._network(connection, standing.version)
        if network.stopped.said != stoppages:
            network = without(network, stoppages)
        return State(standing, network, register, policies, systems, responses, agreement)

    async def _network(self, connection: Connection, version: str) -> Network:
        known = self._recent.get(version)
        if known is not None:
            return known
        timetable = as_timetable(await read_content(connection, await get_number(connection, version)), version)
        network = await aside(compile_network, timetable, cache_bytes=self._cache_bytes)
        log.info("network version loaded", version=version, trips=len(timetable.trips))
        return network

    def _policies(
        self, tariffs: Sequence[tuple[date, Tariff]], rules: tuple[LapseRule, ...]
    ) -> tuple[tuple[date, Policy], ...]:
        policy = replace(self._policy, lapse_rules=rules)
        return tuple((day, replace(policy, tariff=tariff)) for day, tariff in tariffs) or ((date.min, policy),)

    def _remember(self, network: Network) -> None:
        self._recent[network.version] = network
        self._recent.move_to_end(network.version)
        while len(self._recent) > RECENT_VERSIONS + 1:
            self._recent.popitem(last=False)
        for version, other in self._recent.items():
            if version != network.version:
                # Decisions still under way keep the old one with its sweeps; nobody else does.
                self._recent[version] = replace(other, cache=Cache(self._cache_bytes))


def _same_register(one: Standing, other: Standing) -> bool:
    return (one.register, one.day) == (other.register, other.day)
