"""The made files in a real database: nothing is refused, and real decisions tell the five stories."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.database import Database
from app.demo.areas import put_areas
from app.demo.make import DemoFiles
from app.demo.present import holds_demo
from app.demo.stories import Told, read_places, shortlist, tell
from app.imports.agencies import import_agencies
from app.imports.holdings import import_holdings
from app.imports.network import import_network
from app.imports.report import ImportReport
from app.lending.choose import TitleKey, choose, look_up
from app.lending.documents import written
from app.lending.snapshot import Snapshot
from app.store.agencies import list_pois, list_provinces
from routing import Objective, Question
from tests.app.conftest import database, database_url, server_url, template
from tests.demo.conftest import TODAY, Row

pytestmark = pytest.mark.once

__all__ = ["database", "database_url", "server_url", "template"]  # fixtures, taken over by name

CENTRE = "NL-0790901001"


@pytest.fixture(scope="module")
def kept() -> dict[str, ImportReport]:
    """The reports of the module's one import."""
    return {}


@pytest.fixture
async def reports(database: Database, files: DemoFiles, kept: dict[str, ImportReport]) -> dict[str, ImportReport]:
    if not kept:
        await put_areas(database)
        kept["agencies"] = await import_agencies(database, files.agencies)
        kept["holdings"] = await import_holdings(database, files.holdings)
        with files.network.open("rb") as file:
            kept["network"] = await import_network(database, file, activating=True)
    return kept


@pytest.fixture
async def told(database: Database, reports: dict[str, ImportReport], files: DemoFiles) -> AsyncIterator[list[Told]]:
    snapshot = Snapshot(database, horizon_days=35, sweep_cache_mib=128)
    await snapshot.start()

    async def decide(body: dict[str, Any]) -> dict[str, Any]:
        title = TitleKey(**body["title"])
        question = Question(
            pickup_location=body["pickup_location"],
            requested_at=datetime.fromisoformat(body["requested_at"]),
            objective=Objective(body["objective"]),
        )
        decision = await choose(snapshot, title=title, holders=await look_up(database, title), question=question)
        reply: dict[str, Any] = orjson.loads(written(decision))
        return reply

    yield await tell(shortlist(files, today=TODAY), decide)
    await snapshot.stop()


def test_everything_lands(reports: dict[str, ImportReport], register: list[Row], holdings: list[Row]) -> None:
    assert {name: (report.rejected, report.rejects) for name, report in reports.items()} == dict.fromkeys(
        ("agencies", "holdings", "network"), (0, ())
    )
    assert reports["agencies"].created == len(register)
    assert reports["holdings"].created == len(holdings)
    assert reports["network"].activated
    assert reports["network"].notes == ("feed_info.txt: left aside; nothing in it moves an item",)


async def test_five_stories_are_told_and_each_shows_its_point(told: list[Told], files: DemoFiles) -> None:
    places = read_places(files)
    own, province, across, island, nobody = (story.reply for story in told)
    own_ask, province_ask, across_ask, island_ask, _ = (story.ask for story in told)

    assert own["rota"][0]["supplying_location"] == own_ask.pickup.id
    assert own["rota"][0]["legs"] == []

    supplier = places[province["rota"][0]["supplying_location"]]
    assert supplier.province == province_ask.pickup.province
    assert supplier.agency != province_ask.pickup.agency
    assert province["rota"][0]["cost_cents"] == 0
    assert len(province["rota"][0]["legs"]) == 2

    legs = across["rota"][0]["legs"]
    assert places[legs[0]["from_location"]].province != across_ask.pickup.province
    assert CENTRE in {leg["to_location"] for leg in legs}
    assert across["rota"][0]["cost_cents"] == 1075

    assert island_ask.pickup.island
    assert [leg["operator"] for leg in island["rota"][0]["legs"]][-2].startswith("Veerdienst")

    assert nobody["rota"] == []
    assert len({refusal["reason"] for refusal in nobody["refusals"]}) >= 3


async def test_areas_have_names_pois_and_roles(reports: dict[str, ImportReport], database: Database) -> None:
    async with database.connection() as connection:
        provinces = await list_provinces(connection, after=None, limit=100)
        pois = await list_pois(connection, after=None, limit=100)
    assert {row["code"]: (row["name"], row["poi"]) for row in provinces}["ZH"] == ("Zuid-Holland", "probiblio")
    assert {row["code"]: (row["name"], row["provinces"]) for row in pois}["rijnbrink"] == ("Rijnbrink", ["GE", "OV"])
    assert (len(provinces), len(pois)) == (12, 9)
    roles = Counter(role["role"] for row in provinces for role in row["collection_roles"])
    assert roles == {"joint_plan": 7, "central_collecting": 5, "strategy_group": 4, "otherwise": 6}


async def test_a_database_with_the_demonstration_is_recognised(
    reports: dict[str, ImportReport], database: Database, files: DemoFiles, tmp_path: Path
) -> None:
    foreign = tmp_path / "holdings.csv"
    foreign.write_text("location,isbn\nNL-0800071001,9789000000005\n")
    assert await holds_demo(database, files)
    assert not await holds_demo(database, replace(files, holdings=foreign))
