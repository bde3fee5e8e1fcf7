"""Run sheets from planned legs: what is loaded is unloaded once, in crates that go from one call to one other."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from app.planning.loading import Ride, Sheet, crates_for, most_on_board, sheet_of
from routing import Change, DatedTrip, Stoppages, Visit, compile_network, find_dated_trip, without
from tests.support.worlds import AMSTERDAM, drawn

DAY = date(2026, 11, 23)
NETWORK = compile_network(drawn("R/round  Mo-Fr  H 08:00  A 08:20/08:25  B 08:40/08:45^  A 09:00/09:05  H 09:30"))
TIMES = {"H": "08:00", "A": "08:25", "B": "08:45", "A again": "09:05"}


def trip(*skipped: Visit) -> DatedTrip:
    changes = frozenset({Change("round", DAY, (), frozenset(skipped))}) if skipped else frozenset()
    found = find_dated_trip(without(NETWORK, Stoppages(changes=changes)), "round", DAY)
    assert found is not None
    return found


def ride(item: str, way: str) -> Ride[str]:
    """An item from one stop to another: `H A`, or `A again H` for the second call at A."""
    start, _, end = way.rpartition(" ")
    at = datetime.fromisoformat(f"{DAY}T{TIMES[start]}").replace(tzinfo=AMSTERDAM)
    return Ride(item, start.split()[0], end, at)


def drawn_sheet(sheet: Sheet[str]) -> list[str]:
    return [
        f"{stand.call.stop}{stand.call.number}"
        + "".join(f" -{''.join(batch.items)}/{batch.crates}" for batch in stand.unload)
        + "".join(f" +{''.join(batch.items)}/{batch.crates}" for batch in stand.load)
        + f" = {stand.items_on_board} in {stand.crates_on_board}"
        for stand in sheet.stands
    ]


def test_a_crate_goes_from_the_call_where_it_is_filled_to_the_one_where_it_is_emptied() -> None:
    rides = [
        ride("a", "H A"),
        ride("b", "H A"),
        ride("c", "H A"),
        ride("d", "B H"),
        ride("e", "A H"),
        ride("f", "A again H"),
    ]
    sheet = sheet_of(trip(), rides, items_per_crate=2)
    assert drawn_sheet(sheet) == [
        "H1 +abc/2 = 3 in 2",
        "A1 -abc/2 +e/1 = 1 in 1",
        "B1 +d/1 = 2 in 2",
        "A2 +f/1 = 3 in 3",
        "H2 -e/1 -d/1 -f/1 = 0 in 0",
    ]
    assert (sheet.items, sheet.most_crates, sheet.adrift) == (6, 3, [])


def test_what_does_not_fit_the_calls_is_adrift_and_named() -> None:
    gone = ride("a", "H A")
    assert sheet_of(trip(Visit("A", 1), Visit("A", 2)), [gone], items_per_crate=9).adrift == [gone]
    later = sheet_of(trip(Visit("A", 1)), [gone], items_per_crate=9)
    assert drawn_sheet(later)[3] == "A2 -a/1 = 0 in 0", "it gets off where the trip comes by again"
    nothing_off_here = ride("b", "H B")
    assert sheet_of(trip(), [nothing_off_here], items_per_crate=9).adrift == [nothing_off_here]


def test_the_load_of_a_day_is_that_of_its_sheets() -> None:
    at = datetime(2026, 11, 23, 8, tzinfo=AMSTERDAM)
    counts = {("H", "A", at): 41, ("B", "H", at + timedelta(minutes=45)): 3, ("A", "B", at): 7}
    assert most_on_board(trip(), counts, items_per_crate=20) == (44, 3)


@seed(20261126)
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(TIMES)), st.sampled_from(["H", "A", "B"]))),
    st.integers(1, 5),
    st.frozensets(st.builds(Visit, st.sampled_from(["H", "A", "B"]), st.integers(1, 2)), max_size=2),
)
def test_every_item_that_is_loaded_is_unloaded_once(
    ways: list[tuple[str, str]], per_crate: int, skipped: frozenset[Visit]
) -> None:
    rides = [ride(str(number), f"{start} {end}") for number, (start, end) in enumerate(ways)]
    sheet = sheet_of(trip(*skipped), rides, items_per_crate=per_crate)
    loaded = [item for stand in sheet.stands for batch in stand.load for item in batch.items]
    unloaded = [item for stand in sheet.stands for batch in stand.unload for item in batch.items]
    assert sorted(loaded) == sorted(unloaded)
    assert sorted([*loaded, *(each.item for each in sheet.adrift)]) == sorted(each.item for each in rides)
    assert (sheet.stands[-1].items_on_board, sheet.stands[-1].crates_on_board) == (0, 0)
    for at, stand in enumerate(sheet.stands):
        assert stand.items_on_board >= 0
        assert all(batch.boards == at < batch.leaves for batch in stand.load)
        assert all(batch.crates == crates_for(len(batch.items), per_crate) for batch in stand.load)
        if Visit(stand.call.stop, stand.call.number) in skipped:
            assert not stand.load
            assert not stand.unload
