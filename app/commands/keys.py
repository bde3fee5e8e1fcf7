"""`key`: make an API key and show it, once; list, rotate and revoke them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from app.commands.ground import read_settings, told_in_a_line, with_database
from app.database import Database
from app.store.agencies import holds_agency
from app.store.keys import SCOPES, KeyEnded, NewKey, UnknownKey, add_key, list_keys, revoke_key, rotate_key

MOST_LISTED = 10_000


@click.group()
def command() -> None:
    """Keys to the API: make, list, rotate and revoke them."""


@command.command()
@click.option("--agency", metavar="ISIL", required=True, help="Whose key it is.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="What it may do.")
@click.option("--expires-in-days", metavar="N", type=click.IntRange(1, 36_500), help="When it stops working.")
@click.option("--poi", metavar="CODE", help="For a planner: the POI or carrier whose routes and trips it plans.")
def create(agency: str, scopes: tuple[str, ...], expires_in_days: int | None, poi: str | None) -> None:
    """Make a key and print it, this once, alone on the last line."""
    if poi is not None and "planner" not in scopes:
        raise click.UsageError("--poi goes with --scope planner")
    if ": " in agency:
        raise click.UsageError("no agency's name has a colon and a space in it")
    expires_at = None if expires_in_days is None else datetime.now(UTC) + timedelta(days=expires_in_days)

    async def make(database: Database) -> tuple[NewKey, bool]:
        async with database.transaction() as connection:
            known = await holds_agency(connection, agency)
            made = await add_key(
                connection, agency=agency, scopes=sorted(set(scopes)), expires_at=expires_at, poi=poi
            )
            return made, known

    made, known = with_database(read_settings(quiet=True), make)
    if not known:
        click.echo(f"No agency {agency} is known yet; the key waits for it to be imported.", err=True)
    _show(made)


@command.command()
@click.argument("id", type=int)
@click.option(
    "--overlap-hours", type=click.IntRange(0, 168), default=24, show_default=True, help="How long the old one works."
)
def rotate(id: int, overlap_hours: int) -> None:
    """Make a key that may do what ID may, printed alone on the last line; the old one works on for a while."""

    async def change(database: Database) -> NewKey:
        async with database.transaction() as connection:
            return await rotate_key(connection, id, overlap=timedelta(hours=overlap_hours))

    with told_in_a_line(UnknownKey, KeyEnded):
        _show(with_database(read_settings(quiet=True), change))


@command.command()
@click.argument("id", type=int)
def revoke(id: int) -> None:
    """Take key ID away: it stops working at once, everywhere."""

    async def take(database: Database) -> None:
        async with database.transaction() as connection:
            await revoke_key(connection, id)

    with told_in_a_line(UnknownKey):
        with_database(read_settings(quiet=True), take)
    click.echo(f"Key {id} works no longer.")


@command.command("list")
def list_all() -> None:
    """Print whose keys there are, one a line: id, agency, scopes, POI, and when it stops working."""

    async def read(database: Database) -> list[dict[str, object]]:
        async with database.connection() as connection:
            return await list_keys(connection, limit=MOST_LISTED)

    for key in with_database(read_settings(quiet=True), read):
        scopes, until = key["scopes"], key["expires_at"]
        assert isinstance(scopes, list)
        ends = f"until {until:%Y-%m-%d %H:%M} UTC" if isinstance(until, datetime) else "for good"
        click.echo("\t".join((str(key["id"]), str(key["agency"]), ",".join(scopes), str(key["poi"] or "-"), ends)))


def _show(made: NewKey) -> None:
    click.echo(
        f"Key {made.id} for {made.agency} ({', '.join(made.scopes)}). It is not kept and cannot be shown again:",
        err=True,
    )
    click.echo(made.key)
