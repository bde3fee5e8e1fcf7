"""MARC records in XML become the few things that lending asks for, whatever else stands in them."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from stdnum import isbn as oracle

from adapters.contract import Malformed
from adapters.protocols.isbn import find_isbn13
from adapters.protocols.marc import MOST_FIELDS, Field, read_marc, records_in
from adapters.xml import parse_xml

FULL = """
<marc:collection xmlns:marc="http://www.loc.gov/MARC21/slim">
  <marc:record>
    <marc:leader>00000nam a2200000 a 4500</marc:leader>
    <marc:controlfield tag="001">  123456 </marc:controlfield>
    <marc:controlfield tag="005">20260301120000.0</marc:controlfield>
    <marc:controlfield tag="008">260301s2026    ne            000 1 dut d</marc:controlfield>
    <marc:datafield tag="020" ind1=" " ind2=" ">
      <marc:subfield code="a">90-214-1234-9 (geb.) : EUR 19,90</marc:subfield>
      <marc:subfield code="z">9789000000005</marc:subfield>
    </marc:datafield>
    <marc:datafield tag="020" ind1=" " ind2=" "><marc:subfield code="a">9789021412345</marc:subfield></marc:datafield>
    <marc:datafield tag="035" ind1=" " ind2=" ">
      <marc:subfield code="a">(OCoLC)77</marc:subfield><marc:subfield code="a">(NL-PPN)12345678x</marc:subfield>
    </marc:datafield>
    <marc:datafield tag="100" ind1="1"><marc:subfield code="a">Vries, Jan de,</marc:subfield></marc:datafield>
    <marc:datafield tag="245" ind1="1" ind2="0">
      <marc:subfield code="a">De cafe\u0301houder :</marc:subfield>
      <marc:subfield code="b">roman.</marc:subfield>
      <marc:subfield code="n">Dl. 2,</marc:subfield>
      <marc:subfield code="p">De terugkeer /</marc:subfield>
      <marc:subfield code="c">Jan de Vries</marc:subfield>
    </marc:datafield>
    <marc:datafield tag="852" ind1=" " ind2=" ">
      <marc:subfield code="b">CENTRUM</marc:subfield>
      <marc:subfield code="h">ROMAN VRIE</marc:subfield>
      <marc:subfield code="p">1001</marc:subfield>
      <marc:subfield code="p">1002</marc:subfield>
    </marc:datafield>
    <marc:datafield tag="949" ind1=" " ind2=" "><marc:subfield code="i">1003</marc:subfield></marc:datafield>
  </marc:record>
