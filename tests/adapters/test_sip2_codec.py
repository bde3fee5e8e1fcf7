"""SIP2 on the wire: what is written is read again, whatever bytes come, and however they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.protocols.sip2.codec import (
    FIXED,
    BadChecksum,
    Framer,
    Message,
    NotReadable,
    NotSayable,
    checksum,
    read,
    written,
)

# Messages as others' software wrote them: the standard's developers' guide and logs of servers in the field.
SOUND = (
    b"9900401.00AY1AZFCA5",
    b"9900302.00AY1AZFCA5",
    b"9900302.0E|AY1AZFC14",
    b"941AY3AZFDFA",
    b"97AZFEF5",
    b"96AZFEF6",
)

codes = st.sampled_from(sorted(FIXED))
words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|"), max_size=20)
names = st.from_regex(r"[A-Z][A-Z0-9]", fullmatch=True).filter(lambda name: name not in ("AY", "AZ"))


@st.composite
def messages(draw: st.DrawFn) -> Message:
    code = draw(codes.filter(lambda code: code not in ("96", "97")))
    fixed = draw(st.text("0123456789YN", min_size=FIXED[code], max_size=FIXED[code]))
    fields = draw(st.lists(st.tuples(names, words), max_size=6))
    # A field that begins where the fixed part ends must not be taken for blanks, nor AO be looked for in digits.
    return Message(code, fixed, tuple(fields), draw(st.integers(0, 9)))


@pytest.mark.parametrize("sound", SOUND)
def test_what_others_wrote_is_read_with_its_checksum(sound: bytes) -> None:
    assert read(sound, encoding="utf-8").code == sound[:2].decode()


@pytest.mark.parametrize("sound", SOUND)
def test_one_more_makes_the_checksum_wrong(sound: bytes) -> None:
    with pytest.raises(BadChecksum):
        read(b"9" + bytes([sound[1] ^ 1]) + sound[2:], encoding="utf-8")


@given(messages(), st.booleans())
def test_what_is_written_is_read_again(message: Message, checksums: bool) -> None:
    again = read(written(message, encoding="utf-8", checksums=checksums), encoding="utf-8")
    assert (again.code, again.fixed, again.fields) == (message.code, message.fixed, message.fields)
    assert again.sequence == (message.sequence if checksums else None)


@given(messages(), st.data())
def test_a_changed_byte_is_noticed(message: Message, data: st.DataObject) -> None:
    sent = bytearray(written(message, encoding="utf-8", checksums=True))
    position = data.draw(st.integers(0, len(sent) - 10))  # what stands before AY
    sent[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotReadable):
        read(bytes(sent), encoding="utf-8")


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "latin-1", "cp850", "ascii"]))
def test_any_bytes_are_read_or_refused(frame: bytes, encoding: str) -> None:
    try:
        message = read(frame, encoding=encoding)
    except NotReadable:
        return
    assert message.code.isdigit()


@given(codes, st.binary(max_size=200))
def test_any_bytes_after_a_number_are_read_or_refused(code: str, rest: bytes) -> None:
    try:
        message = read(code.encode() + rest, encoding="utf-8")
    except NotReadable:
        return
    assert (message.code, len(message.fixed)) == (code, FIXED[code])


@given(codes, st.text(st.sampled_from("AOYZ019| \x00F"), max_size=120))
def test_what_looks_like_a_message_is_read_or_refused(code: str, rest: str) -> None:
    try:
        message = read((code + rest).encode(), encoding="ascii")
    except NotReadable:
        return
    assert len(message.fixed) == FIXED[code]


@given(st.lists(messages(), max_size=5), st.sampled_from([b"\r", b"\r\n", b"\n", b"\r\r"]), st.data())
def test_a_stream_is_cut_alike_however_it_comes(sent: list[Message], line_end: bytes, data: st.DataObject) -> None:
    frames = [written(message, encoding="utf-8", checksums=True) for message in sent]
    stream = b"".join(frame + line_end for frame in frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)) | {0, len(stream)})
    framer = Framer()
    found = [frame for begin, end in pairwise(cuts) for frame in framer.feed(stream[begin:end])]
    assert found == frames


@given(st.binary(max_size=3000))
def test_bytes_one_by_one_and_at_once_make_the_same_frames(stream: bytes) -> None:
    one_by_one, at_once = Framer(), Framer()
    assert [frame for byte in stream for frame in one_by_one.feed(bytes([byte]))] == at_once.feed(stream)


def test_a_message_without_end_is_given_up() -> None:
    framer = Framer(largest_bytes=1000)
    assert framer.feed(b"18" * 500) == []
    with pytest.raises(NotReadable, match="larger"):
        framer.feed(b"1")


def test_a_message_that_is_whole_but_too_large_is_refused() -> None:
    with pytest.raises(NotReadable, match="larger"):
        Framer(largest_bytes=1000).feed(b"1" * 1001 + b"\r")


def test_a_long_message_is_put_together_in_time_that_grows_with_it() -> None:
    framer = Framer()
    for _ in range(50_000):
        assert framer.feed(b"AS12|") == []
    assert len(framer.feed(b"\r")[0]) == 250_000


@pytest.mark.parametrize("value", ["a|b", "a\rb", "a\nAB2", "\x00"])
def test_a_value_cannot_become_a_field_or_a_message_of_its_own(value: str) -> None:
    with pytest.raises(NotSayable):
        written(Message("17", " " * 18, (("AB", value),)), encoding="utf-8", checksums=True)


def test_a_checksum_without_leading_zeros_or_in_small_letters_is_right_too() -> None:
    # Drawn so that the checksum has two leading zeros.
    fill = next(n for n in range(2000) if checksum(b"941AF" + b"~" * n + b"|AY0AZ") < 0x100)
    said = b"941AF" + b"~" * fill + b"|AY0AZ"
    number = checksum(said)
    for form in (f"{number:04X}", f"{number:X}", f"{number:x}"):
        assert read(said + form.encode(), encoding="ascii").sequence == 0
    with pytest.raises(BadChecksum):
        read(said + f"{number ^ 1:X}".encode(), encoding="ascii")


def test_a_checksum_over_characters_instead_of_bytes_is_right_too() -> None:
    # As a server in the field wrote it (php-sip2 issue 8).
    frame = (
        "1812020120230316    145800AB0230200408766|AJAnam ċara :|AQYS|CRNONFICTR|BGYS|AH20230131    235900|AY3AZE5D1"
    )
    assert read(frame.encode(), encoding="utf-8").first("AJ") == "Anam ċara :"


def test_bytes_that_the_encoding_lacks_lose_only_themselves() -> None:
    frame = b"1803010120260101    120000AB1|AJZo\xeb en de ijsbeer|APC1|"
    message = read(frame, encoding="utf-8")
    assert message.first("AJ") == "Zo\N{REPLACEMENT CHARACTER} en de ijsbeer"
    assert message.first("AP") == "C1"


def test_a_title_that_ends_like_a_checksum_is_none() -> None:
    message = read(b"941AFMAZDA", encoding="utf-8")
    assert message.fields == (("AF", "MAZDA"),)


@pytest.mark.parametrize(
    "head",
    [
        "YYYNYN030003" + "20260101    120000" + "2.00",
        "YYY" + " " * 27 + "2.00",
        "YYY" + " " * 40,  # longer than it should be
        "YYYNYN" + "20260101    120000" + "2.00",  # without timeout and retries
        "YYYNYN030003",
        "Y",
    ],
)
def test_98_is_read_however_it_is_padded(head: str) -> None:
    message = read(f"98{head}AOLEEN|AMDe Bibliotheek|BXYYY|".encode(), encoding="utf-8")
    assert (message.flag(0), message.first("AO"), message.first("AM")) == ("Y", "LEEN", "De Bibliotheek")
    assert len(message.fixed) == FIXED["98"]
