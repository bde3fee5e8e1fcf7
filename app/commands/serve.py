"""`serve`: the API on a database that is migrated first, in one process or in several workers."""

from __future__ import annotations

import asyncio
import ipaddress
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING

import click
import uvicorn

from app.commands.ground import Refusal, reaching, read_settings, served_database
from app.database import open_database
from app.embedded.leash import die_with_parent
from app.lasting import begin as begin_lasting
from app.settings import Settings
from app.store.keys import any_key

if TYPE_CHECKING:
    from fastapi import FastAPI

# How `serve` tells the processes that it starts whether they carry out tasks too.
WORKING = "LEENPAD_SERVE_WORKING"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
@click.option("--no-worker", is_flag=True, help="Carry out no tasks; `work` does, in a process of its own.")
def command(host: str, port: int, workers: int, no_worker: bool) -> None:
    """Serve the API; the database is migrated first. Tasks are carried out too, in each of its processes."""
    signal.signal(signal.SIGTERM, leave)
    settings = read_settings()
    check_port(host, port)  # before a database is started for nothing
    with served_database(settings) as served:
        assert served.database_url is not None
        if not is_loopback(host) and asyncio.run(_is_open(served)):
            raise Refusal(
                f"nobody needs a key yet, so {host} would let anyone in: set LEENPAD_ADMIN_KEY or make a key with "
                "`./run key create`, or serve on 127.0.0.1"
            )
        serve_on(served, host=host, port=port, workers=workers, working=not no_worker)


def serve_on(settings: Settings, *, host: str, port: int, workers: int, working: bool) -> None:
    """Serve on a database that is there and migrated, until SIGINT or SIGTERM. Raises Refusal for a port in use."""
    check_port(host, port)
    assert settings.database_url is not None
    os.environ["LEENPAD_DATABASE_URL"] = settings.database_url  # the workers read their own settings
    if settings.secrets_key is not None:  # with the embedded database, that of its folder
        os.environ["LEENPAD_SECRETS_KEY"] = settings.secrets_key.get_secret_value()
    os.environ["LEENPAD_RESPONSES_LEAST"] = str(settings.responses_least)  # the demonstration is content with few
    os.environ[WORKING] = "1" if working else ""
    with _shared_counts(workers):
        uvicorn.run(
            "app.commands.serve:application",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=20,
        )


def application() -> FastAPI:
    """Make the application from the surroundings: what each worker runs."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        # A worker whose parent was killed would hold the port for good, and the embedded database is the parent's.
        die_with_parent(parent.pid, signal.SIGTERM)
    begin_lasting()
    # Loaded by who answers: it is most of a start, and neither a parent of workers nor who is refused needs it.
    application: FastAPI = import_module("app.main").create_app(
        read_settings(), working=bool(os.environ.get(WORKING))
    )
    return application


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _is_open(settings: Settings) -> bool:
    """Say whether every caller would be let in: no bootstrap key is set and no key was made."""
    if settings.admin_key is not None:
        return False
    assert settings.database_url is not None
    with reaching(settings.database_url):
        async with open_database(settings.database_url, pool_size=1) as database, database.connection() as connection:
            return not await any_key(connection)


def check_port(host: str, port: int) -> None:
    """Raise Refusal when the address cannot be had: better now, in a line, than by a server that ends."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Refusal(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another --port or --host"
        ) from error


@contextmanager
def _shared_counts(workers: int) -> Iterator[None]:
    """Give several workers a folder where their metrics meet; one worker needs none."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="leenpad-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def leave(_number: int, _frame: FrameType | None) -> None:
    """End well: being told to stop is how serving ends."""
    sys.exit(0)
