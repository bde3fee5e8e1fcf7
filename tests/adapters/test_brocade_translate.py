"""Brocade's words in ours: catxml as we think it is nested and otherwise, catalogue files, chains of LOIs."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.brocade.files import COLUMNS, Piece, read_columns, read_piece
from adapters.brocade.index import TitleIndex
from adapters.brocade.translate import (
    CatHolding,
    CatObject,
    CatRecord,
    Dialect,
    change_of,
    has,
    held_of,
    items_at,
    loi_in,
    read_catxml,
    stands_at,
    status_of,
)
from adapters.contract import Deleted, Held, ItemStatus, Malformed, Page, Record
from adapters.xml import parse_xml

DIALECT = Dialect(
    branches={"UA-CST": "NL-1", "UA-CDE": "NL-2", "UA-CST/KOST": "NL-3"}, reference_classes=frozenset({"REF"})
)

RECORDING = """
<catxml>
  <catrecord cloi="c:lvd:123456">
    <ss cp="rphilips" st=""/>
    <ti ty="u" pr="r"><ti>Onderdrukte titel</ti></ti>
    <ti ty="h" lg="dut" pr="oi"><ti>De  ontdekking
      van de hemel</ti><ex>roman</ex></ti>
    <au ac="1"><fn>a::99.12:1</fn></au>
    <au fu="aut"><fn>Mulisch</fn><vn>Harry</vn></au>
    <au fu="ill"><fn>Iemand</fn></au>
    <nr ty="isbn" ch="0"><nr>90-234-0000-1</nr></nr>
    <nr ty="isbn" ch="1"><nr>90-234-6638-1 (geb.)</nr></nr>
    <nr ty="ISBN"><nr>978-90-234-6638-3</nr></nr>
    <nr ty="issn"><nr>9789029568449</nr></nr>
    <nr ty="ppn"><nr>12345678x</nr></nr>
    <dr>boek</dr>
    <co><vo>2</vo></co>
    <rl ty="vn" cloi="c:lvd:99"/>
    <bezit>
      <bibliotheek is="UA-CST">
        <pk ploi="p:lvd:2368" ty="MAG"><pk>MAG-P 12.1</pk><bz>1-3</bz>
          <vo vo="1"><object oloi="o:lvd:1" up="UITL"><ix ty="bc">03000001</ix><ix ty="rfid">E004</ix></object></vo>
          <vo vo="2"><object oloi="o:lvd:2" up="REF" barcode="03000002"/></vo>
          <vo vo="3"><object oloi="o:lvd:1" up="UITL"><ix ty="bc">03000001</ix></object></vo>
        </pk>
        <pk ploi="p:lvd:2369" ty="KOST" rc="1"><object oloi="o:lvd:3"/></pk>
      </bibliotheek>
      <bibliotheek is="UA-CDE"><pk ploi="p:anet:5" ic="1" uc="0"/></bibliotheek>
      <bibliotheek is="UA-MAR"><pk ploi="p:lvd:7" uc="0"/></bibliotheek>
    </bezit>
  </catrecord>
