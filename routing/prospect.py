"""What the kernels of promise and order are told of a decision: who may be asked, and how items travel from there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from routing.calendar import to_moment
from routing.hours import ALWAYS, Hours, hours_in, kinds_of, open_all
from routing.learning import place_of
from routing.model import Objective, Policy, Promise, Register, Response, RotaEntry
from routing.network import Floats, Ints, Longs, Network, Window
from routing.order import Aim, order
from routing.policies import lapses
from routing.promise import HERE, TICK, Suppliers, Ways, promised
from routing.ranking import Offer
from routing.response import BINS, DECLINED, HOUR_BANDS, SILENT, SUPPLIED, Context, ResponseModel, hour_band
from routing.screening import Candidate
from routing.spread import Departures, Spread, departures_of, spread_over
from routing.transport import Transport
from routing.two import promised_by_two

DEAREST = 1e7
"""Seconds that weigh as much as a cent, or a handling, where those come first: more than there are in a horizon."""


class Prospect(NamedTuple):
    """A decision's ways and suppliers (in the order of its offers), and when the first is asked.

    `asked` counts from the start of the window; `ticks` are those of the window.
    """

    network: Network
    window: Window
    ways: Ways
    suppliers: Suppliers
    asked: int
    ticks: int


def look_ahead(
    offers: Sequence[Offer],
    candidates: Sequence[Candidate],
    transport: Transport,
    register: Register,
    policy: Policy,
    responses: ResponseModel,
    *,
    service_level: str,
) -> Prospect:
    """Gather what is known of how the suppliers of some offers answer, and of how their items travel."""
    network, window = transport.network, transport.window
    places = _places(network, register, responses, window.start)
    known = places.position
    at = np.array([known.get(offer.location, 0) for offer in offers], dtype=np.int64)
    stop = places.stop[at]
    if transport.pickup_location in known:
        stop[at == known[transport.pickup_location]] = HERE
    local = to_moment(transport.requested, network.zone)
    asked = [candidates[offer.candidate] for offer in offers]
    materials = [one.holding.material for one in asked]
    general, own = lapses(policy, service_level)
    days = [own.get(one.supplying_agency or "", general) for one in asked] if own else [general] * len(asked)
    supplied, declined, silent = _answers(places.row[at], materials, responses, local)
    return Prospect(
        network=network,
        window=window,
        ways=ways_of(transport, register, responses),
        suppliers=Suppliers(
            stop=stop,
            kind=places.kind[at],
            supplied=supplied,
            declined=declined,
            silent=silent,
            lapse_days=np.array(days, dtype=np.int32),
        ),
        asked=transport.requested - window.start,
        ticks=window.length // TICK + 1,
    )


class _Places(NamedTuple):
    """The locations of a register as columns: their stop in a network, kind of opening hours, and row in a model."""

    register: Register
    responses: ResponseModel
    position: dict[str, int]
    stop: Ints
    kind: Ints
    row: Longs


def _places(network: Network, register: Register, responses: ResponseModel, at: int) -> _Places:
    """As they are when a window begins. Position 0 is of whoever the register does not know.

    They are kept with the network, and go with it: an older register's make way for those of the next.
    """
    key = ("places", at)
    found = network.cache.find(key)
    if isinstance(found, _Places) and found.register is register and found.responses is responses:
        return found
    stop, kind, row = [-1], [ALWAYS], [0]
    kinds = kinds_of(register)[1]
    ids = [*register.locations, *(stop for stop in network.stop_positions if stop not in register.locations)]
    moment = to_moment(at, network.zone)
    for id_ in ids:
        stop.append(network.stop_positions.get(id_, -1))
        kind.append(kinds.get(id_, ALWAYS))
        row.append(responses.row_of(*place_of(register, id_, moment)))
    found = _Places(
        register,
        responses,
        {id_: at for at, id_ in enumerate(ids, start=1)},
        np.array(stop, dtype=np.int32),
        np.array(kind, dtype=np.int32),
        np.array(row, dtype=np.int64),
    )
    network.cache.keep(key, found, size_bytes=found.stop.nbytes + found.kind.nbytes + found.row.nbytes)
    return found


def in_order(
    prospect: Prospect, offers: Sequence[Offer], objective: Objective, policy: Policy, *, circles: Sequence[int]
) -> list[int]:
    """Return positions of offers in the order that costs least on average, those of a lower circle first."""
    found = order(
        prospect.ways,
        prospect.suppliers,
        aim_of(offers, objective, policy, circles=circles),
        asked=prospect.asked,
        ticks=prospect.ticks,
    )
    rota: list[int] = found.tolist()
    return rota


def aim_of(offers: Sequence[Offer], objective: Objective, policy: Policy, *, circles: Sequence[int]) -> Aim:
    """Return what a rota of offers is to make least, by the objective."""
    cents = np.array([offer.charge.cents for offer in offers], dtype=np.float64)
    handlings = np.array([offer.handlings for offer in offers], dtype=np.float64)
    waited = np.array([offer.waited for offer in offers], dtype=np.float64)
    # What weighs the same for all changes nothing, and a search wants no cost below 0.
    burden = np.array([offer.burden for offer in offers], dtype=np.float64)
    burden -= burden.min(initial=np.inf)
    hourly = policy.weights.cents_per_hour
    seconds = burden * (3600 / hourly if hourly > 0 else DEAREST)
    scale, fixed = 1.0, handlings * 1e-3 + cents * 1e-6 + seconds
    if objective is Objective.CHEAPEST:
        fixed = (cents + burden) * DEAREST + handlings * 1e-3
    elif objective is Objective.FEWEST_HANDLINGS:
        fixed = handlings * (DEAREST + seconds.max(initial=0.0)) + cents * 1e-6 + seconds
    elif objective is Objective.BALANCED:
        scale = hourly / 3600
        fixed = cents + handlings * policy.weights.cents_per_handling + burden
    return Aim(scale, fixed, np.array(circles, dtype=np.int32), scale * waited + fixed)


def promising(
    prospect: Prospect,
    entries: Sequence[RotaEntry],
    rota: Sequence[int],
    responses: ResponseModel,
    opening_hours: Sequence[str],
    *,
    at_once: int,
) -> list[RotaEntry]:
    """Return the first entries of a rota (positions of suppliers) with what each of them promises, asked now.

    `opening_hours` are those of their locations; so many are asked `at_once`.
    """
    count = len(entries)
    places = np.array(rota, dtype=np.int32)
    reckon = promised_by_two if at_once > 1 else promised
    moments, shares, chances = reckon(
        prospect.ways, prospect.suppliers, places, count, prospect.asked, prospect.ticks
    )
    start, zone, suppliers, shown = prospect.window.start, prospect.network.zone, prospect.suppliers, places[:count]
    columns = zip(
        entries,
        moments.tolist(),
        shares.round(6).tolist(),
        chances.tolist(),
        np.diff(suppliers.supplied[shown]).round(6).tolist(),
        suppliers.declined[shown].tolist(),
        suppliers.silent[shown].round(6).tolist(),
        suppliers.lapse_days[shown].tolist(),
        opening_hours,
        strict=True,
    )
    found = []
    for entry, (p50, p90), by, chance, supplied, declined, silent, days, hours in columns:
        missed = [responses.missed.get(leg.route_id, responses.missed_otherwise) for leg in entry.legs]
        promise = None
        if p50 >= 0:
            promise = Promise(to_moment(start + p50, zone), to_moment(start + p90, zone), chance, *by)
        response = Response(tuple(supplied), tuple(declined), silent, tuple(missed), days, hours)
        found.append(entry._replace(promise=promise, response=response))
    return found


def _answers(
    rows: Longs, materials: Sequence[str], responses: ResponseModel, local: datetime
) -> tuple[Floats, Floats, Floats]:
    """What suppliers answer, as the columns `supplied`, `declined` and `silent` of Suppliers."""
    different = set(materials)
    if len(different) == 1:
        columns = _in_context(responses, materials[0], local.weekday(), hour_band(local.hour))
        return columns[0][rows], columns[1][rows], columns[2][rows]
    supplied, declined, silent = np.empty((len(rows), BINS + 1)), np.empty((len(rows), BINS)), np.empty(len(rows))
    for material in different:
        columns = _in_context(responses, material, local.weekday(), hour_band(local.hour))
        of_it = np.array([one == material for one in materials])
        for column, known in zip((supplied, declined, silent), columns, strict=True):
            column[of_it] = known[rows[of_it]]
    return supplied, declined, silent


@lru_cache(maxsize=64)  # by identity of the model; a day has few contexts
def _in_context(responses: ResponseModel, material: str, weekday: int, band: int) -> tuple[Floats, Floats, Floats]:
    """What everyone in the model answers in a context, row by row."""
    rows = np.arange(len(responses.table), dtype=np.int64)
    # To six digits, so that what is kept of a decision is what it was made with.
    answers = np.round(responses.answers(rows, Context(material, weekday, HOUR_BANDS[band])), 6)
    answers[:, SILENT] = np.maximum(1 - answers[:, :SILENT].sum(axis=1), 0)
    supplied = np.zeros((len(rows), BINS + 1))
    np.cumsum(answers[:, SUPPLIED], axis=1, out=supplied[:, 1:])
    return supplied, np.ascontiguousarray(answers[:, DECLINED]), np.ascontiguousarray(answers[:, SILENT])


def ways_of(transport: Transport, register: Register, responses: ResponseModel) -> Ways:
    """Return how items travel to the pickup location of a transport, kept for whoever asks next."""
    network, window = transport.network, transport.window
    texts, kinds = kinds_of(register)
    hours = hours_in(texts, register.timezone, window.start, window.length)
    kind = kinds.get(transport.pickup_location, ALWAYS)
    departures = _departures(network, window, responses)
    opens = texts[kind] if kind >= 0 else ""
    key = ("spread", window.start, window.length, transport.pickup_location, responses.version, opens)
    spread = network.cache.find(key)
    if not isinstance(spread, Spread):
        spread = _spread(transport, departures, hours, kind)
        network.cache.keep(key, spread, size_bytes=spread.size_bytes)
    return Ways(departures, spread, hours, kind)


def _departures(network: Network, window: Window, responses: ResponseModel) -> Departures:
    key = ("departures", window.start, window.length, responses.version)
    found: Departures | None = network.cache.find(key)
    if found is None:
        timetable = network.timetable
        of_route = [responses.missed.get(route.id, responses.missed_otherwise) for route in timetable.routes]
        found = departures_of(window, np.array([of_route[trip.route] for trip in timetable.trips], dtype=np.float64))
        network.cache.keep(key, found, size_bytes=found.later.nbytes + found.left.nbytes)
    return found


def _spread(transport: Transport, departures: Departures, hours: Hours, kind: int) -> Spread:
    window = transport.window
    if transport.sweep is None:
        return _nowhere(window)
    there = np.flatnonzero(window.ride_to == transport.sweep.pickup)
    collected = window.ride_arrival.astype(np.int64)
    collected[there] = open_all(hours, kind, collected[there])
    return spread_over(window, transport.sweep, departures, collected)


def _nowhere(window: Window) -> Spread:
    """The spread where no van calls at the pickup location: whatever rides never arrives."""
    nothing, singles = np.empty(0, np.int32), np.empty(0, np.float32)
    return Spread(np.array([window.length]), nothing, nothing, singles, singles)
