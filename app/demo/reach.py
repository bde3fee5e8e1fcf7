"""Starts the emulated systems of the demonstration, and says in the database how they are reached while they run."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import IO

import orjson

from app.database import Connection, Database
from app.lending.vault import Vault
from app.settings import Settings
from app.store.systems import System, load_systems, put_secret, put_system, remove_secret

READY_SECONDS = 120.0  # some of it is used up while other things are made; a busy machine takes long to start
END_SECONDS = 10.0
LIMITS: Mapping[str, float] = {"calls_per_second": 200.0, "calls_at_once": 8, "deadline_seconds": 10.0}
OURS = "demo-emulator."  # what the names of their secrets begin with


class NotEmulated(Exception):  # noqa: N818 - says what it is
    """The emulated systems could not be started."""


@dataclass(slots=True)
class Emulated:
    """The process that serves them. `systems` are those that `ready` has heard of, each with its secrets."""

    process: subprocess.Popen[bytes]
    systems: dict[str, tuple[System, Mapping[str, str]]] = field(default_factory=dict)

    def ready(self) -> None:
        """Wait until they are served, and note how they are reached. Raises NotEmulated."""
        assert self.process.stdout is not None
        try:
            told = orjson.loads(_first_line(self.process.stdout))
        except (OSError, orjson.JSONDecodeError) as error:
            raise NotEmulated("the emulated library systems did not start") from error
        for name, one in told.items():
            secrets = one.pop("secrets")
            names = {entry: f"{OURS}{name}.{entry}" for entry in secrets}
            self.systems[name] = System(id=name, secrets=names, limits=LIMITS, **one), secrets

    def root(self, system: str) -> str:
        """Return where the pages of the emulator itself are (`/_emulator/…`), whatever it emulates."""
        addresses = self.systems[system][0].addresses.values()
        address = next(address for address in addresses if address.startswith("http"))
        return "/".join(address.split("/")[:3])


@contextmanager
def emulating(settings: Settings) -> Iterator[Emulated]:
    """Start the process, and end it with the block; `ready` waits for it. It dies with us, however we end."""
    assert settings.database_url is not None
    # A session of its own: Ctrl-C at the terminal is for us, who end it when nobody needs it any more.
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "app.demo.emulated", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=os.environ | {"LEENPAD_DATABASE_URL": settings.database_url},
        start_new_session=True,
    )
    try:
        yield Emulated(process)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        process.kill()
        process.communicate()


async def say_how(database: Database, emulated: Emulated, vault: Vault) -> None:
    """Keep the secrets and say how each is reached, as `PUT /v1/systems/{id}` does. Raises VaultClosed."""
    async with database.transaction() as connection:
        await _take_back(connection, but=set(emulated.systems))
        for system, secrets in emulated.systems.values():
            for entry, name in system.secrets.items():
                await put_secret(connection, name, vault.seal(secrets[entry]))
            await put_system(connection, system)


async def take_back(database: Database) -> None:
    """Have people answer for the emulated systems again, also for those that an earlier demonstration has left."""
    async with database.transaction() as connection:
        await _take_back(connection, but=())


async def _take_back(connection: Connection, *, but: Collection[str]) -> None:
    for system in (await load_systems(connection)).values():
        names = [name for name in system.secrets.values() if name.startswith(OURS)]
        if names and system.id not in but:
            await put_system(connection, System(id=system.id, kind=system.kind))
            for name in names:
                await remove_secret(connection, name)


def _first_line(pipe: IO[bytes]) -> bytes:
    """Read up to the end of a line, within READY_SECONDS. Raises TimeoutError."""
    ends, line = monotonic() + READY_SECONDS, b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, ends - monotonic())):
                raise TimeoutError
            more = os.read(pipe.fileno(), 65_536)
            if not more:
                break
            line += more
    return line
