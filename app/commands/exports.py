"""`export`: write a network version as a GTFS feed."""

from __future__ import annotations

from pathlib import Path

import click

from app.commands.ground import Refusal, read_settings, told_in_a_line, with_database
from app.database import Database
from app.imports.export import export_network
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
                "no network version is active: `./run import network FILE --activate` brings one, or name one with "
                "--version"
            ) from None

    with told_in_a_line(VersionUnknown):
        written = with_database(read_settings(quiet=True), work)
    click.echo(f"Version {written} is in {file}.", err=True)
