"""When the reader can collect: what suppliers are likely to answer, laid over the departures of the vans.

A supplier that is asked at a moment hands the item over after some open time, which is spread evenly over each bin
of its response. Every departure at its stop then takes what became ready since the one before, to where `spread` says
that it arrives: nothing is drawn. A supplier that says no does so in the middle of a bin, and one that stays silent
lapses after so many open days; whoever comes next on the rota is asked at the next full quarter of an hour (TICK), so
that equal moments meet, and near ones that are too seldom (SELDOM) are put together at their mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from routing.columns import first_from
from routing.hours import Hours, days_later, interval_at, moment_of, open_at, opened_before, opened_on
from routing.network import Bools, Floats, Ints, Longs
from routing.response import BINS, EDGE_HOURS
from routing.spread import MOST_WAITING, Departures, Spread, arrive, chance_of

TICK = 900
EDGES = np.array(EDGE_HOURS) * 3600
MIDDLES = ((EDGES[1:] + EDGES[:-1]) / 2).astype(np.int64)
HERE = -2
"""Stop of what stands at the pickup location already."""
PIECES = 4
"""What stands there already becomes ready in the middles of so many pieces of each bin: no van cuts it up."""
HARDLY = 1e-6
"""What is less likely is not followed any further."""
SELDOM = 0.02
"""Moments at which the next supplier is asked are followed one by one only where they are at least so likely."""
APART = 0.3
"""How likely, times ticks between them, moments are that are too far apart to be put together."""
MOST_MOMENTS = 512
"""There are fewer of those than this."""
BLOCK = 16
"""Ticks that are looked at together: most of a window has no moment at which anyone is asked."""
HALF, NEARLY = 0.5, 0.8
"""Of what happens at all, by a moment that is promised as p50, and as p90, at least so much has."""
HARDLY_COUNTS = 1e-3
"""A rota that is less likely to come to its next supplier promises what it does without."""


class Suppliers(NamedTuple):
    """Who may be asked, as columns of equal length, in no order that matters.

    `supplied` is how likely the item is handed over within each edge of the bins, `declined` that a no comes in each
    bin. `lapse_days` are the open days after which silence counts as a no.
    """

    stop: Ints  # position in the network, or HERE
    kind: Ints  # of opening hours
    supplied: Floats  # (suppliers, BINS + 1), from 0 upwards
    declined: Floats  # (suppliers, BINS)
    silent: Floats
    lapse_days: Ints


class Ways(NamedTuple):
    """How items travel to one pickup stop."""

    departures: Departures
    spread: Spread
    hours: Hours
    pickup_kind: int  # of the pickup location's opening hours


class Cases(NamedTuple):
    """What becomes of an item that is asked for: each a chance of the spread, or (-1) a moment at which it can be
    collected, and how likely; `handed` is by when it was handed over. Columns that kernels fill in from the start,
    and say how far."""

    chance: Ints
    moment: Longs
    likely: Floats
    handed: Longs


class Ticks(NamedTuple):
    """Room for a number for each tick of a window, and whether any tick of a block has one; nothing between uses."""

    share: Floats
    block: Bools


@njit(cache=True, nogil=True)
def room_for_cases(ways: Ways) -> Cases:
    """Room for as many cases as there may be."""
    longest = int(np.diff(ways.departures.start).max()) if len(ways.departures.start) > 1 else 0
    most = max(BINS * PIECES, longest) + 1
    return Cases(np.empty(most, np.int32), np.empty(most, np.int64), np.empty(most), np.empty(most, np.int64))


@njit(cache=True, nogil=True)
def room_for_ticks(ticks: int) -> Ticks:
    """Room for so many ticks."""
    return Ticks(np.zeros(ticks), np.zeros(ticks // BLOCK + 1, np.bool_))


@njit(cache=True, nogil=True)
def _supplied_by(edges: Floats, opened: float) -> float:
    """How likely it is handed over within so many open seconds, by `Suppliers.supplied` of one."""
    if opened <= 0:
        return 0.0
    for at in range(BINS):
        if opened < EDGES[at + 1]:
            share = (opened - EDGES[at]) / (EDGES[at + 1] - EDGES[at])
            return float(edges[at] + share * (edges[at + 1] - edges[at]))
    return float(edges[BINS])


@njit(cache=True, nogil=True)
def fill_in(ways: Ways, suppliers: Suppliers, one: int, asked: int, cases: Cases) -> int:
    """Fill in what becomes of an item that a supplier is asked for at a moment; return how many cases there are.

    Together they are as likely as that it is supplied at all.
    """
    chance, moment, likely, handed = cases
    edges, kind, stop = suppliers.supplied[one], suppliers.kind[one], suppliers.stop[one]
    since = opened_before(ways.hours, kind, asked)
    count = 0
    if stop == HERE:
        for at in range(BINS):
            share = (edges[at + 1] - edges[at]) / PIECES
            if share <= 0:
                continue
            for piece in range(PIECES):
                opened = EDGES[at] + (EDGES[at + 1] - EDGES[at]) * (piece + 0.5) / PIECES
                ready = moment_of(ways.hours, kind, since + int(opened))
                chance[count], moment[count] = -1, open_at(ways.hours, ways.pickup_kind, ready)
                likely[count], handed[count] = share, ready
                count += 1
        return count
    hours, leaves, slots = ways.hours, ways.departures.moment, ways.spread.slot
    end = ways.departures.start[stop + 1]
    slot = first_from(leaves, ways.departures.start[stop], end, asked)
    interval = interval_at(hours, kind, asked)
    before, leads_to = 0.0, chance_of(slots, slot)
    while slot < end and before < edges[BINS]:
        last = slots[leads_to]
        interval, opened = opened_on(hours, kind, interval, leaves[last])
        by_then = _supplied_by(edges, opened - since)
        if edges[BINS] - by_then <= HARDLY:
            by_then = edges[BINS]
        if by_then > before:
            chance[count], likely[count], handed[count] = leads_to, by_then - before, leaves[last]
            count += 1
            before = by_then
        slot, leads_to = last + 1, leads_to + 1
    if edges[BINS] > before:
        chance[count], moment[count], likely[count] = -1, ways.spread.moment[-1], edges[BINS] - before
        handed[count] = moment[count]
        count += 1
    return count


@njit(cache=True, nogil=True)
def pass_on(
    ways: Ways,
    suppliers: Suppliers,
    one: int,
    asked: Longs,
    share: Floats,
    count: int,
    then: Longs,
    then_share: Floats,
    ticks: Ticks,
) -> int:
    """Fill in when whoever comes next is asked (`then`) and how likely (`then_share`), and return how many moments.

    The supplier is asked at `count` moments with the likelihoods `share`.
    """
    # Columns are taken out of their tuples once: a kernel that is handed a tuple of them counts who holds each.
    hours, kind, end, last = ways.hours, suppliers.kind[one], len(ticks.share) - 1, -1
    declined, silent, days = suppliers.declined[one], suppliers.silent[one], suppliers.lapse_days[one]
    at_tick, in_block, ends, opened = ticks.share, ticks.block, hours.ends, hours.opened
    begin, beyond = (hours.begin[kind], hours.begin[kind + 1]) if kind >= 0 else (0, 0)
    for n in range(count):
        since = opened_before(hours, kind, asked[n])
        interval = max(interval_at(hours, kind, asked[n]), begin)
        for at in range(BINS + 1):
            # What is too little for a number is nothing: a last moment without any would leave out those before it.
            chance = share[n] * (declined[at] if at < BINS else silent)
            if chance <= 0.0:
                continue
            if at == BINS:
                moment = days_later(hours, kind, asked[n], days)
            else:
                moment = since + MIDDLES[at]
                if kind >= 0:
                    while interval < beyond and opened[interval] < moment:
                        interval += 1
                    late = interval == beyond
                    moment = hours.midnight[-1] if late else ends[interval] - (opened[interval] - moment)
            tick = min(-(-moment // TICK), end)
            at_tick[tick] += chance
            in_block[tick // BLOCK] = True
            last = max(last, tick)
    return _put_together(ticks, last, then, then_share)


@njit(cache=True, nogil=True)
def _put_together(ticks: Ticks, last: int, then: Longs, then_share: Floats) -> int:
    """Fill in the moments that stand in some ticks, and empty those."""
    found, waiting, weighed, begun = 0, 0.0, 0.0, 0
    for block in range(last // BLOCK + 1):
        if not ticks.block[block]:
            continue
        ticks.block[block] = False
        for tick in range(block * BLOCK, min((block + 1) * BLOCK, last + 1)):
            here = ticks.share[tick]
            if here == 0.0:
                continue
            ticks.share[tick] = 0.0
            if waiting * (tick - begun) > APART:
                found = _put(then, then_share, found, waiting, weighed)
                waiting, weighed = 0.0, 0.0
            if waiting == 0.0:
                begun = tick
            waiting, weighed = waiting + here, weighed + here * tick
            if waiting >= SELDOM or tick == last:
                found = _put(then, then_share, found, waiting, weighed)
                waiting, weighed = 0.0, 0.0
    return found


@njit(cache=True, nogil=True)
def _put(then: Longs, then_share: Floats, found: int, waiting: float, weighed: float) -> int:
    """Put moments together at their mean, at a full tick."""
    then[found], then_share[found] = int(np.ceil(weighed / waiting - 1e-9)) * TICK, waiting
    return found + 1


@njit(cache=True, nogil=True)
def when_collected(
    ways: Ways, suppliers: Suppliers, rota: Ints, asked: int, cases: Cases, ticks: Ticks, at_chance: Floats
) -> tuple[Longs, Floats]:
    """When it can be collected if the suppliers of a rota are asked one after the other, from a moment on.

    Returned are moments in order and how likely each is; together they are as likely as that anyone supplies.
    `at_chance` is room for a number for each chance of the spread, all zero before and after.
    """
    moments, shares = np.empty((2, MOST_MOMENTS), np.int64), np.empty((2, MOST_MOMENTS))
    # Many moments lead to the same chances: each of those is followed once.
    reached, some = np.empty(64, np.int32), 0
    here_moment, here_share, here = np.empty(64, np.int64), np.empty(64), 0
    moments[0, 0], shares[0, 0], count = asked, 1.0, 1
    for place in range(len(rota)):
        one, now, then = rota[place], place % 2, (place + 1) % 2
        for n in range(count):
            found = fill_in(ways, suppliers, one, moments[now, n], cases)
            for k in range(found):
                chance, share = cases.chance[k], cases.likely[k] * shares[now, n]
                if chance >= 0:
                    if at_chance[chance] == 0.0:
                        if some == len(reached):
                            reached = np.append(reached, np.empty(some, np.int32))
                        reached[some] = chance
                        some += 1
                    at_chance[chance] += share
                    continue
                if here == len(here_moment):
                    here_moment = np.append(here_moment, np.empty(here, np.int64))
                    here_share = np.append(here_share, np.empty(here))
                here_moment[here], here_share[here] = cases.moment[k], share
                here += 1
        count = pass_on(ways, suppliers, one, moments[now], shares[now], count, moments[then], shares[then], ticks)
        if shares[then, :count].sum() < HARDLY_COUNTS:
            break
    by_arrival = np.zeros(len(ways.spread.moment))
    waiting, left = np.empty(MOST_WAITING, np.int32), np.empty(MOST_WAITING)
    for at in range(some):
        arrive(ways.departures, ways.spread, reached[at], at_chance[reached[at]], by_arrival, waiting, left)
        at_chance[reached[at]] = 0.0
    return in_time(ways.spread.moment, by_arrival, here_moment[:here], here_share[:here])


@njit(cache=True, nogil=True)
def in_time(arrival: Longs, likely: Floats, here: Longs, likely_here: Floats) -> tuple[Longs, Floats]:
    """Put the moments at which vans bring something, which are in order, together with those of what stands here."""
    if len(here) == 0:
        return arrival, likely
    every = np.append(arrival, here)
    order = np.argsort(every, kind="mergesort")
    return every[order], np.append(likely, likely_here)[order]


@njit(cache=True, nogil=True)
def promised(
    ways: Ways, suppliers: Suppliers, rota: Ints, count: int, asked: int, ticks: int
) -> tuple[Longs, Floats, Floats]:
    """What a rota promises from each of its first entries on: (count, 2), (count, 2), (count,).

    Those are the moments p50 and p90 (-1: nobody can), which share of the cases in which anyone supplies has come by
    each of them, and how likely anyone supplies.
    """
    moment, share, supplied = np.empty((count, 2), np.int64), np.empty((count, 2)), np.empty(count)
    cases, room, at_chance = room_for_cases(ways), room_for_ticks(ticks), np.zeros(len(ways.spread.slot))
    for place in range(count):
        moments, likely = when_collected(ways, suppliers, rota[place:], asked, cases, room, at_chance)
        supplied[place] = note_promise(moments, likely, moment[place], share[place])
    return moment, share, supplied


@njit(cache=True, nogil=True)
def note_promise(moments: Longs, likely: Floats, moment: Longs, share: Floats) -> float:
    """Fill in p50 and p90 (2,), and which share has come by each (2,); return how likely anyone supplies."""
    moment[0], share[0] = quantile(moments, likely, 0.5, HALF)
    moment[1], share[1] = quantile(moments, likely, 0.9, NEARLY)
    return float(likely.sum())


@njit(cache=True, nogil=True)
def quantile(moments: Longs, likely: Floats, share: float, least: float) -> tuple[int, float]:
    """The moment by which what has happened comes nearest to a share of all that does, and how much then has.

    Only moments count by which at least so much has happened; (-1, 0): nothing does. Items come with vans, so much
    happens at once. The first moment by which at least the share has happened would be one by which more has, every
    time.
    """
    whole = likely.sum()
    if whole <= 0:
        return -1, 0.0
    so_far, before, best, nearest, found = 0.0, 0.0, -1, np.inf, 0.0
    for at in range(len(moments)):
        so_far += likely[at]
        if so_far == before or (at + 1 < len(moments) and moments[at + 1] == moments[at]):
            continue
        before = so_far
        if so_far < least * whole * (1 - 1e-12):
            continue
        away = abs(so_far / whole - share)
        if away > nearest + 1e-12:
            break
        best, nearest, found = int(moments[at]), away, so_far / whole
    return best, found
