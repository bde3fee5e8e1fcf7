"""Our SIP2 client against servers that others wrote, each in a process of the Python that has it installed.

`LEENPAD_TEST_SERVERS` names that Python. Without it, or without a package, its tests are skipped: nothing is then
shown of how we get on with software that is not ours.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from adapters.contract import Answer, AuthExpired, Duplicate, ItemStatus, NotFound, Parcel, Refused
from adapters.installation import Limits
from adapters.protocols.sip2 import Sip2, Sip2Lending
from tests.adapters.sip2_desk import ORDER

PYTHON = Path(os.environ.get("LEENPAD_TEST_SERVERS") or Path(__file__).parents[2] / ".servers" / "bin" / "python")
HERE = Path(__file__).parent / "third_party"
INSTALLED = PYTHON.exists()
LACKS_PACKAGE = 3
STARTS_WITHIN_SECONDS = 60
TITLE = "Zoë en de ijsbeer"


@asynccontextmanager
async def server(package: str, *arguments: str) -> AsyncIterator[str]:
    """Run a server of a package until the block ends, and yield its address."""
    if not INSTALLED:
        pytest.skip(f"NOT TESTED AGAINST {package}: there is no {PYTHON} (set LEENPAD_TEST_SERVERS)")
    script = HERE / f"{package.replace('-', '_')}_server.py"
    process = await asyncio.create_subprocess_exec(
        PYTHON, script, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN_SECONDS)
        if not port:
            status = await process.wait()
            assert status == LACKS_PACKAGE, f"the server of {package} ended with {status}"
            pytest.skip(f"NOT TESTED AGAINST {package}: it is not installed for {PYTHON}")
        yield f"sip2://127.0.0.1:{int(port)}"
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def client(address: str, *, password: str = "secret", encoding: str = "utf-8", checksums: bool = True) -> Sip2:
    return Sip2(
        address,
        system="S",
        limits=Limits(deadline_seconds=5),
        user="leenpad",
        password=password,
        institution="LEEN",
        encoding=encoding,
        checksums=checksums,
    )


@pytest.mark.parametrize(
    ("encoding", "detection", "checksums"),
    [("utf-8", "required", True), ("cp850", "auto", False), ("latin-1", "auto", True)],
)
async def test_an_order_goes_its_way_at_pysip2(encoding: str, detection: str, checksums: bool) -> None:
    async with server("pysip2", encoding, detection) as address:
        sip2 = client(address, encoding=encoding, checksums=checksums)
        lending = Sip2Lending(sip2, patron="POI", pin="1234", pickups={})
        parcel = Parcel(order=ORDER, item="30001")
        try:
            assert (await sip2.item("30001")).title == TITLE
            assert (await sip2.patron(patron="POI")).valid
            assert not (await sip2.patron(patron="X")).valid
            with pytest.raises(NotFound):
                await sip2.item("39999")

            receipt = await lending.place(await lending.prepare(ORDER, ["30001", "30002"]), key="K")
            assert await lending.find(ORDER, ["30002", "30001"], taken=()) == receipt == "30001"
            assert (await lending.status(receipt)).answer is Answer.PROMISED
            with pytest.raises(Duplicate):
                await sip2.hold(patron="POI", pin="1234", item="30001")
            with pytest.raises(Refused):
                await sip2.hold(patron="POI", pin="1234", item="39999")
            assert (await lending.prepare(ORDER, ["30001"])).possible is False

            await lending.check_out(parcel)
            await lending.check_out(parcel)  # it says no, and our loans say that it is done
            assert (await lending.status(receipt)).answer is Answer.SHIPPED
            item = await sip2.item(receipt)
            assert (item.status, item.due) == (ItemStatus.ON_LOAN, date(2030, 12, 31))
            assert await lending.cancel(receipt) is False
            await lending.check_in(parcel)
            await lending.check_in(parcel)
            assert (await lending.status(receipt)).answer is Answer.RETURNED

            other = await lending.place(await lending.prepare(ORDER, ["30002"]), key="L")
            assert await lending.cancel(other)
            assert await sip2.holds(patron="POI", pin="1234") == []
        finally:
            await sip2.close()


async def test_a_wrong_password_is_refused_at_pysip2() -> None:
    async with server("pysip2", "utf-8", "auto") as address:
        sip2 = client(address, password="another")
        with pytest.raises(AuthExpired):
            await sip2.item("30001")
        await sip2.close()


async def test_what_invenio_sip2_can_is_done_there() -> None:
    async with server("invenio-sip2") as address:
        sip2 = client(address)
        lending = Sip2Lending(sip2, patron="POI", pin="1234", pickups={})
        parcel = Parcel(order=ORDER, item="30001")
        try:
            assert (await sip2.item("30001")).title == TITLE
            with pytest.raises(NotFound):
                await sip2.item("39999")
            await sip2.patron(patron="POI")
            receipt = await lending.place(await lending.prepare(ORDER, ["30001", "30002"]), key="K")
            assert await sip2.holds(patron="POI", pin="1234") == [receipt] == ["30001"]
            with pytest.raises(Refused):
                await sip2.holds(patron="POI", pin="wrong")
            with pytest.raises(Duplicate):
                await sip2.hold(patron="POI", pin="1234", item="30001")
            await lending.check_out(parcel)
            assert (await lending.status(receipt)).answer is Answer.SHIPPED
            await lending.check_in(parcel)
            assert (await lending.status(receipt)).answer is Answer.RETURNED
            for _ in range(30):  # through all sequence numbers, and checksums with leading zeros left out
                assert (await sip2.item("30002")).status is ItemStatus.AVAILABLE
        finally:
            await sip2.close()


async def test_a_wrong_password_is_refused_at_invenio_sip2() -> None:
    async with server("invenio-sip2") as address:
        sip2 = client(address, password="another")
        with pytest.raises(AuthExpired):
            await sip2.item("30001")
        await sip2.close()
