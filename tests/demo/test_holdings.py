"""The made holdings: enough of them, well formed, skewed as in life, and invented."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from datetime import date
from pathlib import Path
from time import process_time

import pytest
from stdnum import isbn

from app.demo.make import DemoFiles, make_demo
from tests.demo.conftest import TODAY, Row

Title = tuple[str, str]


@pytest.fixture(scope="module")
def spread(holdings: list[Row]) -> Counter[Title]:
    """In how many places each title stands."""
    return Counter((row["isbn"], row["ppn"]) for row in holdings)


def test_the_columns_are_those_of_the_format(holdings: list[Row]) -> None:
    assert ",".join(holdings[0]) == "location,isbn,ppn,title,author,material,copies,available,loanable"


def test_enough_titles_and_holdings(holdings: list[Row], spread: Counter[Title]) -> None:
    assert len(holdings) >= 300_000
    assert len(spread) >= 20_000
    assert len({row["isbn"] for row in holdings} - {""}) >= 20_000


def test_isbns_and_ppns_are_well_formed_and_of_a_block_that_nobody_has(spread: Counter[Title]) -> None:
    for number, ppn in spread:
        assert number or ppn
        if number:
            assert isbn.validate(number) == number
            assert number.startswith("9789095")
        if ppn:
            assert len(ppn) == 9
            worth = sum(place * int(digit) for place, digit in zip(range(9, 1, -1), ppn, strict=False))
            assert (worth + (10 if ppn[-1] == "X" else int(ppn[-1]))) % 11 == 0


def test_a_title_stands_once_in_a_place_and_has_one_name(holdings: list[Row]) -> None:
    assert max(Counter((row["location"], row["isbn"], row["ppn"]) for row in holdings).values()) == 1
    assert len({(row["isbn"], row["ppn"], row["title"], row["author"], row["material"]) for row in holdings}) == len(
        {row["title"] for row in holdings}
    )


def test_every_holding_stands_in_a_known_location_and_every_location_has_some(
    holdings: list[Row], locations: dict[str, Row]
) -> None:
    assert {row["location"] for row in holdings} == set(locations)


def test_most_titles_stand_in_a_few_places_and_bestsellers_nearly_everywhere(spread: Counter[Title]) -> None:
    places = sorted(spread.values(), reverse=True)
    assert sum(count <= 5 for count in places) > 0.7 * len(places)
    assert places[0] > 0.98 * 1300
    assert sum(count > 650 for count in places) >= 40
    # A power law is a straight line on logarithmic scales: each doubling of places leaves about the same share.
    shares = [sum(count >= 2**power for count in places) for power in range(1, 8)]
    assert all(0.5 < rarer / commoner < 0.72 for commoner, rarer in itertools.pairwise(shares))


def test_large_branches_hold_more(holdings: list[Row], locations: dict[str, Row]) -> None:
    rows = Counter(row["location"] for row in holdings)
    centre = next(isil for isil, row in locations.items() if row["name"] == "Bibliotheek Rotterdam Centrum")
    assert rows[centre] > 5 * sorted(rows.values())[len(rows) // 2]


def test_copies_and_availability_make_sense(holdings: list[Row], agencies: dict[str, Row]) -> None:
    by_hand = {isil[:-4] for isil, row in agencies.items() if not row["system"]}
    for row in holdings:
        if row["location"][:-4] in by_hand:
            assert row["available"] == ""
        elif row["available"]:
            assert 0 <= int(row["available"]) <= int(row["copies"])
    known = [row for row in holdings if row["available"]]
    assert 0.9 < len(known) / len(holdings) < 0.98
    assert 0.2 < sum(row["available"] == "0" for row in known) / len(known) < 0.35


def test_reference_works_stay(holdings: list[Row]) -> None:
    reference = [row for row in holdings if ": het naslagwerk" in row["title"]]
    assert len(reference) > 1000
    assert {row["loanable"] for row in reference} == {"false"}
    assert {row["loanable"] for row in holdings} == {"true", "false"}


def test_all_materials_are_there(holdings: list[Row]) -> None:
    materials = Counter(row["material"] for row in holdings)
    assert set(materials) == {"book", "large_print", "audiobook", "dvd", "sheet_music", "games", "daisy", "braille"}
    assert materials.most_common(1)[0][0] == "book"


def test_the_same_seed_and_day_make_the_same_bytes_and_another_seed_does_not(
    files: DemoFiles, tmp_path: Path
) -> None:
    first = files  # of seed 1
    began = process_time()
    again = make_demo(tmp_path / "again", seed=1, today=TODAY)
    seconds = process_time() - began
    other = make_demo(tmp_path / "other", seed=8, today=TODAY)
    later = make_demo(tmp_path / "later", seed=1, today=date(2027, 3, 1))
    for name in ("agencies", "network", "holdings"):
        made = getattr(first, name).read_bytes()
        assert made == getattr(again, name).read_bytes()
        assert made != getattr(other, name).read_bytes()
        assert (made == getattr(later, name).read_bytes()) is (name != "network")
    assert seconds < 8


def test_the_example_of_the_readme_can_be_asked(holdings: list[Row], locations: dict[str, Row]) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (isbn,) = set(re.findall(r'"isbn": "(\d{13})"', readme))
    (pickup,) = set(re.findall(r'"pickup_location": "([^"]+)"', readme))
    assert isbn in {row["isbn"] for row in holdings}
    assert pickup in locations
