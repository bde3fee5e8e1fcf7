"""What Iguana and V-smart answered, as recordings of our own making, and what is read in it."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import Deleted, ItemStatus, Malformed, Refused, SystemFault
from adapters.protocols.marc import Field
from adapters.vubis.copies import (
    Dialect,
    Item,
    best_first,
    held,
    items_of,
    number_in,
    read_dc_record,
    read_items,
    read_marc_record,
)
from adapters.vubis.translate import (
    Branches,
    Document,
    Labels,
    Result,
    SessionOver,
    Shelf,
    ppn,
    read_result,
    shows,
    snapshots,
)

NOW = datetime(2025, 11, 3, 10, tzinfo=UTC)
EAST, CENTRE = "NL-0800101001", "NL-0800101000"
BRANCHES = Branches({"Centrum": CENTRE, "Wijk : Oost": EAST, "LEE/003": "NL-0800101002"})
LABELS = Labels(isbn=("BriefIsbn",), ppn=("BriefPpn",))


def page(documents: str, *, head: str = "<numberOfRecords>1</numberOfRecords>") -> bytes:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><searchRetrieveResponse>{head}<records>{documents}</records>"
        "</searchRetrieveResponse>"
    ).encode()


def document(lines: str = "", *, number: str = "1.130922", labels: str = "") -> str:
    return (
        f"<record><recordData><BibDocument><Id>{number}</Id><Fields>{labels}</Fields>"
        f"<HoldingsSummary>{lines}</HoldingsSummary></BibDocument></recordData></record>"
    )


def line(shelfmark: str, available: str | None, **more: str) -> str:
    said = {"Shelfmark": shelfmark, **({} if available is None else {"Available": available}), **more}
    inside = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in said.items())
    return f"<ShelfmarkData>{inside}</ShelfmarkData>"


def standing(lines: str) -> list[tuple[str, str | None, str, int | None]]:
    found = read_result(page(document(lines))).documents[0]
    return [
        (snapshot.branch, snapshot.location, snapshot.status.value, snapshot.count)
        for snapshot in snapshots(found, BRANCHES, observed_at=NOW)
    ]


# --- holdings summaries --------------------------------------------------------------------------


def test_copies_on_the_shelf_are_counted_by_branch() -> None:
    lines = line("Centrum : ROMAN", "2") + line("Centrum : GROTE LETTER", "1") + line("Elders : ROMAN", "1")
    assert standing(lines) == [("Centrum", CENTRE, "available", 3), ("Elders", None, "available", 1)]


@pytest.mark.parametrize(
    ("said", "more", "expected"),
    [
        ("Centrum : ROMAN : HARR", {}, ("Centrum", CENTRE)),
        ("Wijk : Oost : ROMAN", {}, ("Wijk : Oost", EAST)),
        ("wijk :  oost", {}, ("wijk : oost", EAST)),
        ("Wijk : West : ROMAN", {}, ("Wijk", None)),
        ("Centrum", {}, ("Centrum", CENTRE)),
        ("ROMAN HARR", {}, ("ROMAN HARR", None)),
        ("Centrum: ROMAN", {}, ("Centrum: ROMAN", None)),
        ("Magazijn : ROMAN", {"LocationWording": "Wijk : Oost"}, ("Wijk : Oost", EAST)),
        ("Magazijn : ROMAN", {"Scope": "LEE/003"}, ("Magazijn", "NL-0800101002")),
        ("", {"Scope": "LEE/003"}, ("LEE/003", "NL-0800101002")),
        ("Cent<q>rum</q> : ROMAN", {}, ("Centrum", CENTRE)),
    ],
)
def test_the_branch_is_told_from_the_call_number(
    said: str, more: dict[str, str], expected: tuple[str, str | None]
) -> None:
    [(branch, location, _, _)] = standing(line(said, "1", **more))
    assert (branch, location) == expected


@pytest.mark.parametrize(
    ("available", "summary", "expected"),
    [
        ("1", "", ("available", 1)),
        ("12", "Aanwezig", ("available", 12)),
        ("0", "", ("on_loan", None)),
        ("0", "Uitgeleend tot 12-11-2025", ("on_loan", None)),
        ("0", "Onderweg", ("in_transit", None)),
        ("0", "In bestelling", ("on_order", None)),
        ("0", "Vermist", ("missing", None)),
        ("2", "Niet uitleenbaar", ("reference", 2)),
        ("", "", ("unknown", None)),
        (None, "", ("unknown", None)),
        ("", "Uitgeleend", ("on_loan", None)),
        ("-1", "", ("unknown", None)),
        ("ja", "", ("unknown", None)),
        ("²", "", ("unknown", None)),
        ("9999999999", "", ("unknown", None)),
    ],
)
def test_how_copies_stand_is_read_of_count_and_summary(
    available: str | None, summary: str, expected: tuple[str, int | None]
) -> None:
    [(_, _, status, count)] = standing(line("Centrum : ROMAN", available, StatusSummary=summary))
    assert (status, count) == expected


def test_a_branch_has_a_snapshot_for_each_status() -> None:
    lines = line("Centrum : ROMAN", "1") + line("Centrum : KAST", "0") + line("Centrum : IN", "1")
    assert standing(lines) == [("Centrum", CENTRE, "available", 2), ("Centrum", CENTRE, "on_loan", None)]


def test_copies_for_the_reading_room_are_not_lendable() -> None:
    found = read_result(page(document(line("Centrum : A", "1", StatusSummary="Niet uitleenbaar")))).documents[0]
    [snapshot] = snapshots(found, BRANCHES, observed_at=NOW)
    assert snapshot.lendable is False
    assert snapshot.observed_at == NOW


def test_a_line_that_names_no_branch_is_left_out() -> None:
    assert standing(line("", "3")) == []


# --- results -------------------------------------------------------------------------------------


def test_the_old_namespace_is_read_too() -> None:
    body = page(document(line("Centrum : A", "1"))).replace(b"<searchRetrieveResponse>", b"<r>")
    body = body.replace(b"<r>", b'<searchRetrieveResponse xmlns="http://www.loc.gov/zing/srw/">')
    assert read_result(body).documents[0].shelves == (Shelf("Centrum : A", available=1),)


@pytest.mark.parametrize("element", ["<bestMatch>1</bestMatch>", "<bestMatch/>"])
def test_a_guess_is_marked_as_one(element: str) -> None:
    assert read_result(page(document(), head=element)).fuzzy


def test_a_result_without_records_is_empty() -> None:
    assert read_result(b"<searchRetrieveResponse/>") == Result(documents=(), whole_size=0)


def test_a_size_that_is_no_number_is_what_came() -> None:
    assert read_result(page(document(), head="<numberOfRecords>veel</numberOfRecords>")).whole_size == 1


@pytest.mark.parametrize("number", ["", "130922", "1.2.3", "a.1", "1." + "9" * 13, "1/2"])
def test_a_record_without_a_number_is_left_out(number: str) -> None:
    assert read_result(page(document(number=number))).documents == ()


@pytest.mark.parametrize("body", ["<!DOCTYPE html>\n<html></html>", "  <html><body>", "\n<!doctype HTML>"])
def test_a_page_for_people_is_the_end_of_the_session(body: str) -> None:
    with pytest.raises(SessionOver):
        read_result(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<searchRetrieveResponse>",
        b"<other/>",
        b'{"records": []}',
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><searchRetrieveResponse>&b;</searchRetrieveResponse>",
        b"<VubisSmart><Header><ErrorCode>0</ErrorCode></Header></VubisSmart>",
    ],
)
def test_what_is_no_result_is_malformed(body: bytes) -> None:
    # An entity declared on the first line reads as the end of a session: nothing in it is ever expanded.
    with pytest.raises((Malformed, SessionOver)):
        read_result(body)


def test_an_error_that_it_reports_is_a_refusal_that_repeats_nothing() -> None:
    said = "<VubisSmart><Header><ErrorCode>2</ErrorCode><ErrorText>lezer 123</ErrorText></Header></VubisSmart>"
    with pytest.raises(Refused) as refused:
        read_result(said.encode())
    assert "123" not in str(refused.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (read_result, lambda body: read_items(body, Dialect())):
        with contextlib.suppress(SystemFault, SessionOver):
            read(body)


@given(
    st.lists(
        st.builds(
            line,
            st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="]\ufffe\uffff"), max_size=40),
            st.none() | st.text("0123456789-² ", max_size=12),
        ),
        max_size=6,
    )
)
def test_whatever_lines_say_no_copy_is_counted_twice_or_below_nothing(lines: list[str]) -> None:
    found = standing("".join(lines))
    assert len({(branch, location, status) for branch, location, status, _ in found}) == len(found)
    assert all(count is None or count > 0 for *_, count in found)


# --- the very title ------------------------------------------------------------------------------


def labelled(*pairs: tuple[str, str]) -> Document:
    labels = "".join(f"<Field><Label>{label}</Label><Data><![CDATA[{data}]]></Data></Field>" for label, data in pairs)
    return read_result(page(document(labels=labels))).documents[0]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("BriefIsbn", "9789025883249")], True),
        ([("briefisbn", "ISBN 978-90-258-8324-9 (geb.) ; 90-258-8324-4")], True),
        ([("BriefIsbn", "<q>9789025883249</q>")], True),
        ([("BriefIsbn", "9789025883256, 9789025883249")], True),
        ([("BriefIsbn", "9789045125503"), ("BriefIsbn", "9789025883249")], True),
        ([("BriefIsbn", "9789045125503")], False),
        ([("BriefIsbn", "97890258832490")], False),
        ([("BriefIsbn", "")], None),
        ([("BriefCover", "9789025883249")], None),
        ([], None),
    ],
)
def test_a_record_is_the_title_by_its_own_isbn(pairs: list[tuple[str, str]], expected: bool | None) -> None:
    assert shows(labelled(*pairs), isbn="9789025883249", wanted_ppn=None, labels=LABELS) is expected


@pytest.mark.parametrize(
    ("shown", "expected"), [("(NL-PPN) 41234567X", True), ("PPN: 41234567x", True), ("412345671", False)]
)
def test_a_record_is_the_title_by_its_own_ppn(shown: str, expected: bool) -> None:
    assert shows(labelled(("BriefPpn", shown)), isbn=None, wanted_ppn="41234567X", labels=LABELS) is expected


def test_several_editions_are_told_apart() -> None:
    first = document(number="1.1", labels="<Label>BriefIsbn</Label><Data>9789025883249</Data>")
    second = document(number="1.2", labels="<Label>BriefIsbn</Label><Data>9789045125503</Data>")
    found = read_result(page(first + second, head="")).documents
    wanted = [one.number for one in found if shows(one, isbn="9789045125503", wanted_ppn=None, labels=LABELS)]
    assert wanted == ["1.2"]


def test_a_ppn_is_compared_without_what_stands_around_it() -> None:
    assert ppn(" PPN 0123 4567x ") == "01234567X"


# --- copies --------------------------------------------------------------------------------------

RECORDED = b"""<zs:searchRetrieveResponse xmlns:zs="http://www.loc.gov/zing/srw/">
<zs:numberOfRecords>1</zs:numberOfRecords><zs:records><zs:record format="UniMarc/B"><zs:recordData>
<leader>00000nam##22######i#450#</leader><controlfield tag="001">2/3066</controlfield>
<datafield tag="073" ind1=" " ind2="0"><subfield code="a">9789025883249</subfield></datafield>
<datafield tag="852"><subfield code="a">LEE</subfield><subfield code="b">003</subfield>
  <subfield code="p">301</subfield><subfield code="q">301</subfield><subfield code="y">0</subfield></datafield>
