"""What is put on and taken off a trip at each of its calls, and in which crates. Pure.

A crate holds items that leave the van at one call: it is filled at one call and carried off whole at another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from routing import Call, DatedTrip

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Ride(Generic[Item]):
    """Something that boards at one location, as planned at a moment, and leaves at another."""

    item: Item
    from_location: str
    to_location: str
    departs_at: datetime


@dataclass(frozen=True, slots=True)
class Batch(Generic[Item]):
    """What boards at one call and leaves at another (both by position in the trip), and how many crates it fills."""

    boards: int
    leaves: int
    items: tuple[Item, ...]
    crates: int


@dataclass(slots=True)
class Stand(Generic[Item]):
    """One call: what is unloaded, then what is loaded, and how much is on board when the trip goes on."""

    call: Call
    unload: list[Batch[Item]] = field(default_factory=list)
    load: list[Batch[Item]] = field(default_factory=list)
    items_on_board: int = 0
    crates_on_board: int = 0


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Item]):
    """A trip with what it carries; `adrift` is what was planned on it and does not fit the calls that it makes."""

    trip: DatedTrip
    stands: list[Stand[Item]]
    adrift: list[Ride[Item]]

    @property
    def items(self) -> int:
        """How many items ride it."""
        return sum(len(batch.items) for stand in self.stands for batch in stand.load)

    @property
    def most_crates(self) -> int:
        """How many crates are on board where there are most."""
        return max((stand.crates_on_board for stand in self.stands), default=0)


def sheet_of(trip: DatedTrip, rides: Sequence[Ride[Item]], *, items_per_crate: int) -> Sheet[Item]:
    """Give every ride its place: each item that is loaded at a call is unloaded at exactly one later call."""
    batches: dict[tuple[int, int], list[Item]] = defaultdict(list)
    adrift = []
    for ride in rides:
        found = _place(trip.calls, ride)
        if found is None or trip.stopped:
            adrift.append(ride)
        else:
            batches[found].append(ride.item)
    stands: list[Stand[Item]] = [Stand(call) for call in trip.calls]
    for (boards, leaves), items in sorted(batches.items()):
        batch = Batch(boards, leaves, tuple(items), crates_for(len(items), items_per_crate))
        stands[boards].load.append(batch)
        stands[leaves].unload.append(batch)
    items_now = crates_now = 0
    for stand in stands:
        items_now += sum(len(batch.items) for batch in stand.load) - sum(len(batch.items) for batch in stand.unload)
        crates_now += sum(batch.crates for batch in stand.load) - sum(batch.crates for batch in stand.unload)
        stand.items_on_board, stand.crates_on_board = items_now, crates_now
    return Sheet(trip, stands, adrift)


def most_on_board(
    trip: DatedTrip, counts: Mapping[tuple[str, str, datetime], int], *, items_per_crate: int
) -> tuple[int, int]:
    """Return how many items ride a trip, and how many crates are on board where there are most.

    `counts` are the items by from, to and planned departure.
    """
    rides = [
        Ride(None, from_location, to_location, departs_at)
        for (from_location, to_location, departs_at), count in counts.items()
        for _ in range(count)
    ]
    sheet = sheet_of(trip, rides, items_per_crate=items_per_crate)
    return sheet.items, sheet.most_crates


def crates_for(items: int, items_per_crate: int) -> int:
    """Return how many crates so many items fill."""
    return -(-items // items_per_crate)


def _place(calls: Sequence[Call], ride: Ride[Item]) -> tuple[int, int] | None:
    """The calls between which something rides: that nearest to its time, and the next that puts it down."""
    boarding = [
        (abs((call.departs_at - ride.departs_at).total_seconds()), at)
        for at, call in enumerate(calls)
        if call.stop == ride.from_location and call.takes_on and call.departs_at is not None
    ]
    if not boarding:
        return None
    _, boards = min(boarding)
    leaves = next(
        (at for at, call in enumerate(calls) if at > boards and call.stop == ride.to_location and call.puts_down),
        None,
    )
    return None if leaves is None else (boards, leaves)