</catxml>
"""


def catxml(text: str, identifier: str = "c:lvd:123456", dialect: Dialect = DIALECT) -> CatRecord:
    return read_catxml(parse_xml(text.encode()), identifier, dialect)


# --- catxml --------------------------------------------------------------------------------------


def test_a_record_with_its_chain() -> None:
    assert catxml(RECORDING) == CatRecord(
        loi="c:lvd:123456",
        isbns=("9789023466383",),
        ppn="12345678X",
        title="De ontdekking van de hemel : roman",
        author="Mulisch, Harry",
        material="boek",
        volume="2",
        holdings=(
            CatHolding(
                loi="p:lvd:2368",
                library="UA-CST",
                collection="MAG",
                shelfmark="MAG-P 12.1",
                summary="1-3",
                objects=(
                    CatObject(loi="o:lvd:1", barcode="03000001", object_class="UITL"),
                    CatObject(loi="o:lvd:2", barcode="03000002", object_class="REF"),
                ),
            ),
            CatHolding(
                loi="p:lvd:2369",
                library="UA-CST",
                collection="KOST",
                lendable=False,
                objects=(CatObject(loi="o:lvd:3"),),
            ),
            CatHolding(loi="p:anet:5", library="UA-CDE", lendable=True),
            CatHolding(loi="p:lvd:7", library="UA-MAR", lendable=False),
        ),
    )


def test_the_same_is_read_however_it_is_nested() -> None:
    flat = """
    <r:rec xmlns:r="urn:any"><r:title/><r:ti ti="Titel"/>
      <r:place loi="p:lvd:1" lib="UA-CST"><r:copy id="o:lvd:1" bc="B1"/></r:place></r:rec>"""
    deep = """
    <x><y><ti>Titel</ti><lib><lib>UA-CST</lib><h n="p:lvd:1"><i><j n="o:lvd:1"><barcode>B1</barcode></j></i></h></lib>
    </y></x>"""

    expected = CatRecord(
        loi="c:lvd:123456",
        title="Titel",
        holdings=(CatHolding(loi="p:lvd:1", library="UA-CST", objects=(CatObject(loi="o:lvd:1", barcode="B1"),)),),
    )
    assert catxml(flat) == expected
    assert catxml(deep) == expected


@pytest.mark.parametrize(
    "text",
    [
        '<catxml st="d"/>',
        '<catxml><catrecord cloi="c:lvd:123456" st="d"/></catxml>',
        '<catxml><catrecord cloi="c:lvd:123456"><ss st="d"/><pk ploi="p:lvd:1" is="X"/></catrecord></catxml>',
    ],
)
def test_a_record_that_was_deleted(text: str) -> None:
    assert catxml(text) == CatRecord(loi="c:lvd:123456", deleted=True)
    assert change_of(catxml(text), DIALECT) == Deleted("c:lvd:123456")


def test_a_holding_that_was_deleted_deletes_no_record() -> None:
    text = '<catxml><catrecord cloi="c:lvd:123456"><pk ploi="p:lvd:1" is="X" st="d"/></catrecord></catxml>'

    assert catxml(text).deleted is False


def test_the_number_comes_from_the_identifier_first() -> None:
    text = '<catxml cloi="c:lvd:5"><ti>T</ti></catxml>'

    assert catxml(text, "oai:anet.example.org:c:stcv:7").loi == "c:stcv:7"
    assert catxml(text, "urn:whatever").loi == "c:lvd:5"
    with pytest.raises(Malformed, match="c-loi"):
        catxml("<catxml/>", "urn:whatever")


def test_what_cannot_be_a_record_is_malformed() -> None:
    with pytest.raises(Malformed, match="no library"):
        catxml('<catxml><pk ploi="p:lvd:1"/></catxml>')
    objects = "".join(f'<o l="o:lvd:{number}"/>' for number in range(2001))
    with pytest.raises(Malformed, match="objects"):
        catxml(f'<catxml><pk ploi="p:lvd:1" is="X">{objects}</pk></catxml>')
    with pytest.raises(Malformed, match="elements"):
        catxml(f"<catxml>{'<a/>' * 50_000}</catxml>")


@pytest.mark.parametrize(
    ("text", "kind", "loi"),
    [
        ("c:lvd:123", "c", "c:lvd:123"),
        ("oai:anet.be:c:lvd:123", "c", "c:lvd:123"),
        ("o:anet:1 p:brocade:12312", "p", "p:brocade:12312"),
        ("c:lvd:123456789012345678901", "c", None),
        ("c:lvd:12a", "c", "c:lvd:12"),
        ("abc:lvd:1", "c", None),
        ("c:lvd:", "c", None),
    ],
)
def test_lois(text: str, kind: str, loi: str | None) -> None:
    assert loi_in(text, kind) == loi


# --- from records to holdings --------------------------------------------------------------------


def test_holdings_by_branch() -> None:
    assert held_of(catxml(RECORDING), DIALECT) == (
        Held(branch="UA-CST", location="NL-1", copies=1),  # the other is of a class that is never lent
        Held(branch="UA-CST/KOST", location="NL-3", copies=1, loanable=False),
        Held(branch="UA-CDE", location="NL-2", copies=1),  # no object, and yet it is there
        Held(branch="UA-MAR", location=None, copies=1, loanable=False),
    )


def test_a_record_as_a_change() -> None:
    change = change_of(catxml(RECORDING), DIALECT)

    assert isinstance(change, Record)
    assert (change.number, change.isbns, change.ppn) == ("c:lvd:123456", ("9789023466383",), "12345678X")
    assert (change.title, change.author, change.material, change.volume) == (
        "De ontdekking van de hemel : roman",
        "Mulisch, Harry",
        "boek",
        "2",
    )


def test_what_can_be_asked_for_at_a_location() -> None:
    record = catxml(RECORDING)

    assert items_at(record, "NL-1", DIALECT) == ["03000001"]
    assert (items_at(record, "NL-3", DIALECT), stands_at(record, "NL-3", DIALECT)) == ([], True)
    assert (items_at(record, "NL-2", DIALECT), stands_at(record, "NL-2", DIALECT)) == ([], True)
    assert stands_at(record, "NL-9", DIALECT) is False


def test_what_is_surely_lent_comes_first() -> None:
    unsure = CatHolding(loi="p:x:1", library="UA-CST", objects=(CatObject(loi="o:x:1", barcode="unsure"),))
    sure = replace(unsure, loi="p:x:2", lendable=True, objects=(CatObject(loi="o:x:2", barcode="sure"),))

    assert items_at(CatRecord(loi="c:x:1", holdings=(unsure, sure)), "NL-1", DIALECT) == ["sure", "unsure"]


@pytest.mark.parametrize(
    ("told", "lendable", "status"),
    [
        (ItemStatus.AVAILABLE, False, ItemStatus.REFERENCE),
        (ItemStatus.AVAILABLE, None, ItemStatus.AVAILABLE),
        (ItemStatus.ON_LOAN, False, ItemStatus.ON_LOAN),
    ],
)
def test_how_a_copy_stands(told: ItemStatus, lendable: bool | None, status: ItemStatus) -> None:
    assert status_of(told, lendable=lendable) is status


def test_a_record_is_a_title_by_its_number_alone() -> None:
    record = catxml(RECORDING)

    assert has(record, isbn="9789023466383", ppn=None)
    assert has(record, isbn=None, ppn="12345678X")
    assert not has(record, isbn="9789029568449", ppn=None)
    assert not has(record, isbn=None, ppn=None)


# --- catalogue files -----------------------------------------------------------------------------

FILE = (
    "cloi;ploi;oloi;is;pk;bc;up;ti;au;isbn;ppn;ic;st\r\n"
    'c:lvd:1;p:lvd:1;o:lvd:1;UA-CST;"A;1";B1;UITL;"Zij zei ""ja""";Mulisch, H.;90-234-6638-1_9789029568449;12;;\r\n'
    'c:lvd:1;p:lvd:1;o:lvd:2;UA-CST;"A;1";B2;REF;"Zij zei ""ja""";;;12;;\r\n'
    'c:lvd:2;p:lvd:2;;UA-CDE;;;;"Twee\r\nregels, één ë";;;;1;\r\n'
    "c:lvd:3;;;;;;;;;;;;d\r\n"
)


