"""`demo`: the demonstration network on a database of its own, decisions for people, and the service on top.

Four library systems are emulated beside it, for as long as it runs.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import SecretStr
from rich.console import Console

from app.api.decision_shapes import QuestionShape
from app.api.decisions import question
from app.commands.ground import Refusal, on_served, reaching, read_settings, served_database, told_in_a_line
from app.commands.imports import take_in
from app.commands.serve import check_port, leave, serve_on
from app.database import Database
from app.demo.areas import put_areas
from app.demo.cache import kept_demo, remember_version, remembered_version
from app.demo.lives import draw_asks, live
from app.demo.make import DemoFiles
from app.demo.present import holds_anything, holds_demo
from app.demo.reach import Emulated, NotEmulated, emulating, say_how, take_back
from app.demo.shelf import lend_out, try_out
from app.demo.show import AMSTERDAM, show_decision
from app.demo.show_lives import show_lives
from app.demo.show_systems import show_gone, show_systems
from app.demo.stories import read_names, shortlist, tell
from app.demo.under_way import draw_recent, leave_under_way
from app.lending.choose import TitleKey, choose, look_up
from app.lending.documents import written
from app.lending.vault import own_key
from app.resources import Resources, open_resources
from app.settings import Settings
from app.store.network_versions import find_active

HOST = "127.0.0.1"
SEED = 1
LEAST_ANSWERS = 20


@click.command()
@click.option("--once", is_flag=True, help="Stop after the decisions.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port to listen on.")
def command(once: bool, port: int) -> None:
    """Try it: a made-up Dutch network, decisions and lives of loan requests to read, and the service."""
    signal.signal(signal.SIGTERM, leave)
    settings = read_settings(quiet=True)
    if not once:
        check_port(HOST, port)  # before anything is taken from a demonstration that runs there
    folder = settings.data_dir / "demo"
    # A server of its own, unless one is named: nobody's real holdings are to meet the made-up ones.
    with served_database(settings.model_copy(update={"data_dir": folder})) as served:
        today = datetime.now(AMSTERDAM).date()
        with _stage("making the demonstration network"), _writing(folder):
            files = kept_demo(folder / "files", seed=SEED, today=today)
        with _stage("importing it"):
            on_served(served, lambda database: _load(database, files, named=settings.database_url is not None))
        # Its suppliers have answered a few dozen times: few, but its promises are to be seen.
        served = served.model_copy(update={"responses_least": LEAST_ANSWERS})
        if served.secrets_key is None:
            served = served.model_copy(update={"secrets_key": SecretStr(own_key(folder))})
        with told_in_a_line(NotEmulated), _emulating(served) as emulated:
            assert served.database_url is not None
            with reaching(served.database_url):
                asyncio.run(_show(served, files, emulated, today=today))
            if not once:
                click.echo(f"Serving on http://{HOST}:{port}/ (documentation: /docs); Ctrl-C ends it.", err=True)
                for name, (system, _) in emulated.systems.items():
                    click.echo(f"  {name} ({system.kind}): {emulated.root(name)}/_emulator/stock", err=True)
                serve_on(served, host=HOST, port=port, workers=1, working=True)


@contextmanager
def _emulating(settings: Settings) -> Iterator[Emulated]:
    """Run the emulated systems; afterwards none of them is said to be there."""
    try:
        with emulating(settings) as emulated:
            yield emulated
    finally:
        with suppress(Refusal):  # the next demonstration does it, before anything else is asked
            on_served(settings, take_back)


async def _load(database: Database, files: DemoFiles, *, named: bool) -> None:
    """Import the files, unless the database decides with this very network already.

    Raises Refusal when the database was `named` by the user and holds another network.
    """
    async with database.connection() as connection:
        active = await find_active(connection)
    ours = await holds_demo(database, files)
    if ours and active is not None and active == remembered_version(files):
        return
    if named and not ours and (active is not None or await holds_anything(database)):
        raise Refusal("LEENPAD_DATABASE_URL names a database that is in use; the demonstration needs its own")
    await put_areas(database)
    await take_in(database, "agencies", files.agencies, strict=True)
    await take_in(database, "holdings", files.holdings, strict=True, replace=True)
    # Last, so that an active network means that all of it is there.
    version = (await take_in(database, "network", files.network, activate=True)).version
    assert version is not None
    remember_version(files, version)


async def _show(settings: Settings, files: DemoFiles, emulated: Emulated, *, today: date) -> None:
    """Print a decision for each of the stories that the data can tell, lives of loan requests, and the systems."""
    console = Console()
    async with open_resources(settings) as resources:
        with _stage("deciding"):
            await resources.snapshot.started()
            told = await tell(shortlist(files, today=today), lambda body: _decide(resources, body))
        names = read_names(files)
        console.print(
            "A demonstration: organisations and places are real, everything else is made up.\n", style="dim"
        )
        for story in told:
            show_decision(console, story.heading, story.ask.sentence, story.reply, names)
        with _stage("carrying out loan requests of last month, in a clock that jumps"):
            lives = await live(resources, draw_asks(files, today=today), today=today)
        show_lives(console, lives, names)
        with _stage("leaving some of this month under way"):
            now = datetime.now(UTC)
            open_ones = await leave_under_way(resources, draw_recent(files, now=now), today=today, now=now)
        click.echo(f"  {open_ones} are under way, for the console to show", err=True)
        with _stage("asking four emulated library systems"):
            await asyncio.to_thread(emulated.ready)
            await say_how(resources.database, emulated, resources.ground.systems.vault)
            examined = await try_out(resources, emulated)
            gone = await lend_out(resources, emulated, today=today)
        show_systems(console, examined)
        if gone is not None:
            show_gone(console, gone, names)


async def _decide(resources: Resources, body: dict[str, Any]) -> dict[str, Any]:
    """Answer a question as POST /v1/decisions does."""
    asked = QuestionShape.model_validate(body)
    title = TitleKey(isbn=asked.title.isbn, ppn=asked.title.ppn)
    holders = await look_up(resources.database, title)
    decision = await choose(resources.snapshot, title=title, holders=holders, question=question(asked))
    answer: dict[str, Any] = orjson.loads(written(decision))
    return answer


@contextmanager
def _stage(what: str) -> Iterator[None]:
    """Tell the person at the terminal what is going on, and how long it took."""
    started = time.monotonic()
    click.echo(f"· {what} …", err=True)
    yield
    click.echo(f"  {time.monotonic() - started:.1f} s", err=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(f"{error.filename or folder}: {error.strerror}") from error
