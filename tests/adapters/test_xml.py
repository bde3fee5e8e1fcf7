"""XML from outside: what is refused, quickly, and what is read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Malformed
from adapters.xml import parse_xml

BOMB = b"""<!DOCTYPE lolz [<!ENTITY a "lol">
%s
]><lolz>&j;</lolz>""" % b"\n".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)
QUADRATIC = b'<!DOCTYPE x [<!ENTITY a "%s">]><x>%s</x>' % (b"a" * 100_000, b"&a;" * 50_000)


def test_a_document_is_read() -> None:
    root = parse_xml('<?xml version="1.0" encoding="ISO-8859-1"?><a b="&lt;">é &amp; ö<c/></a>'.encode("latin-1"))
    assert (root.tag, root.get("b"), root.text, len(root)) == ("a", "<", "é & ö", 1)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   ",
        b"no xml",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a b='1' b='2'/>",
        b"<a>&unknown;</a>",
        b"<a>\x00</a>",
        b"\xff\xfe<\x00a\x00",
        b'<?xml version="1.0" encoding="no-such-thing"?><a/>',
        b'<?xml version="1.0" encoding="UTF-8"?><a>\xe9</a>',
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:1/b"> %b;]><a/>',
        b"<a>" * 300 + b"</a>" * 300,
        b"<a>" + b"x" * 11_000_000 + b"</a>",
        b"<a b='" + b"x" * 11_000_000 + b"'/>",
        BOMB,
        QUADRATIC,
        BOMB.decode().encode("utf-16"),
    ],
    ids=lambda document: document[:40].decode("latin-1"),
)
def test_what_is_not_plain_xml_is_refused_at_once(document: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(Malformed):
        parse_xml(document)
    assert time.monotonic() - started < 5


def test_no_file_is_read_into_a_document(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t")
    inside = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><a>&b;</a>'.encode()
    with pytest.raises(Malformed) as caught:
        parse_xml(inside)
    assert "s3cr3t" not in repr(caught.value)
    included = f'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="{secret.as_uri()}" parse="text"/></a>'
    assert parse_xml(included.encode())[0].text is None


def test_a_document_may_be_as_large_as_allowed_and_no_larger() -> None:
    document = b"<a>" + b" " * 93 + b"</a>"
    assert parse_xml(document, largest_bytes=100).tag == "a"
    with pytest.raises(Malformed):
        parse_xml(document, largest_bytes=99)


def test_processing_instructions_are_dropped() -> None:
    root = parse_xml(b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?><a><?php 1 ?><b/></a>')
    assert [child.tag for child in root] == ["b"]


PIECES = st.sampled_from(
    """<a|>|</a>|/>|<!DOCTYPE a [|]>|<!ENTITY b 'c'>|&b;|&#0;|&#x10FFFF;|<![CDATA[|]]>|<!--|-->|<?xml version='1.0'?>
    |<?p|?>| x='|'| xmlns:p='u'|p:|\ufeff""".encode().split(b"|")
)


@given(
    st.binary()
    | st.lists(PIECES | st.binary(max_size=3)).map(b"".join)
    | st.text().map(lambda text: text.encode("utf-16", "replace"))
)
def test_any_bytes_are_a_document_or_refused(document: bytes) -> None:
    try:
        root = parse_xml(document)
    except Malformed:
        return
    assert isinstance(root.tag, str)
    assert root.getroottree().docinfo.internalDTD is None