<datafield tag="852"><subfield code="a">LEE</subfield><subfield code="b">003</subfield>
  <subfield code="q">302</subfield><subfield code="y">4</subfield><subfield code="x">20251120</subfield>
  <subfield code="y">8</subfield></datafield>
<datafield tag="852"><subfield code="a">LEE</subfield><subfield code="q">303</subfield>
  <subfield code="y">999</subfield><subfield code="x">20259999</subfield></datafield>
<datafield tag="852"><subfield code="a">LEE</subfield><subfield code="q">304</subfield>
  <subfield code="y">0</subfield><subfield code="u">0</subfield></datafield>
<datafield tag="852"><subfield code="a">LEE</subfield><subfield code="y">0</subfield></datafield>
</zs:recordData></zs:record></zs:records></zs:searchRetrieveResponse>"""


def test_copies_are_read_with_barcode_branch_status_and_due_day() -> None:
    assert read_items(RECORDED, Dialect()) == [
        Item(barcode="301", scope="LEE/003", status=ItemStatus.AVAILABLE),
        Item(barcode="302", scope="LEE/003", status=ItemStatus.HELD, due=date(2025, 11, 20)),
        Item(barcode="303", scope="LEE", status=ItemStatus.UNKNOWN),
    ]


def test_a_record_that_is_not_there_has_no_copies() -> None:
    assert (
        read_items(
            b"<searchRetrieveResponse><numberOfRecords>0</numberOfRecords></searchRetrieveResponse>", Dialect()
        )
        == []
    )


def field(branch: str, barcode: str, status: str) -> Field:
    return Field("852", (("a", "LEE"), ("b", branch), ("p", barcode), ("y", status)))


def test_the_best_copies_are_asked_first_and_some_never() -> None:
    fields = [field("1", "loan", "4"), field("1", "shelf", "0"), field("1", "reading room", "29")]
    fields += [
        field("1", "lost", "12"),
        field("1", "stacks", "27"),
        field("1", "ordered", "30"),
        field("1", "?", "77"),
    ]
    assert best_first(items_of(fields, Dialect())) == ["shelf", "stacks", "?", "loan"]


def test_harvested_copies_are_counted_by_branch() -> None:
    fields = [field("003", "1", "0"), field("003", "2", "4"), field("004", "3", "29"), field("005", "4", "77")]
    fields += [field("003", "5", "13"), field("006", "6", "30")]
    found = [
        (branch.branch, branch.location, branch.copies, branch.available, branch.loanable)
        for branch in held(fields, Dialect(), BRANCHES)
    ]
    assert found == [
        ("LEE/003", "NL-0800101002", 2, 1, True),
        ("LEE/004", None, 1, 0, False),
        ("LEE/005", None, 1, None, True),
    ]


def test_another_dialect_has_its_copies_elsewhere() -> None:
    given_fields = [Field("949", (("l", "Centrum"), ("i", "77"), ("y", "4")))]
    dialect = Dialect(field="949", branch="l", barcode="i", status="")
    [item] = items_of(given_fields, dialect)
    assert item == Item(barcode="77", scope="Centrum", status=ItemStatus.UNKNOWN)
    assert held(given_fields, dialect, BRANCHES)[0].location == CENTRE


# --- harvested records ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("oai:host:2/3066", "2.3066"),
        ("oai:host:2:3066", "2.3066"),
        ("oai:host:3066", "2.3066"),
        ("oai:host.nl:20240/3066", "2.3066"),
        ("oai:host:record", None),
    ],
)
def test_the_number_stands_at_the_end_of_the_identifier(identifier: str, expected: str | None) -> None:
    assert number_in(identifier, "2_LIE") == expected


def test_dublin_core_has_a_title_but_no_holdings() -> None:
    root = etree.fromstring(
        '<dc xmlns="http://purl.org/dc/elements/1.1/"><title>Lampje</title><creator>Schaap</creator>'
        "<identifier>ISBN 9789045125503</identifier><identifier>PPN 41234567X</identifier></dc>"
    )
    record = read_dc_record(root, "1.2")
    assert (record.title, record.author, record.isbns, record.ppn) == (
        "Lampje",
        "Schaap",
        ("9789045125503",),
        "41234567X",
    )
    assert record.holdings == ()


def read(xml: str) -> object:
    return read_marc_record(etree.fromstring(xml), "1.2", dialect=Dialect(), branches=BRANCHES, ppn_rule="035(OCoLC)")


def test_a_record_whose_leader_says_so_is_deleted() -> None:
    assert read("<record><leader>00000dam a2200000 a 4500</leader></record>") == Deleted("1.2")


def test_metadata_without_marc_is_malformed() -> None:
    with pytest.raises(Malformed):
        read("<other/>")


def test_no_more_is_read_of_a_page_than_it_may_hold() -> None:
    found = read_result(page(document() * 51, head="<numberOfRecords>51</numberOfRecords>"))
    assert (len(found.documents), found.whole_size) == (50, 51)
    crowded = read_result(page(document(line("Centrum : A", "1") * 1001)))
    assert len(crowded.documents[0].shelves) == 1000


def test_remarks_in_an_answer_are_not_read() -> None:
    mark = "<Shelfmark><!-- Depot -->Cent<!-- -->rum<b> : A</b></Shelfmark>"
    assert standing(f"<ShelfmarkData>{mark}<Available>1</Available></ShelfmarkData>") == [
        ("Centrum", CENTRE, "available", 1)
    ]
