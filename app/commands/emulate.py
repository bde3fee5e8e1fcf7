"""`emulate`: a library system of a given kind that is none, with a small stock, to connect to and to break."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from shlex import quote

import click
import orjson

from adapters.emulators import demo_stock
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import HOST, Emulator, serving
from adapters.installation import Installation
from app.commands.ground import Refusal

NAME = "emulated-{kind}"
SHOWN_FAULT = [{"wrong": "slow", "verb": "availability", "times": 3, "seconds": 2}]
LEENPAD = "http://127.0.0.1:8000"
# A key that holds nothing would be none; where nobody needs one, any will do.
AUTHORIZATION = '-H "Authorization: Bearer ${LEENPAD_ADMIN_KEY:-none}"'
PORT = click.IntRange(0, 65535)


@click.command()
@click.argument("kind", type=click.Choice(sorted(EMULATORS)))
@click.option("--port", type=PORT, default=0, help="The port to listen on for HTTP; 0: a free one.")
@click.option("--sip2-port", type=PORT, default=0, help="The same for SIP2, where the system speaks it.")
@click.option(
    "--server", default=LEENPAD, show_default=True, help="Where Leenpad is, for the commands that it prints."
)
def command(kind: str, port: int, sip2_port: int, server: str) -> None:
    """Emulate a library system of a KIND, until Ctrl-C: some 200 works in five branches, and faults on demand."""
    try:
        asyncio.run(_emulate(EMULATORS[kind](), port, sip2_port, server.rstrip("/")))
    except OSError as error:
        raise Refusal(f"cannot listen on {HOST}: {error.strerror}") from error


async def _emulate(emulator: Emulator, port: int, sip2_port: int, server: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(emulator, port=port, sip2_port=sip2_port) as installation:
        click.echo(introduction(emulator, installation, server=server))
        await stopped.wait()


def introduction(emulator: Emulator, installation: Installation, *, server: str) -> str:
    """Return what to do with it: how to make it a system of Leenpad's, and how to have it go wrong.

    Its secrets are shown, as they open nothing but the emulator.
    """
    served = sorted(set(installation.addresses.values()))
    titles = [work for work in emulator.stock.works.values() if work.isbns][:3]
    lines = [
        f"Emulating a system of kind {emulator.kind}: {len(emulator.stock.works)} works, "
        f"{len(emulator.stock.copies)} copies, {len(demo_stock.locations_of(emulator.kind))} branches.",
        *(f"  {address}" for address in served),
        "",
        "Titles to ask for:",
        *(f"  {work.isbns[0]}  {work.title}, {work.author}" for work in titles),
        "",
        f"To make it a system of the Leenpad at {server} (another: --server URL), which `./run serve` starts,",
        "paste these into another terminal. Where keys are in use, have it hold one: `export LEENPAD_ADMIN_KEY=…`,",
        "that of the server, or an admin's. A server with LEENPAD_DATABASE_URL needs LEENPAD_SECRETS_KEY too.",
    ]
    for step in steps(emulator, installation):
        lines += ["", f"# {step.says}", step.as_curl(server)]
    lines += [
        "",
        "A decision needs a network too; where none is active: ./run import network FILE --activate. Over one whose",
        "vans call at these branches and at the pickup location they lend to others; over any, to a reader at one:",
        "",
        f"# {asked(emulator).says}",
        asked(emulator).as_curl(server),
    ]
    base = next((address for address in served if address.startswith("http")), None)
    if base is not None:
        root = "/".join(base.split("/")[:3])
        lines += [
            "",
            f"What it has: GET {root}/_emulator/stock. To have it go wrong, for instance:",
            f"  curl -X PUT {root}/_emulator/faults -d '{orjson.dumps(SHOWN_FAULT).decode()}'",
            "To have a reader take a copy home:",
            f"  curl -X POST {root}/_emulator/copies/{next(iter(emulator.stock.copies))}/loan",
        ]
    return "\n".join([*lines, "", "Ctrl-C ends it."])


@dataclass(frozen=True, slots=True)
class Step:
    """One request to Leenpad."""

    says: str
    method: str
    path: str
    body: str
    media_type: str = "application/json"

    def as_curl(self, server: str) -> str:
        """Return it as a command of a shell."""
        send = f"--data-binary {quote(self.body)}"
        return (
            f"curl -sS --fail-with-body -X {self.method} {quote(server + self.path)} {AUTHORIZATION}"
            f" \\\n  -H 'Content-Type: {self.media_type}' {send}; echo"
        )


def steps(emulator: Emulator, installation: Installation) -> list[Step]:
    """Return what makes an emulator a system of a Leenpad that knows nothing yet, in order."""
    name = NAME.format(kind=emulator.kind)
    system = f"/v1/systems/{name}"
    document = {
        "kind": emulator.kind,
        "addresses": dict(installation.addresses),
        "secrets": {entry: f"{name}.{entry}" for entry in installation.secrets},
        "branches": dict(installation.branches),
        "options": dict(installation.options),
    }
    everywhere = next(iter(emulator.stock.works.values()))
    question = {"isbn": everywhere.isbns[0], "supplying_location": next(iter(demo_stock.locations_of(emulator.kind)))}
    return [
        Step(
            "Five branches of a library that is made up, and that uses this system",
            *("POST", "/v1/imports/agencies", _agencies(name, emulator.kind), "text/csv"),
        ),
        *(
            Step(f"What it goes by: {entry}", "PUT", f"/v1/secrets/{name}.{entry}", _json({"value": value}))
            for entry, value in installation.secrets.items()
        ),
        Step("How it is reached", "PUT", system, _json(document)),
        Step("Whether it works", "POST", f"{system}/check", _json(question)),
        Step("Its catalogue; GET the same to see how far it is", "POST", f"{system}/harvest", _json({"whole": True})),
    ]


def asked(emulator: Emulator) -> Step:
    """Return the question of a reader at a branch that has the title, which any network answers."""
    everywhere = next(iter(emulator.stock.works.values()))
    question = {
        "title": {"isbn": everywhere.isbns[0]},
        "pickup_location": next(iter(demo_stock.locations_of(emulator.kind))),
    }
    return Step(
        "Who lends it, with this system asked what stands on its shelf", "POST", "/v1/decisions", _json(question)
    )


def _agencies(system: str, kind: str) -> str:
    agency = demo_stock.agency_of(kind)
    rows = [
        "isil,name,kind,parent,system,system_kind",
        f"{agency},Bibliotheek Waterstad ({kind}),agency,,{system},{kind}",
        *(
            f"{place},{name} ({kind}),location,{agency},{system},{kind}"
            for place, name in demo_stock.locations_of(kind).items()
        ),
    ]
    return "\n".join(rows) + "\n"


def _json(document: object) -> str:
    return orjson.dumps(document).decode()
