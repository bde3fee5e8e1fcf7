"""`db`: look after the database."""

from __future__ import annotations

import click

from app.commands.ground import read_settings, served_database


@click.group()
def command() -> None:
    """The database: bring its tables up to date."""


@command.command()
def upgrade() -> None:
    """Bring the tables to the newest version."""
    with served_database(read_settings(quiet=True)):
        click.echo("The database is up to date.", err=True)