def piece(text: str, **given: bool) -> Piece:
    return read_piece(text.encode("iso-8859-1"), dialect=DIALECT, last=given.get("last", True))


def test_a_file() -> None:
    read = piece(FILE)

    assert read.rejects == ()
    assert read.read_bytes == len(FILE)
    assert read.records == (
        CatRecord(
            loi="c:lvd:1",
            isbns=("9789023466383", "9789029568449"),
            ppn="12",
            title='Zij zei "ja"',
            author="Mulisch, H.",
            holdings=(
                CatHolding(
                    loi="p:lvd:1",
                    library="UA-CST",
                    shelfmark="A;1",
                    objects=(
                        CatObject(loi="o:lvd:1", barcode="B1", object_class="UITL"),
                        CatObject(loi="o:lvd:2", barcode="B2", object_class="REF"),
                    ),
                ),
            ),
        ),
        CatRecord(
            loi="c:lvd:2",
            title="Twee regels, één ë",
            holdings=(CatHolding(loi="p:lvd:2", library="UA-CDE", lendable=True),),
        ),
        CatRecord(loi="c:lvd:3", deleted=True),
    )


def read_by(size: int, document: bytes) -> list[CatRecord]:
    """Read a file in pieces of `size` bytes."""
    records: list[CatRecord] = []
    start, header = 0, None
    while True:
        part = document[start : start + size]
        last = start + size >= len(document)
        read = read_piece(part, dialect=DIALECT, header=header, last=last)
        records += read.records
        start, header = start + read.read_bytes, read.header
        if last:
            return records
        assert read.read_bytes > 0


@given(st.integers(min_value=290, max_value=600))
def test_a_file_is_the_same_in_any_pieces(size: int) -> None:
    document = FILE.encode("iso-8859-1")

    assert read_by(size, document) == list(piece(FILE).records)


def test_a_record_that_is_longer_than_a_piece() -> None:
    with pytest.raises(Malformed, match="longer"):
        read_by(150, FILE.encode("iso-8859-1"))


def test_rows_that_cannot_be_read_are_told_and_the_others_kept() -> None:
    rows = [
        "cloi;is;ti",
        "c:lvd:1;UA-CST",  # a field too few
        "zonder;UA-CST;T",
        "c:lvd:2;;T",
        'c:lvd:3;UA-CST;T"x"y',  # quotes where none may be: read as they stand
        'c:lvd:4;UA-CST;"x"y',  # more after the end of what was quoted
        "",
        "c:lvd:5;UA-CST;T",
    ]
    read = piece("\n".join(rows))

    assert [record.loi for record in read.records] == ["c:lvd:3", "c:lvd:5"]
    assert read.rejects == (
        "a row of 2 fields",
        "a row without a c-loi",
        "c:lvd:2: a row of no library",
        "a row cannot be read",
    )


