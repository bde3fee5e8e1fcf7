"""`key`: make an API key and show it, once."""

from __future__ import annotations

import click

from app.commands.ground import read_settings, with_database
from app.database import Database
from app.store.agencies import holds_agency
from app.store.keys import SCOPES, create_key


@click.group()
def command() -> None:
    """Keys to the API: make one."""


@command.command()
@click.option("--agency", metavar="ISIL", required=True, help="Whose key it is.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="What it may do.")
def create(agency: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it, this once, alone on the last line."""

    async def make(database: Database) -> tuple[str, bool]:
        async with database.transaction() as connection:
            known = await holds_agency(connection, agency)
            return await create_key(connection, agency=agency, scopes=sorted(set(scopes))), known

    made, known = with_database(read_settings(quiet=True), make)
    if not known:
        click.echo(f"No agency {agency} is known yet; the key waits for it to be imported.", err=True)
    click.echo(
        f"A key for {agency} ({', '.join(sorted(set(scopes)))}). It is not kept and cannot be shown again:", err=True
    )
    click.echo(made)
