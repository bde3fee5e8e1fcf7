"""`export`: write a network version as a GTFS feed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from app.commands.ground import Refusal, place_of, read_settings, told_in_a_line, with_database
from app.database import Database
from app.imports.export import export_network
from app.settings import Settings
from app.store.network_versions import NoActiveVersion, VersionUnknown


@click.group()
def command() -> None:
    """Write a network out."""


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--version", metavar="V", help="Which version; the active one unless told.")
def network(file: Path, version: str | None) -> None:
    """Write a network version to FILE, as a GTFS zip that imports as the same version."""

    async def work(database: Database) -> str:
        try:
            return await export_network(database, version, file)
        except NoActiveVersion:
            raise Refusal(
                f"no network version is active in {place_of(settings)}: `./run import network FILE --activate` brings"
                f" one, or name one with --version{_or_the_demonstration(settings)}"
            ) from None

    settings = read_settings(quiet=True)
    with told_in_a_line(VersionUnknown):
        written = with_database(settings, work)
    click.echo(f"Version {written} is in {file}.", err=True)


def _or_the_demonstration(settings: Settings) -> str:
    """Say how to reach the network of `./run demo`, which keeps its own database beside the one that was asked."""
    demo = settings.data_dir / "demo"
    if settings.database_url is not None or not demo.is_dir():
        return ""
    return f"; for the network of `./run demo`: LEENPAD_DATA_DIR={shlex.quote(str(demo))} ./run export network FILE"
