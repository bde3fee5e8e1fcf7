"""Which title a record of a system is about, beside other systems and files, and what its locations hold then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.contract import Held, Record
from app.imports.holdings import import_holdings
from app.lending.doubts import decide_doubt
from app.lending.harvest import start
from app.store.doubts import UnknownDoubt, list_doubts
from tests.harvest.scripted import ISBNS, Stage, record
from tests.support.tables import drawn_titles, file_of

X, Y, Z = ISBNS


async def land(stage: Stage, name: str, *records: Record) -> None:
    stage[name].put(*records)
    await stage.harvest(name)


async def imported(stage: Stage, *lines: str, replace: bool = False) -> None:
    header = "location,isbn,ppn,title,copies\n"
    with file_of(header + "\n".join(lines) + "\n") as file:
        await import_holdings(stage.ground.database, file, strict=True, replace=replace)


async def titles(stage: Stage) -> list[str]:
    return await drawn_titles(stage.ground.database)


async def doubts(stage: Stage) -> list[tuple[str, str]]:
    async with stage.ground.database.connection() as connection:
        return [(each["id"], each["why"]) for each in await list_doubts(connection, after=None, limit=100)]


async def decide(stage: Stage, decision: str, pair: str | None = None) -> None:
    pair = pair or (await doubts(stage))[0][0]
    one, other = map(int, pair.split("-"))
    await decide_doubt(stage.ground, one, other, decision, by="KB")  # type: ignore[arg-type]


async def test_two_systems_have_one_title(stage: Stage) -> None:
    await stage.add("two")
    await land(stage, "one", record("1", "A", isbn=X))
    await land(stage, "two", record("9", "B", isbn=f"{X} {Y}", ppn="p"))
    assert await titles(stage) == [f"{X} {Y} | P | A B"]
    await land(stage, "one", record("2", "C", isbn=Y))
    assert await titles(stage) == [f"{X} {Y} | P | A B C"]
    assert await doubts(stage) == []


async def test_volumes_stay_apart_and_are_no_doubt(stage: Stage) -> None:
    await stage.add("two")
    await land(stage, "one", record("1", "A", isbn=X, volume="Deel 1"), record("2", "A", isbn=X, volume="Deel 2"))
    await land(stage, "two", record("7", "B", isbn=X, volume="1"), record("8", "B", isbn=X, volume="dl. 02"))
    assert await titles(stage) == [f"{X} |  | A B", f"{X} |  | A B"]
    assert await doubts(stage) == []
    await land(stage, "two", record("9", "C", isbn=X))
    assert len(await titles(stage)) == 3
    assert [why for _, why in await doubts(stage)] == ["volume_unknown", "volume_unknown"]


async def test_records_at_one_location_add_up(stage: Stage) -> None:
    await land(
        stage,
        "one",
        record("1", isbn=X, ppn="p"),
        Record(number="2", ppn="p", holdings=(Held(branch="a", location="A", copies=2, available=1),)),
        Record(
            number="3",
            ppn="p",
            holdings=(
                Held(branch="a", location="A", copies=3, available=3),
                Held(branch="a2", location="A", copies=1, available=None),
                Held(branch="a3", location="A", copies=7, available=7, loanable=False),
                Held(branch="b", location="B", copies=2, available=None),
                Held(branch="b2", location="B", copies=2, available=0),
                Held(branch="c", location="C", copies=2, available=2, loanable=False),
                Held(branch="c", location="C", copies=1, available=0, loanable=False),
            ),
        ),
    )
    # what cannot be lent counts only where nothing can; what is known to be in is in, whatever else there is
    assert await stage.shelves() == ["A: 6/4 P", "B: 4 P", "C: 3/2 P kept"]
    stage["one"].delete("2")
    await stage.harvest("one")
    assert (await stage.shelves())[0] == "A: 4/3 P"
    stage["one"].delete("3")
    await stage.harvest("one")
    assert await stage.shelves() == []


async def test_of_two_systems_at_one_location_that_counts_which_it_uses(stage: Stage) -> None:
    await stage.add("two")
    await land(stage, "one", record("1", "A", ppn="p", isbn=X), record("2", "A", ppn="q", isbn=Y))
    stage["two"].put(Record(number="1", ppn="p", holdings=(Held(branch="a", location="A", copies=5),)))
    await stage.harvest("two")
    assert await stage.shelves() == ["A: 1 Q", "A: 5 P"]  # it is nobody's: the more
    await stage.rows("update location set system = 'one' where id = 'A'")
    await stage.harvest("two", whole=True)
    assert await stage.shelves() == ["A: 1 P", "A: 1 Q"]
    # it moves on: whatever the system that was left still says
    await stage.rows("update location set system = 'two' where id = 'A'")
    await stage.harvest("two", whole=True)
    assert await stage.shelves() == ["A: 1 Q", "A: 5 P"]
    stage["one"].lose("1", "2")
    await stage.harvest("one", whole=True)
    await stage.harvest("one", confirm_run=2)
    assert await stage.shelves() == ["A: 5 P"]


async def test_what_a_file_said_is_not_taken_away_by_systems(stage: Stage) -> None:
    await imported(stage, f"A,{X},p,,4", f"B,{Y},q,,1")
    await land(stage, "one", record("1", "C", ppn="p"), record("2", "D", isbn=Y))
    assert await stage.shelves() == ["A: 4 P", "B: 1 Q", "C: 1 P", "D: 1 Q"]
    stage["one"].lose("1", "2")
    await stage.harvest("one", whole=True)
    await stage.harvest("one", confirm_run=2)
    assert await stage.shelves() == ["A: 4 P", "B: 1 Q"]


async def test_who_spoke_last_of_a_location_and_title_stands(stage: Stage) -> None:
    await imported(stage, f"A,{X},p,,4")
    await land(stage, "one", record("1", "A", "B", ppn="p"))
    assert await stage.shelves() == ["A: 1 P", "B: 1 P"]
    stage.later(hours=3)
    await stage.harvest("one")
    await imported(stage, f"A,{X},p,,6")
    assert await stage.shelves() == ["A: 6 P", "B: 1 P"]
    await stage.harvest("one")  # nothing changed there
    assert await stage.shelves() == ["A: 6 P", "B: 1 P"]
    await stage.harvest("one", whole=True)
    assert await stage.shelves() == ["A: 1 P", "B: 1 P"]
    await imported(stage, f"B,{Y},q,,1", replace=True)
    assert await stage.shelves() == ["A: 1 P", "B: 1 Q"]
    await stage.harvest("one", whole=True)
    assert await stage.shelves() == ["A: 1 P", "B: 1 P", "B: 1 Q"]


async def test_a_file_that_joins_titles_takes_records_along(stage: Stage) -> None:
    await land(stage, "one", record("1", "A", isbn=X), record("2", "A", ppn="p"))
    assert await titles(stage) == [" | P | A", f"{X} |  | A"]
    await imported(stage, f"B,{X},p,,1")
    assert await titles(stage) == [f"{X} | P | A B"]
    assert await stage.shelves() == ["A: 2 P", "B: 1 P"]
    stage["one"].delete("1")
    await stage.harvest("one")
    assert await stage.shelves() == ["A: 1 P", "B: 1 P"]


async def test_a_record_that_is_corrected_moves_to_its_title(stage: Stage) -> None:
    await land(stage, "one", record("1", "A", "B", isbn=X, title="Een"), record("2", "A", isbn=Y, title="Twee"))
    await land(stage, "one", record("1", "A", "C", isbn=Y, title="Twee"))
    assert await stage.shelves() == ["A: 2 Twee", "C: 1 Twee"]


async def test_a_title_follows_the_record_that_named_it(stage: Stage) -> None:
    await stage.add("two")
    await land(stage, "one", record("1", "A", isbn=X, title="De ontdeking van de hemel"))
    await land(stage, "two", record("1", "B", isbn=X, title="De ontdekking van de hemel / Mulisch"))
    names = "select title from title"
    assert await stage.rows(names) == [("De ontdeking van de hemel",)]
    await land(stage, "one", record("1", "A", isbn=X, title="De ontdekking van de hemel"))
    assert await stage.rows(names) == [("De ontdekking van de hemel",)]


async def test_a_record_without_numbers_is_a_title_that_goes_with_it(stage: Stage) -> None:
    await land(stage, "one", Record(number="1", title="Brieven", holdings=record("", "A").holdings))
    await land(stage, "one", Record(number="2", title="Brieven", holdings=record("", "A").holdings))
    assert await stage.rows("select title from title") == [("Brieven",), ("Brieven",)]
    stage["one"].delete("1")
    await land(stage, "one", record("2", "A", isbn=X, title="Brieven"))
    assert await titles(stage) == [f"{X} |  | A"]


async def test_an_isbn_that_was_used_again_is_a_doubt_until_somebody_decides(stage: Stage) -> None:
    await stage.add("two")
    await land(stage, "one", record("1", "A", isbn=X, title="De aanslag"))
    await land(stage, "two", record("1", "B", isbn=X, title="Koken met gas"))
    assert len(await titles(stage)) == 2
    assert [why for _, why in await doubts(stage)] == ["one_isbn"]
    await decide(stage, "different")
    assert await doubts(stage) == []
    # kept to by imports, which know no names to go by, and by harvests
    await imported(stage, f"C,{X},,,1", f"D,{X},zz,,1")
    assert await titles(stage) == [f"{X} |  | A C", f"{X} |  | B", f"{X} | ZZ | D"]
    await stage.harvest("one", whole=True)
    await stage.harvest("two", whole=True)
    assert await titles(stage) == [f"{X} |  | A C", f"{X} |  | B", f"{X} | ZZ | D"]


async def test_titles_that_are_said_to_be_one_stay_one(stage: Stage) -> None:
    await stage.add("two")
    await stage.add("three")
    await land(stage, "one", record("1", "A", "B", isbn=X, title="De aanslag"))
    await land(stage, "two", record("1", "B", "C", isbn=X, title="The assault", volume="NL"))
    await land(stage, "two", record("2", "C", isbn=X, title="The assault"))
    assert len(await titles(stage)) == 3
    while left := await doubts(stage):
        await decide(stage, "same", left[0][0])
    assert await titles(stage) == [f"{X} |  | A B C"]
    assert await stage.shelves() == ["A: 1 De aanslag", "B: 1 De aanslag", "C: 2 De aanslag"]
    # whatever comes later under either name or volume belongs to it
    await land(stage, "three", record("8", "D", isbn=X, title="The assault", volume="NL"))
    await land(stage, "two", record("1", "B", isbn=f"{X} {Y}", title="The assault", volume="NL"))
    await stage.harvest("two", whole=True)
    assert await titles(stage) == [f"{X} {Y} |  | A B C D"]
    assert await doubts(stage) == []


async def test_two_ppns_become_one_title_only_when_people_say_so(stage: Stage) -> None:
    await imported(stage, f"A,{X},p,,1", f"B,{X},q,,1")
    await land(stage, "one", record("1", "C", isbn=X, ppn="q"), record("2", "D", isbn=X))
    assert await titles(stage) == [f"{X} |  | D", f"{X} | P | A", f"{X} | Q | B C"]
    assert [why for _, why in await doubts(stage)] == ["two_ppns", "one_isbn", "one_isbn"]
    await decide(stage, "same")
    assert await titles(stage) == [f"{X} |  | D", f"{X} | P Q | A B C"]
    await imported(stage, f"A,{X},p,,1", f"B,{X},q,,1")
    await stage.harvest("one", whole=True)
    assert await titles(stage) == [f"{X} |  | D", f"{X} | P Q | A B C"]


async def test_titles_told_apart_stay_apart_when_one_is_joined_to_another(stage: Stage) -> None:
    await land(stage, "one", record("1", "A", isbn=X, ppn="p"), record("2", "B", isbn=X, ppn="q"))
    await land(stage, "one", record("3", "C", isbn=X, ppn="r"))
    (pq, _), (pr, _), (qr, _) = await doubts(stage)
    await decide(stage, "different", pr)
    await decide(stage, "same", pq)
    assert await doubts(stage) == []  # q became p, and p is not r
    with pytest.raises(UnknownDoubt):
        await decide(stage, "same", qr)


async def test_a_pair_can_be_decided_otherwise_later(stage: Stage) -> None:
    await land(stage, "one", record("1", "A", isbn=X, ppn="p"), record("2", "B", isbn=X, ppn="q"))
    ((pair, _),) = await doubts(stage)
    await decide(stage, "different", pair)
    await decide(stage, "same", pair)
    assert await titles(stage) == [f"{X} | P Q | A B"]
    assert await stage.rows("select decision, by from title_decision") == [("same", "KB")]


async def test_an_isbn_that_stands_for_anything_ties_nothing_together(stage: Stage) -> None:
    one = stage["one"]
    one.page_size = 10
    await land(stage, "one", *(record(f"r{n:02}", "A", isbn=X, ppn=f"p{n}") for n in range(60)))
    await land(stage, "one", record("bare", "B", isbn=X), record("more", "B", isbn=f"{X} {Y}"))
    assert await stage.rows("select count(*) from title_isbn where isbn = $1", X) == [(50,)]
    assert await stage.rows("select count(*) from title") == [(62,)]
    assert await doubts(stage) == []


async def test_a_busy_import_puts_a_harvest_off_and_nothing_is_lost(stage: Stage) -> None:
    stage.ground = replace(stage.ground, lease=stage.ground.lease / 30)
    one = stage["one"]
    one.put(record("1", "A"))
    await start(stage.ground, "one", whole=False, confirm_run=None)
    async with stage.ground.database.transaction() as connection:
        await connection.execute("select pg_advisory_xact_lock(hashtext('leenpad.import.holdings'))")
        await stage.work()
    assert await stage.rows("select errors from harvest") == [(0,)]
    stage.later(seconds=1)
    await stage.work()
    assert await stage.shelves() == ["A: 1 P1"]
