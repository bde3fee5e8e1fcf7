"""An archive from outside is read within bounds, or refused with the reason."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from app.imports.archive import MIB, ArchiveRefused, Limits, open_archive
from tests.support.feeds import zipped

ZEROS = bytes(MIB)


def read_all(
    archive: io.BytesIO | bytes, limits: Limits | None = None, **clock: Callable[[], float]
) -> dict[str, int]:
    """Read every file and return the number of bytes in each."""
    file = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    with open_archive(file, limits or Limits(), **clock) as opened:
        sizes = {}
        for name in opened.names:
            with opened.open(name) as stream:
                sizes[name] = sum(len(piece) for piece in iter(lambda: stream.read(MIB), b""))
    return sizes


def refusal(archive: io.BytesIO | bytes, limits: Limits | None = None, **clock: Callable[[], float]) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        read_all(archive, limits, **clock)
    (fault,) = caught.value.faults
    assert str(caught.value) == f"Nothing was imported: {fault.detail}"
    return fault.detail.removesuffix(".")


def zeros(count_mib: int, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with one file of so many MiB of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, archive.open("zeros.txt", "w", force_zip64=True) as stream:
        for _ in range(count_mib):
            stream.write(ZEROS)
    return file.getvalue()


def patched(archive: bytes, name: str, **fields: int) -> bytes:
    """Return the archive with fields of one entry changed in its table of contents and its local header."""
    data = bytearray(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        local = opened.getinfo(name).header_offset
    central = data.rfind(b"PK\x01\x02")
    while data[central + 46 : central + 46 + len(name)] != name.encode():
        central = data.rfind(b"PK\x01\x02", 0, central)
    layout = {"flags": ("<H", 8, 6), "method": ("<H", 10, 8), "crc": ("<I", 16, 14), "size": ("<I", 24, 22)}
    for field, value in fields.items():
        form, in_central, in_local = layout[field]
        struct.pack_into(form, data, central + in_central, value)
        struct.pack_into(form, data, local + in_local, value)
    return bytes(data)


def test_every_file_is_lent_in_full() -> None:
    assert read_all(zipped({"b.txt": "bb", "a.txt": "", "big.txt": b"x" * 3_000_000})) == {
        "a.txt": 0,
        "b.txt": 2,
        "big.txt": 3_000_000,
    }


def test_what_a_mac_adds_is_no_file() -> None:
    assert read_all(zipped({"a.txt": "a", "__MACOSX/._a.txt": "x"})) == {"a.txt": 1}


def test_a_large_file_that_packs_as_text_does_is_read() -> None:
    rows = "".join(f"T{row:07},{row % 24:02}:{row % 60:02}:00,NL-{row * 7919 % 5000:010}\n" for row in range(500_000))
    assert read_all(zipped({"stop_times.txt": rows})) == {"stop_times.txt": len(rows)}


@pytest.mark.parametrize(
    "name", ["gtfs/stops.txt", "/stops.txt", "../stops.txt", "gtfs/", "a\\stops.txt", "C:\\x.txt"]
)
def test_a_folder_is_refused(name: str) -> None:
    assert refusal(zipped({name: ""})) == f"{name}: files must lie at the root of the archive, not in a folder"


def test_a_name_that_is_cut_by_a_nul_is_refused() -> None:
    data = zipped({"stops.txt#x": "a"}).getvalue().replace(b"stops.txt#x", b"stops.txt\0x")
    assert refusal(data) == "the name of stops.txt holds a NUL byte"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("stops.txt", "a")
        archive.writestr("stops.txt", "b")
    assert refusal(file) == "the archive holds stops.txt twice"


def test_an_encrypted_file_is_refused() -> None:
    assert refusal(patched(zipped({"a.txt": "a"}).getvalue(), "a.txt", flags=1)) == "a.txt is encrypted"


def test_an_unknown_way_of_packing_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", "a")
    assert refusal(file) == "a.txt is packed by method 14; only deflate and stored are read"


def test_a_link_is_refused() -> None:
    link = zipfile.ZipInfo("stops.txt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusal(file) == "stops.txt is a link, not a file"


@pytest.mark.parametrize("data", [b"", b"stop_id\nNL-1\n", b"PK\x05\x06", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert refusal(data).startswith("this is not a whole zip archive: ")


def test_an_archive_cut_anywhere_is_refused() -> None:
    whole = zipped({"stops.txt": "stop_id\n" + "".join(f"NL-{row}\n" for row in range(500)), "b.txt": "b"}).getvalue()
    assert read_all(whole)
    for length in range(0, len(whole), 7):
        assert refusal(whole[:length])


def test_damage_anywhere_never_gives_other_content() -> None:
    text = "stop_id\n" + "".join(f"NL-{row}\n" for row in range(60))
    whole = zipped({"stops.txt": text}).getvalue()
    for at in range(len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        try:
            with open_archive(io.BytesIO(damaged), Limits()) as opened, opened.open("stops.txt") as stream:
                assert stream.read() == text.encode()
        except (ArchiveRefused, KeyError):
            pass


def test_a_wrong_checksum_is_damage() -> None:
    damaged = patched(zipped({"a.txt": "a" * 1000}).getvalue(), "a.txt", crc=1)
    assert refusal(damaged) == "a.txt is damaged: Bad CRC-32 for file 'a.txt'"


def test_a_file_shorter_than_it_claims_is_damage() -> None:
    damaged = patched(zipped({"a.txt": "a" * 1000}).getvalue(), "a.txt", size=2000)
    assert refusal(damaged) == "a.txt is damaged: it ends before its stated size"


def test_entries_that_share_their_bytes_are_refused() -> None:
    whole = zipped({"a.txt": "a" * 1000, "b.txt": "b" * 1000}).getvalue()
    data = bytearray(whole)
    first, second = data.find(b"PK\x01\x02"), data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    assert refusal(bytes(data)).endswith(".txt overlaps another entry")


def test_a_bomb_is_refused_by_its_ratio_while_it_unpacks() -> None:
    assert refusal(zeros(1000)) == "zeros.txt expands to more than 200 times its packed size"


def test_a_small_file_may_pack_as_well_as_it_likes() -> None:
    assert read_all(zeros(10)) == {"zeros.txt": 10 * MIB}


def test_a_bomb_that_claims_little_is_refused_on_what_comes_out() -> None:
    claims_little = patched(zeros(30), "zeros.txt", size=100)
    # The claim bounds what is read, and the checksum shows the lie.
    assert "zeros.txt is damaged" in refusal(claims_little)


def test_a_bomb_that_claims_ten_gigabytes_is_refused_before_it_unpacks() -> None:
    claims_much = patched(zipped({"a.txt": "a"}).getvalue(), "a.txt", size=2**32 - 2)
    assert refusal(claims_much) == "the archive expands to more than 2,048 MiB"


def test_many_files_together_are_bounded_on_what_comes_out() -> None:
    limits = Limits(expanded_bytes=3 * MIB)
    assert read_all(zipped({"a.txt": ZEROS, "b.txt": ZEROS}), limits)
    with open_archive(zipped({"a.txt": ZEROS, "b.txt": ZEROS}), limits) as opened:
        for name in ("a.txt", "b.txt", "a.txt"):
            with opened.open(name) as stream:
                stream.read()
        with (
            pytest.raises(ArchiveRefused, match=r"the archive expands to more than 3 MiB"),
            opened.open("b.txt") as stream,
        ):
            stream.read()


def test_the_packed_size_is_bounded() -> None:
    assert (
        refusal(zeros(2, method=zipfile.ZIP_STORED), Limits(packed_bytes=MIB)) == "the archive is larger than 1 MiB"
    )


def test_the_number_of_entries_is_bounded() -> None:
    files = {f"{number}.txt": "" for number in range(1001)}
    assert refusal(zipped(files)) == "the archive has more than 1000 entries"


def test_a_huge_table_of_contents_is_not_read() -> None:
    files = {f"{number:0200}.txt": "" for number in range(5000)}
    assert refusal(zipped(files)) == "this is not a whole zip archive: its table of contents is too large"


def test_time_is_bounded() -> None:
    ticks = iter(range(1000))
    assert refusal(zeros(9), Limits(seconds=5), clock=lambda: next(ticks)) == (
        "reading the archive took longer than 5 seconds (in zeros.txt)"
    )