def test_a_quote_that_is_never_closed_takes_one_row_along() -> None:
    rows = ["cloi;is;ti", 'c:lvd:1;UA-CST;"T', *(f"c:lvd:{number};UA-CST;T" for number in range(2, 5000))]
    read = piece("\r\n".join(rows))

    assert (read.rejects, len(read.records)) == (("a row cannot be read",), 4998)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no header"), ("titel;isbn\r\n", "lacks cloi, is"), ("cloi;is;is\r\n", "twice"), ('"', "lacks")],
)
def test_a_file_without_its_header(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        piece(text)


def test_columns_that_are_headed_otherwise() -> None:
    columns = read_columns("record=Nummer, library = Instelling,nonsense=x")

    read = read_piece(b"Nummer;Instelling\r\nc:lvd:1;UA-CST\r\n", dialect=DIALECT, columns=columns)

    assert columns.keys() == COLUMNS.keys()
    assert read.records[0].holdings[0].library == "UA-CST"


def test_bytes_that_the_encoding_does_not_know_are_replaced() -> None:
    read = read_piece(b"cloi;is;ti\nc:lvd:1;UA-CST;\xff\xfe", dialect=DIALECT, encoding="utf-8")

    assert read.records[0].title == "\ufffd\ufffd"


# --- the index -----------------------------------------------------------------------------------


def record(number: int, *isbns: str, ppn: str | None = None) -> Record:
    return Record(number=f"c:x:{number}", isbns=isbns, ppn=ppn)


def test_the_index_follows_changes() -> None:
    index = TitleIndex(most=10)
    index.learn([record(1, "i1", "i2", ppn="p"), record(2, "i2"), record(3)])

    assert index.find(isbn="i2", ppn=None) == ["c:x:1", "c:x:2"]
    assert index.find(isbn=None, ppn="p") == ["c:x:1"]

    index.learn([record(1, "i3"), Deleted("c:x:2"), Deleted("c:x:9")])

    assert [index.find(isbn=isbn, ppn=None) for isbn in ("i1", "i2", "i3")] == [[], [], ["c:x:1"]]
    assert (len(index), index.overflowed) == (1, False)


def test_the_index_has_room_for_so_many() -> None:
    index = TitleIndex(most=2)
    index.take(Page(changes=(record(1, "i1"), record(2, "i2"), record(3, "i3")), cursor=None))

    assert (len(index), index.overflowed, index.finished) == (2, True, True)
    index.learn([record(1, "i9")])  # what is in it can still change
    assert index.find(isbn="i9", ppn=None) == ["c:x:1"]


# --- anything whatever ---------------------------------------------------------------------------

NAMES = st.sampled_from(["ti", "au", "nr", "pk", "object", "ss", "fn", "co", "ix"])
VALUES = st.sampled_from(["c:lvd:1", "p:lvd:1", "o:lvd:1", "UA-CST", "isbn", "bc", "d", "r", "", "é" * 3000])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES)
    given = draw(
        st.dictionaries(st.sampled_from(["ploi", "oloi", "cloi", "is", "ty", "st", "pr"]), VALUES, max_size=3)
    )
    attributes = "".join(f' {key}="{value}"' for key, value in given.items())
    inside = "".join(draw(st.lists(elements(depth - 1), max_size=3))) if depth else ""
    return f"<{name}{attributes}>{draw(VALUES)}{inside}</{name}>"


@given(elements())
@settings(deadline=None, max_examples=60)
def test_no_nesting_crashes_the_reading(text: str) -> None:
    try:
        found = catxml(text)
    except Malformed:
        return
    assert all(held.copies >= 1 for held in held_of(found, DIALECT))
    assert len(found.title) <= 2100


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_crash_the_reading_of_files(document: bytes, last: bool) -> None:
    try:
        read = read_piece(b"cloi;is;ti\r\n" + document, dialect=DIALECT, last=last)
    except Malformed:
        return
    assert 0 < read.read_bytes <= 12 + len(document)


@given(st.lists(st.tuples(st.integers(1, 4), st.text(max_size=8)), max_size=20))
def test_what_is_written_as_a_row_is_read_as_it_was(rows: list[tuple[int, str]]) -> None:
    titles = [
        (number, " ".join(text.encode("iso-8859-1", "ignore").decode("iso-8859-1").split())) for number, text in rows
    ]
    quoted = (f'c:lvd:{number};UA-CST;"{text.replace(chr(34), chr(34) * 2)}"\r\n' for number, text in titles)

    read = piece("cloi;is;ti\r\n" + "".join(quoted))

    first: dict[int, str] = {}
    for number, text in titles:
        first[number] = first.get(number) or text
    assert {record.loi: record.title for record in read.records} == {
        f"c:lvd:{number}": text for number, text in first.items()
    }
