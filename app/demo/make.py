"""Makes the demonstration network as files in the formats of docs/data.md, the same for the same seed and month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.demo.gtfs import write_network
from app.demo.holdings import write_holdings
from app.demo.network import make_plan
from app.demo.organisations import make_world, write_agencies


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where the three files lie."""

    agencies: Path
    network: Path
    holdings: Path


def make_demo(folder: Path, *, seed: int = 1, today: date) -> DemoFiles:
    """Write agencies.csv, network.zip and holdings.csv into `folder`, which is made when it is not there.

    The same seed and the same `today` give the same bytes. Organisations and places are real, everything
    else is invented: a demonstration, not a register.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = DemoFiles(folder / "agencies.csv", folder / "network.zip", folder / "holdings.csv")
    world = make_world(seed)
    write_agencies(world, files.agencies)
    write_network(world, make_plan(world, seed), files.network, today=today)
    write_holdings(world, files.holdings, seed=seed)
    return files
