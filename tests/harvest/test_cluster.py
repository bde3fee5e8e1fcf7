"""Which title a record is about: drawn as `number: isbns | ppn | part "name"`, and the titles that come of it."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lending.cluster import Known, Named, Plan, alike, cluster, folded, part_of, settled

X, Y, Z = "9780306406157", "9783161484100", "9789000000005"
LETTERS = {"X": X, "Y": Y, "Z": Z}


def named(drawn: str) -> Named:
    number, isbns, ppn, part, name = _read(drawn)
    return Named(number=number, isbns=isbns, ppn=ppn or None, part=part, title=name, author="")


def known(drawn: str) -> Known:
    number, isbns, ppn, part, name = _read(drawn)
    return Known(
        id=int(number),
        isbns=set(isbns),
        ppns={ppn} if ppn else set(),
        part=part,
        parts={part},
        names=[name] if name else [],
    )


def _read(drawn: str) -> tuple[str, tuple[str, ...], str, str, str]:
    found = re.fullmatch(r'(\w+): ([XYZ ]*)\| *(\w*) *\| *(\w*) *(?:"(.*)")?', drawn)
    assert found is not None, drawn
    return found[1], tuple(LETTERS[each] for each in found[2].split()), found[3], found[4], found[5] or ""


def together(plan: Plan) -> set[frozenset[str]]:
    """The records by title."""
    joined = settled(plan.joined)
    titles: dict[int, set[str]] = {}
    for number, home in plan.homes.items():
        titles.setdefault(joined.get(home, home), set()).add(number)
    return {frozenset(numbers) for numbers in titles.values()}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        # one PPN, whatever the ISBNs
        (["a: X | p |", "b: Y | p |"], "ab"),
        # one ISBN, no PPN
        (["a: X | |", "b: X | |"], "ab"),
        (["a: X Y | |", "b: Y | |"], "ab"),
        # an ISBN alone goes with the only PPN
        (["a: X | |", "b: X | p |"], "ab"),
        # two PPNs never become one, and what an ISBN alone means is open then
        (["a: X | p |", "b: X | q |"], "a b"),
        (["a: X | p |", "b: X | q |", "c: X | |"], "a b c"),
        # volumes stay apart, with and without PPNs
        (["a: X | | 1", "b: X | | 2"], "a b"),
        (["a: X | | 1", "b: X | | 2", "c: X | | 1"], "ac b"),
        (["a: X | p | 1", "b: X | p | 2"], "a b"),
        (["a: X | p | 1", "b: X | p | 2", "c: X | | 2"], "a bc"),
        (["a: X | p |", "b: X | p | 2"], "ab"),
        (["a: X | | 1", "b: X | |"], "a b"),
        (["a: X | | braille", "b: X | |"], "a b"),
        # an ISBN that was used again
        (['a: X | | "De aanslag"', 'b: X | | "Koken met gas"'], "a b"),
        (['a: X | | "De aanslag"', 'b: X | p | "Koken met gas"'], "a b"),
        (['a: X | | "De aanslag"', 'b: X | | "Aanslag, De : roman"'], "ab"),
        (['a: X | p | "De aanslag"', 'b: X | p | "The assault"'], "ab"),
        # nothing to go by
        (['a: | | "Brieven"', 'b: | | "Brieven"'], "a b"),
    ],
)
def test_records_that_come_together(records: list[str], expected: str) -> None:
    assert together(cluster([named(each) for each in records], [], set())) == {
        frozenset(title) for title in expected.split()
    }


@pytest.mark.parametrize(
    ("titles", "record", "expected"),
    [
        (["1: X | |"], "a: X | |", "a→1"),
        (["1: X | p |"], "a: X | |", "a→1"),
        (["1: X | |"], "a: X | p |", "a→1 p→1"),
        (["1: X | |", "2: | p |"], "a: X | p |", "a→2 X→2 1⇒2"),
        (["1: X | p |", "2: X | q |"], "a: X | |", "a→-1 X→-1"),
        (["1: X | p |", "2: X | q |", "3: X | |"], "a: X | |", "a→3"),
        # names that nobody takes for one another
        (['1: X | | "De aanslag"'], 'a: X | p | "Koken met gas"', "a→-1 X→-1 p→-1"),
        (['1: X | | "De aanslag"', '2: X | p | "Koken met gas"'], 'a: X | p | "Koken"', "a→2"),
        (['1: X | | "De aanslag"', '2: X | | "Koken met gas"'], 'a: X | | "Koken op gas"', "a→2"),
        # several that would do: none is taken over
        (["1: X | |", "2: X | |"], "a: X | p |", "a→-1 X→-1 p→-1"),
        # what leads to another PPN besides does not join this one
        (["1: X Y | |", "2: Y | q |"], "a: X | p |", "a→-1 X→-1 p→-1"),
        # a volume whose PPN is another one's
        (["1: X | p | 1"], "a: X | p | 2", "a→-1 X→-1"),
        (["1: | p |"], "a: | p | 2", "a→1 1=2"),
    ],
)
def test_a_record_finds_its_title_among_those_there_are(titles: list[str], record: str, expected: str) -> None:
    plan = cluster([named(record)], [known(each) for each in titles], set())
    signs = {isbn: letter for letter, isbn in LETTERS.items()}
    drawn = [f"{number}→{home}" for number, home in plan.homes.items()]
    drawn += [f"{signs[isbn]}→{title}" for isbn, title in plan.isbns] + [f"{ppn}→{title}" for ppn, title in plan.ppns]
    drawn += [f"{gone}⇒{kept}" for gone, kept in plan.joined.items()]
    drawn += [f"{title}={part}" for title, part in plan.parts.items()]
    assert " ".join(drawn) == expected


def test_titles_that_people_told_apart_stay_apart() -> None:
    titles = [known("1: X | |"), known("2: | p |")]
    plan = cluster([named("a: X | p |")], titles, {frozenset({1, 2})})
    assert plan.joined == {}
    assert plan.homes == {"a": 2}


records = st.lists(
    st.tuples(
        st.lists(st.sampled_from((X, Y, Z)), max_size=2, unique=True),
        st.sampled_from(("p", "q", None)),
        st.sampled_from(("", "1", "2")),
    ),
    min_size=1,
    max_size=8,
)


@given(drawn=records, seed=st.integers(0, 99))
def test_whatever_comes_ppns_and_volumes_stay_apart(
    drawn: list[tuple[list[str], str | None, str]], seed: int
) -> None:
    every = [
        Named(number=str(at), isbns=tuple(isbns), ppn=ppn, part=part, title="", author="")
        for at, (isbns, ppn, part) in enumerate(drawn)
    ]
    by_number = {each.number: each for each in every}
    Random(seed).shuffle(every)
    plan = cluster(every, [], set())
    assert set(plan.homes) == set(by_number)
    # no title has two PPNs; a record may name one that is another volume's
    joined = settled(plan.joined)
    homes = [joined.get(title, title) for _, title in plan.ppns]
    assert len(homes) == len(set(homes))
    for title in together(plan):
        inside = [by_number[number] for number in title]
        assert len({each.part for each in inside if each.part}) <= 1
        # and nothing is together that has nothing in common
        for each in inside:
            others = [other for other in inside if other is not each]
            shares = [set(each.isbns) & set(other.isbns) or (each.ppn and each.ppn == other.ppn) for other in others]
            assert not others or any(shares)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Ångström & Søn", "angstrom son"),
        ("L'Œuvre d'Æsop", "loeuvre daesop"),
        ("’s-Gravenhage, 1900–1950", "s gravenhage 1900 1950"),
        ("ĲSSEL ﬁets STRAẞE", "ijssel fiets strasse"),
        ("e\u0301le\u0300ve", "eleve"),
        ("Foto's", "fotos"),
        ("  ", ""),
    ],
)
def test_what_is_left_of_text(said: str, expected: str) -> None:
    assert folded(said) == expected


@pytest.mark.parametrize(
    ("volume", "material", "expected"),
    [
        (None, "book", ""),
        ("Deel 02", "book", "2"),
        ("dl. 2", "book", "2"),
        ("[Vol.] II", "book", "ii"),
        ("2: De terugkeer", "book", "2 de terugkeer"),
        (None, "daisy", "daisy"),
        ("1", "braille", "1 braille"),
        ("0", "dvd", "0"),
    ],
)
def test_what_tells_volumes_apart(volume: str | None, material: str, expected: str) -> None:
    assert part_of(volume, material) == expected


@pytest.mark.parametrize(
    ("one", "other", "may_be"),
    [
        ("De ontdekking van de hemel", "Ontdekking van de hemel", True),
        ("Harry Potter en de steen der wijzen", "Harry Potter en de geheime kamer", False),
        ("De aanslag", "De aanslag : roman / Harry Mulisch", True),
        ("De aanslag", "Het bureau", False),
        ("Het", "De", False),
        ("Het", "Het", True),
        ("", "Het bureau", True),
        ("Café de dodo", "Cafe De Dodo", True),
    ],
)
def test_names_that_may_be_of_one_work(one: str, other: str, may_be: bool) -> None:
    assert alike(one, other) is alike(other, one) is may_be
