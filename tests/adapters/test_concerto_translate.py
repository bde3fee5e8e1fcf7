"""Holdings in the dialects of 852, as recordings written by us, become copies in our words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.concerto.catalogue import Cursor, read_cursor
from adapters.concerto.holdings import Copies, Dialect, copies_in_opac, copies_of, day_in, status_of
from adapters.concerto.options import KIND_OPTIONS, dialect_of, pairs_of
from adapters.concerto.system import KIND
from adapters.concerto.translate import is_exactly, loanable_items, record_of, snapshots_of
from adapters.contract import CursorLost, Held, ItemStatus, Snapshot, Title
from adapters.installation import Installation, faults_of
from adapters.protocols.marc import Field, Marc
from adapters.protocols.opac import Circulation, Holding

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PER_BRANCH = Dialect(branch="a", shelfmark="j", copies="t", available="9", status="", barcode="", loanable="q")


def field(text: str) -> Field:
    """A field drawn as catalogues show it: `852 $bCentrum $p1001`."""
    tag, *subfields = text.split(" $")
    return Field(tag, tuple((subfield[0], subfield[1:]) for subfield in subfields))


def copies(dialect: Dialect, *fields: str) -> list[Copies]:
    return copies_of(Marc(number="1", holdings=tuple(map(field, fields))), dialect)


def test_a_field_for_each_copy() -> None:
    assert copies(
        Dialect(),
        "852 $bCentrum $hROM VRIE $p1001 $yJ $zAanwezig",
        "852 $bNoord $p1002 $yN $zUitgeleend tot 12-03-2026",
        "949 $bNoord $p1003",
    ) == [
        Copies(branch="Centrum", shelfmark="ROM VRIE", status=ItemStatus.AVAILABLE, barcode="1001", lendable=True),
        Copies(branch="Noord", status=ItemStatus.ON_LOAN, due=date(2026, 3, 12), barcode="1002", lendable=False),
    ]


def test_a_field_for_several_copies_with_what_goes_with_each() -> None:
    one_by_one, of_all, of_some = (
        copies(Dialect(due="d"), "852 $bCentrum $p1 $zAanwezig $p2 $zUitgeleend $d20260312 $p3 $zVermist"),
        copies(Dialect(), "852 $bC $p1 $p2 $zOnderweg"),
        copies(Dialect(), "852 $bC $p1 $p2 $p3 $zx $zAanwezig"),
    )

    assert [(c.barcode, c.status, c.due) for c in one_by_one] == [
        ("1", ItemStatus.AVAILABLE, None),
        ("2", ItemStatus.ON_LOAN, date(2026, 3, 12)),
        ("3", ItemStatus.MISSING, None),
    ]
    assert [c.status for c in of_all] == [ItemStatus.IN_TRANSIT] * 2
    assert [c.status for c in of_some] == [ItemStatus.UNKNOWN] * 3  # which is of which is not told


@pytest.mark.parametrize(
    ("text", "count", "available"),
    [
        ("852 $aC $t3 $92", 3, 2),
        ("852 $aC $t3 $90", 3, 0),
        ("852 $aC $t3 $97", 3, 3),
        ("852 $aC $t0 $90", 0, 0),
        ("852 $aC $92", 2, 2),
        ("852 $aC", 1, None),
        ("852 $aC $tdrie $9-1", 1, None),
        ("852 $aC $t99999999", 1, None),
    ],
)
def test_a_field_for_each_branch_with_its_numbers(text: str, count: int, available: int | None) -> None:
    (found,) = copies(PER_BRANCH, text)

    assert (found.branch, found.count, found.available, found.barcode) == ("C", count, available, None)


def test_a_branch_may_stand_in_several_subfields() -> None:
    (found,) = copies(Dialect(branch="abc"), "852 $cJeugd $aDe Bieb")

    assert found.branch == "De Bieb Jeugd"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Aanwezig", ItemStatus.AVAILABLE),
        ("AANWEZIG (magazijn)", ItemStatus.AVAILABLE),
        ("niet aanwezig", ItemStatus.UNKNOWN),
        ("aanwezigheid onbekend", ItemStatus.UNKNOWN),
        ("In bestelling sinds 01-02-2026", ItemStatus.ON_ORDER),
        ("in transit", ItemStatus.IN_TRANSIT),
        ("Prêté", ItemStatus.ON_LOAN),
        ("Ter inzage", ItemStatus.REFERENCE),
        ("", ItemStatus.UNKNOWN),
        ("7", ItemStatus.UNKNOWN),
    ],
)
def test_statuses_are_told_by_how_they_begin(said: str, status: ItemStatus) -> None:
    assert status_of(said) is status


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("12-03-2026", date(2026, 3, 12)),
        ("tot 1/3/2026.", date(2026, 3, 1)),
        ("2026-03-12T10:00", date(2026, 3, 12)),
        ("20260312    235900", date(2026, 3, 12)),
        ("31-02-2026", None),
        ("12-03-26", None),
        ("00000000", None),
        ("", None),
    ],
)
def test_days_are_read_as_they_are_written_here(text: str, day: date | None) -> None:
    assert day_in(text) == day


def test_what_is_for_the_house_alone_is_not_lendable() -> None:
    (found,) = copies(Dialect(), "852 $bC $p1 $yJ $zTer inzage")
    (silent,) = copies(Dialect(), "852 $bC $p1 $zAanwezig")

    assert (found.status, found.lendable) == (ItemStatus.REFERENCE, False)
    assert silent.lendable is None


@pytest.mark.parametrize(
    ("circulation", "status", "due"),
    [
        (Circulation(available_now=True, on_hold=False), ItemStatus.AVAILABLE, None),
        (Circulation(available_now=True, on_hold=True), ItemStatus.HELD, None),
        (Circulation(available_now=False, available_on="2026-03-12"), ItemStatus.ON_LOAN, date(2026, 3, 12)),
        (Circulation(available_now=False, on_hold=True), ItemStatus.HELD, None),
        (Circulation(available_now=False), ItemStatus.UNKNOWN, None),
        (Circulation(), ItemStatus.UNKNOWN, None),
        (Circulation(available_now=True, restrictions="ter inzage"), ItemStatus.REFERENCE, None),
    ],
)
def test_circulations_of_opac_records(circulation: Circulation, status: ItemStatus, due: date | None) -> None:
    holding = Holding(nuc_code="L", local_location="Centrum", call_number="ROM", circulations=(circulation,))
    (found,) = copies_in_opac([holding])
    (bare,) = copies_in_opac([Holding(nuc_code="L")])

    assert (found.branch, found.shelfmark, found.status, found.due) == ("Centrum", "ROM", status, due)
    assert (bare.branch, bare.status, bare.barcode) == ("L", ItemStatus.UNKNOWN, None)


# --- our values ----------------------------------------------------------------------------------


def test_numbers_become_snapshots_of_what_is_there_and_what_is_not() -> None:
    found = snapshots_of(
        "1", copies(PER_BRANCH, "852 $aC $t3 $91", "852 $aX $t1 $91"), branches={"C": "NL-1"}, observed_at=NOW
    )

    assert found == [
        Snapshot(reference="1", branch="C", location="NL-1", status=ItemStatus.AVAILABLE, observed_at=NOW, count=1),
        Snapshot(reference="1", branch="C", location="NL-1", status=ItemStatus.ON_LOAN, observed_at=NOW, count=2),
        Snapshot(reference="1", branch="X", location=None, status=ItemStatus.AVAILABLE, observed_at=NOW, count=1),
    ]


def test_a_record_has_one_holding_for_each_branch() -> None:
    marc = Marc(number="1", isbns=("9789021412344",), title="T", volume="Dl. 2")
    found = copies(
        Dialect(),
        "852 $bC $p1 $yN $zAanwezig",
        "852 $bN $p2 $zVraag het",
        "852 $bC $p3 $yJ $zUitgeleend",
    )

    assert record_of(marc, found, branches={"C": "NL-1"}).holdings == (
        Held(branch="C", location="NL-1", copies=2, available=1, loanable=True),
        Held(branch="N", location=None, copies=1, available=None, loanable=True),
    )
    assert record_of(marc, copies(PER_BRANCH, "852 $aC $t0"), branches={}).holdings == ()


def test_only_what_a_title_is_known_by_makes_it_that_title() -> None:
    marc = Marc(number="1", isbns=("9789021412344",), ppn="12345678X")

    assert is_exactly(marc, Title(isbn="9789021412344"))
    assert is_exactly(marc, Title(isbn="9780804429573", ppn="12345678x"))
    assert not is_exactly(marc, Title(isbn="9780804429573", local="2"))
    assert not is_exactly(Marc(number="1"), Title(ppn="1"))


def test_what_stands_on_the_shelf_is_asked_for_first() -> None:
    found = snapshots_of(
        "1",
        copies(
            Dialect(),
            "852 $bC $p1 $zVermist",
            "852 $bC $p2 $zUitgeleend",
            "852 $bC $p3 $yN $zAanwezig",
            "852 $bC $p4 $zAanwezig",
            "852 $bC $zAanwezig",
            "852 $bC $p5",
        ),
        branches={},
        observed_at=NOW,
    )

    assert loanable_items(found) == ["4", "5", "2", "1"]


# --- options and cursors -------------------------------------------------------------------------


def test_a_dialect_is_made_from_options() -> None:
    given_options = {
        "tag": "949",
        "loanable": "l",
        "not_loanable": "X;Nooit ",
        "status_words": "op=available;weg=missing",
    }
    dialect = dialect_of(lambda name: given_options.get(name, KIND_OPTIONS[name].default or ""))

    (one, other) = copies(dialect, "949 $bC $p1 $lnooit $zOp plank 3", "949 $bC $p2 $lJ $zWeg")
    assert (one.status, one.lendable) == (ItemStatus.AVAILABLE, False)
    assert (other.status, other.lendable) == (ItemStatus.MISSING, True)
    assert dialect.words["uitgeleend"] is ItemStatus.ON_LOAN


def test_pairs_are_read() -> None:
    assert pairs_of("NL-1 = C;NL-2=a=b;;x") == {"NL-1": "C", "NL-2=a": "b"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sru_version", "1.0"),
        ("tag", "85"),
        ("branch", ""),
        ("number_index", ""),
        ("isbn_index", "bath.isbn or"),
        ("status_words", "op=somewhere"),
        ("pickups", "NL-1"),
        ("page_size", "0"),
        ("batch", "51"),
        ("ppn", "035()"),
        ("sip2_encoding", "utf-16"),
    ],
)
def test_what_an_option_cannot_be_is_told(name: str, value: str) -> None:
    installation = Installation(system="s", addresses={"sru": "http://h/db"}, options={name: value})

    assert [where for where, _ in faults_of(KIND, installation)] == [f"/options/{name}"]


@given(
    st.builds(
        Cursor,
        position=st.integers(1, 10**11),
        as_of=st.none() | st.just(NOW),
        since=st.sampled_from(["", "2026-03-01", "20260301"]),
        seam=st.text(max_size=50),
    )
)
def test_a_cursor_that_is_handed_out_comes_back_as_it_was(cursor: Cursor) -> None:
    assert read_cursor(cursor.text()) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_a_lost_cursor(text: str) -> None:
    try:
        cursor = read_cursor(text)
    except CursorLost:
        return
    assert cursor.position > 0
    assert cursor.as_of is None or cursor.as_of.tzinfo is not None


@given(
    st.lists(st.tuples(st.sampled_from("abhjpqtyz9"), st.text(max_size=12)), max_size=12),
    st.sampled_from([Dialect(), PER_BRANCH, Dialect(branch="bz", due="t", copies="9")]),
)
def test_any_field_is_read(subfields: list[tuple[str, str]], dialect: Dialect) -> None:
    marc = Marc(number="1", holdings=(Field("852", tuple(subfields)),))
    found = copies_of(marc, dialect)
    record = record_of(marc, found, branches={})

    assert all(one.count >= 0 and (one.available is None or one.available >= 0) for one in found)
    assert all(0 <= (held.available or 0) <= held.copies for held in record.holdings)
    assert all((snapshot.count or 0) > 0 for snapshot in snapshots_of("1", found, branches={}, observed_at=NOW))