</marc:collection>
"""


def record(fields: str, *, leader: str = "00000nam a2200000 a 4500", attributes: str = "") -> etree._Element:
    text = f"<record {attributes}><leader>{leader}</leader>{fields}</record>"
    return parse_xml(text.encode())


def data(tag: str, **subfields: str) -> str:
    inner = "".join(f'<subfield code="{code}">{escape(value)}</subfield>' for code, value in subfields.items())
    return f'<datafield tag="{tag}">{inner}</datafield>'


def test_all_that_lending_asks_for_is_read() -> None:
    (element,) = records_in(parse_xml(FULL.encode()))

    found = read_marc(element, ppn="035(NL-PPN)")

    assert found.number == "123456"
    assert found.isbns == ("9789021412344",)
    assert found.ppn == "12345678X"
    assert found.title == "De caféhouder : roman."
    assert found.author == "Vries, Jan de"
    assert found.volume == "Dl. 2, De terugkeer"
    assert found.material == "book"
    assert not found.deleted
    assert found.changed_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert found.holdings == (
        Field("852", (("b", "CENTRUM"), ("h", "ROMAN VRIE"), ("p", "1001"), ("p", "1002"))),
        Field("949", (("i", "1003"),)),
    )
    assert found.holdings[0].every("p") == ["1001", "1002"]
    assert found.holdings[0].first("x") == ""


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("9789021412344", "9789021412344"),
        ("978-90-214-1234-4 (pbk.)", "9789021412344"),
        ("90 214 1234 9", "9789021412344"),
        ("ISBN 9021412349 geb. EUR 12.50", "9789021412344"),
        ("9789021412345 9789021412344", "9789021412344"),  # the first is wrong
        ("080442957X", "9780804429573"),
        ("9789021412345", None),
        ("97890214123440", None),
        ("٩789021412344", None),
        ("", None),
        ("x" * 200 + "9789021412344", None),
    ],
)
def test_an_isbn_is_found_among_what_catalogues_write_around_it(text: str, isbn: str | None) -> None:
    assert find_isbn13(text) == isbn


@given(st.text(alphabet="0123456789xX -", max_size=30) | st.text(max_size=300))
def test_an_isbn_that_is_found_is_one(text: str) -> None:
    found = find_isbn13(text)

    assert found is None or oracle.validate(found) == found


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_every_isbn_of_ten_digits_is_found(body: str) -> None:
    ten = next(body + last for last in "0123456789X" if oracle.is_valid(body + last))

    assert find_isbn13(oracle.format(ten)) == oracle.to_isbn13(ten)


@pytest.mark.parametrize(
    ("rule", "ppn"),
    [("", None), ("001", "77X"), ("035", "41X"), ("035(NL)", "42"), ("035(DE)", None)],
)
def test_a_ppn_stands_where_the_rule_says(rule: str, ppn: str | None) -> None:
    fields = (
        '<controlfield tag="001"> 77x</controlfield>' + data("035", a="(NL)no ppn", b="(NL)9") + data("035", a="41x")
    )
    found = read_marc(record(fields + data("035", a="(NL) 42")), ppn=rule)

    assert found.ppn == ppn


def test_a_number_marked_wrong_is_never_an_isbn() -> None:
    assert read_marc(record(data("020", z="9789021412344"))).isbns == ()


@pytest.mark.parametrize(
    ("leader", "fields", "material"),
    [
        ("00000nam a", "", "book"),
        ("00000nas a", "", "periodical"),
        (
            "00000cam a",
            '<controlfield tag="008">260301s2026    ne      d     000 1 dut d</controlfield>',
            "large print",
        ),
        ("00000cam a", '<controlfield tag="008">260301s2026    ne      o     000 1 dut d</controlfield>', "ebook"),
        ("00000ngm a", '<controlfield tag="007">vd cvaizq</controlfield>', "dvd"),
        ("00000ngm a", "", "video"),
        ("00000njm a", "", "music"),
        ("", "", ""),
    ],
)
def test_what_it_is_made_of_is_told_by_leader_and_fixed_fields(leader: str, fields: str, material: str) -> None:
    assert read_marc(record(fields, leader=leader)).material == material


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        (data("245", a="T", c="door Piet") + data("700", a="Piet,"), "Piet"),
        (data("245", a="T", c="door Piet."), "door Piet."),
        (data("110", a="Gemeente Utrecht.", b="Archief"), "Gemeente Utrecht. Archief"),
        ("", ""),
    ],
)
def test_an_author_is_the_main_entry_or_the_next_best(fields: str, author: str) -> None:
    assert read_marc(record(fields)).author == author


def test_marcxchange_and_records_without_a_namespace_are_read_alike() -> None:
    fields = '<controlfield tag="001">9</controlfield>' + data("245", a="Titel")
    plain = record(fields)
    exchange = record(fields, attributes='xmlns="info:lc/xmlns/marcxchange-v1" format="MARC21" type="Bibliographic"')

    assert read_marc(plain) == read_marc(exchange) == read_marc(record(fields, attributes='xmlns="urn:other"'))
    assert read_marc(plain).title == "Titel"


def test_a_deleted_record_says_so() -> None:
    assert read_marc(record("", leader="00000dam a2200000 a 4500")).deleted


def test_what_is_no_marc21_record_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_marc(parse_xml(b"<collection/>"))
    with pytest.raises(Malformed, match="UNIMARC"):
        read_marc(record("", attributes='format="Unimarc"'))
    with pytest.raises(Malformed, match="fields"):
        read_marc(record(data("500", a="x") * (MOST_FIELDS + 1)))


def test_records_are_found_in_any_wrapping_but_a_record_of_sru_is_none() -> None:
    inner = "<record><leader/></record>"
    document = parse_xml(f"<a><record><recordData><c>{inner}{inner}</c></recordData></record></a>".encode())

    assert len(list(records_in(document))) == 2


names = st.sampled_from(["record", "leader", "controlfield", "datafield", "subfield", "collection", "x"])
attributes = st.dictionaries(
    st.sampled_from(["tag", "code", "ind1", "format"]),
    st.sampled_from(["001", "005", "007", "008", "020", "035", "245", "852", "a", "n", "", "é"]),
)
words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Z", "S", "Cf")), max_size=20)


def _element(drawn: tuple[str, dict[str, str], str, list[etree._Element]]) -> etree._Element:
    name, given_attributes, text, children = drawn
    element = etree.Element(name, given_attributes)
    element.text = text
    element.extend(children)
    return element


trees = st.recursive(
    st.tuples(names, attributes, words, st.just([])).map(_element),
    lambda inner: st.tuples(names, attributes, words, st.lists(inner, max_size=6)).map(_element),
    max_leaves=25,
)


@given(trees, st.sampled_from(["", "001", "035", "035(a)"]))
def test_any_xml_is_a_record_or_malformed(tree: etree._Element, rule: str) -> None:
    for element in [tree, *records_in(tree)]:
        try:
            found = read_marc(element, ppn=rule)
        except Malformed:
            continue
        assert all(oracle.validate(isbn) == isbn for isbn in found.isbns)
        assert all(field.tag in ("852", "949") for field in found.holdings)
