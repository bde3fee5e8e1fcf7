"""`secret`: make a key to seal secrets with, and seal them anew with another one."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from app.commands.ground import read_settings, served_database, told_in_a_line, with_database
from app.database import Database
from app.lending.vault import Vault, VaultClosed
from app.settings import keys_in
from app.store.systems import all_sealed, replace_sealed


@click.group()
def command() -> None:
    """The keys that secrets of library systems are sealed with."""


@command.command()
def key() -> None:
    """Print a new key, for LEENPAD_SECRETS_KEY."""
    click.echo(Fernet.generate_key().decode())


@command.command()
def reseal() -> None:
    """Seal every secret anew with the first key in LEENPAD_SECRETS_KEY; the others are then no longer needed."""
    with served_database(read_settings(quiet=True)) as settings:
        vault = Vault(keys_in(settings.secrets_key))

        async def work(database: Database) -> int:
            done = 0
            async with database.transaction() as connection:
                for name, sealed in (await all_sealed(connection)).items():
                    done += await replace_sealed(connection, name, old=sealed, new=vault.reseal(sealed))
            return done

        with told_in_a_line(VaultClosed):
            count = with_database(settings, work)
    click.echo(f"{count} secrets are sealed anew.")
