"""`emulate`: a library system of a given kind that is none, with a small stock, to connect to and to break."""

from __future__ import annotations

import asyncio
import signal

import click
import orjson

from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import HOST, Emulator, serving
from adapters.installation import Installation
from app.commands.ground import Refusal

NAME = "emulated-{kind}"
SHOWN_FAULT = [{"wrong": "slow", "verb": "availability", "times": 3, "seconds": 2}]
PORT = click.IntRange(0, 65535)


@click.command()
@click.argument("kind", type=click.Choice(sorted(EMULATORS)))
@click.option("--port", type=PORT, default=0, help="The port to listen on for HTTP; 0: a free one.")
@click.option("--sip2-port", type=PORT, default=0, help="The same for SIP2, where the system speaks it.")
def command(kind: str, port: int, sip2_port: int) -> None:
    """Emulate a library system of a KIND, until Ctrl-C: some 200 works in five branches, and faults on demand."""
    try:
        asyncio.run(_emulate(EMULATORS[kind](), port, sip2_port))
    except OSError as error:
        raise Refusal(f"cannot listen on {HOST}: {error.strerror}") from error


async def _emulate(emulator: Emulator, port: int, sip2_port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(emulator, port=port, sip2_port=sip2_port) as installation:
        click.echo(introduction(emulator, installation))
        await stopped.wait()


def introduction(emulator: Emulator, installation: Installation) -> str:
    """Return what to do with it: how to make it a system, and how to have it go wrong.

    Its secrets are shown, as they open nothing but the emulator.
    """
    name = NAME.format(kind=emulator.kind)
    system = {
        "kind": emulator.kind,
        "addresses": dict(installation.addresses),
        "secrets": dict(installation.secrets),
        "branches": dict(installation.branches),
        "options": dict(installation.options),
    }
    served = sorted(set(installation.addresses.values()))
    titles = [work for work in emulator.stock.works.values() if work.isbns][:3]
    lines = [
        f"Emulating a system of kind {emulator.kind}: {len(emulator.stock.works)} works, "
        f"{len(emulator.stock.copies)} copies, {len(installation.branches)} branches.",
        *(f"  {address}" for address in served),
        "",
        "Titles to ask for:",
        *(f"  {work.isbns[0]}  {work.title}, {work.author}" for work in titles),
        "",
        f"To make it a system of Leenpad (./run serve), PUT /v1/systems/{name} with:",
        orjson.dumps(system, option=orjson.OPT_INDENT_2).decode(),
    ]
    base = next((address for address in served if address.startswith("http")), None)
    if base is not None:
        root = "/".join(base.split("/")[:3])
        lines += [
            "",
            f"What it has: GET {root}/_emulator/stock. To have it go wrong, for instance:",
            f"  curl -X PUT {root}/_emulator/faults -d '{orjson.dumps(SHOWN_FAULT).decode()}'",
        ]
    return "\n".join([*lines, "", "Ctrl-C ends it."])
