"""`work`: carries out tasks, in a process of its own."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import click

from app.commands.ground import reaching, read_settings, served_database
from app.lasting import begin as begin_lasting
from app.lending.work import work
from app.planning.try_out import Reach
from app.resources import open_resources
from app.settings import Settings


@click.command()
@click.option("--at-once", type=click.IntRange(1, 64), default=8, show_default=True, help="Tasks side by side.")
def command(at_once: int) -> None:
    """Carry out what is due: place loan requests, follow them, tell others. As many of these as you like."""
    begin_lasting()
    with served_database(read_settings()) as served:
        assert served.database_url is not None
        with reaching(served.database_url):
            asyncio.run(_work(served, at_once))


async def _work(settings: Settings, at_once: int) -> None:
    async with open_resources(settings) as resources:
        await resources.snapshot.started()
        working = asyncio.create_task(work(resources.ground, at_once=at_once, more=Reach.of(settings).more))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, working.cancel)
        with suppress(asyncio.CancelledError):
            await working
