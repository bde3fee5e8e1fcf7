"""Harvests from OAI-PMH servers that are not ours: pyoai and oai-repo, each in a process with a Python of its own.

`LEENPAD_TEST_SERVERS` names that Python; without it, `.servers/bin/python` in the repository is tried.
"""

import os
import select
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.brocade.catalogue import OaiCatalogue
from adapters.brocade.translate import Dialect
from adapters.contract import CursorLost, Deleted, NotFound, Page, Record, Refused
from adapters.installation import Limits
from adapters.protocols.oai_pmh import OaiPmh

HERE = Path(__file__).parent
PYTHON = Path(os.environ.get("LEENPAD_TEST_SERVERS", HERE.parents[1] / ".servers/bin/python"))
STARTING_SECONDS = 20
PACKAGES = {"pyoai": "oaipmh", "oai-repo": "oai_repo"}
DELETED = {"pyoai": {"c:lvd:4"}, "oai-repo": set[str]()}  # oai-repo knows no deletions


@pytest.fixture(scope="module", params=sorted(PACKAGES))
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    name: str = request.param
    if not PYTHON.exists():
        pytest.skip(
            f"NO THIRD-PARTY OAI-PMH SERVER WAS TRIED: there is no {PYTHON}; install {', '.join(PACKAGES)} there"
        )
    probe = subprocess.run(
        [PYTHON, "-c", f"import lxml, importlib.util as u; assert u.find_spec('{PACKAGES[name]}')"]
    )
    if probe.returncode:
        pytest.skip(f"NO THIRD-PARTY OAI-PMH SERVER WAS TRIED: {PYTHON} has no {name}")
    process = subprocess.Popen(
        [PYTHON, HERE / "oai_servers.py", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], STARTING_SECONDS)[0], "the server did not start"
        yield name, f"http://127.0.0.1:{int(process.stdout.readline())}/oai"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def server(served: tuple[str, str]) -> AsyncIterator[tuple[str, OaiPmh]]:
    name, address = served
    client = OaiPmh.at(address, system="third-party", limits=Limits(deadline_seconds=10))
    yield name, client
    await client.close()


async def pages(catalogue: OaiCatalogue, since: datetime | None = None) -> list[Page]:
    found = [await catalogue.page(since=since, cursor=None)]
    while found[-1].cursor is not None:
        found.append(await catalogue.page(since=since, cursor=found[-1].cursor))
    return found


async def test_it_says_who_it_is(server: tuple[str, OaiPmh]) -> None:
    name, client = server

    identity = await client.identify()

    assert (identity.name, identity.by_the_second) == (name, True)
    assert identity.earliest == datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_all_pages_hold_every_record_once(server: tuple[str, OaiPmh]) -> None:
    name, client = server

    harvested = await pages(OaiCatalogue(client, dialect=Dialect()))

    changes = [change for page in harvested for change in page.changes]
    assert [len(page.changes) for page in harvested] == [5, 5, 2]
    assert sorted(int(change.number.rsplit(":")[-1]) for change in changes) == list(range(1, 13))
    assert {change.number for change in changes if isinstance(change, Deleted)} == DELETED[name]
    assert {change.title for change in changes if isinstance(change, Record)} >= {"Één & ander, deel 3"}
    assert all(page.rejects == () for page in harvested)


async def test_what_changed_since_a_moment(server: tuple[str, OaiPmh]) -> None:
    _, client = server

    harvested = await pages(OaiCatalogue(client, dialect=Dialect()), since=datetime(2026, 3, 11, 12, tzinfo=UTC))

    assert [change.number for page in harvested for change in page.changes] == ["c:lvd:11", "c:lvd:12"]


async def test_nothing_changed_since(server: tuple[str, OaiPmh]) -> None:
    _, client = server

    harvested = await pages(OaiCatalogue(client, dialect=Dialect()), since=datetime(2026, 4, 1, tzinfo=UTC))

    assert [(page.changes, page.cursor) for page in harvested] == [((), None)]


async def test_a_token_of_somebody_else_is_lost(server: tuple[str, OaiPmh]) -> None:
    _, client = server

    with pytest.raises(CursorLost):
        await client.records(prefix="catxml", token="nobody's")


async def test_one_record_and_one_that_is_not_there(server: tuple[str, OaiPmh]) -> None:
    _, client = server
    catalogue = OaiCatalogue(client, dialect=Dialect())

    assert (await catalogue.record("c:lvd:5")).holdings[0].library == "UA-CST"
    with pytest.raises(NotFound):
        await catalogue.record("c:lvd:99")


async def test_a_format_that_it_does_not_have_is_refused(server: tuple[str, OaiPmh]) -> None:
    _, client = server

    with pytest.raises(Refused, match="cannotDisseminateFormat"):
        await client.records(prefix="unheard_of")
