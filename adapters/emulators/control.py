"""What people and tests can turn on an emulator while it runs: its faults, and a look at its stock.

    GET    /_emulator/stock    works with their copies, and holds
    GET    /_emulator/faults   what is still to go wrong, and how many calls of each verb there were
    PUT    /_emulator/faults   a list of faults in place of those planned: [{"wrong": "broken", "verb": "place"}]
    DELETE /_emulator/faults   nothing goes wrong any more
    POST   /_emulator/copies/{barcode}/loan   a reader of this library takes a copy home

An emulator adds these routes to its application; `FaultyHttp` lets them pass whatever is planned.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.contract import Verb
from adapters.emulators.faults import Fault, Faults, Wrong
from adapters.emulators.stock import Copy, Hold, NoSuchThing, NotPossible, Stock, Work

LARGEST_BYTES = 100_000
MOST_FAULTS = 1_000
LONGEST_SECONDS = 600.0
FIELDS = frozenset({"wrong", "verb", "times", "seconds"})


class NoFault(ValueError):  # noqa: N818 - says what it is
    """What was sent describes no faults; the sentence says why."""


def control_routes(stock: Stock, faults: Faults) -> list[BaseRoute]:
    """Return the routes under /_emulator."""

    async def show_stock(_: Request) -> Response:
        return JSONResponse(stock_document(stock))

    async def show_faults(_: Request) -> Response:
        return JSONResponse(faults_document(faults))

    async def put_faults(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BYTES:
                return JSONResponse({"error": f"more than {LARGEST_BYTES} bytes"}, status_code=413)
        try:
            planned = read_faults(bytes(body))
        except NoFault as error:
            return JSONResponse({"error": str(error), "wrong": [wrong.value for wrong in Wrong]}, status_code=422)
        faults.clear()
        faults.planned.extend(planned)
        return JSONResponse(faults_document(faults))

    async def clear_faults(_: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def lend(request: Request) -> Response:
        try:
            copy = stock.lend(request.path_params["barcode"])
        except NoSuchThing:
            return JSONResponse({"error": "there is no such copy"}, status_code=404)
        except NotPossible as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        return JSONResponse(_copy(copy))

    return [
        Route("/_emulator/stock", show_stock, methods=["GET"]),
        Route("/_emulator/faults", show_faults, methods=["GET"]),
        Route("/_emulator/faults", put_faults, methods=["PUT"]),
        Route("/_emulator/faults", clear_faults, methods=["DELETE"]),
        Route("/_emulator/copies/{barcode}/loan", lend, methods=["POST"]),
    ]


def read_faults(body: bytes) -> list[Fault]:
    """Read a list of faults, or one. Raises NoFault."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoFault("is no JSON") from error
    given = document if isinstance(document, list) else [document]
    if len(given) > MOST_FAULTS:
        raise NoFault(f"is more than {MOST_FAULTS} faults")
    return [_fault(one) for one in given]


def _fault(given: Any) -> Fault:
    if not isinstance(given, dict) or not given.keys() <= FIELDS:
        raise NoFault(f"a fault has no other fields than {', '.join(sorted(FIELDS))}")
    try:
        wrong = Wrong(given.get("wrong", ""))
        verb = None if given.get("verb") is None else Verb(given["verb"])
    except ValueError as error:
        raise NoFault("there is no such fault, or no such verb") from error
    times, seconds = given.get("times", 1), given.get("seconds", 0.3)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise NoFault("`times` is a whole number from 1")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_SECONDS:
        raise NoFault(f"`seconds` is a number from 0 to {LONGEST_SECONDS:.0f}")
    return Fault(wrong=wrong, verb=verb, times=times, seconds=float(seconds))


def faults_document(faults: Faults) -> dict[str, Any]:
    """Return what is still to go wrong, and how often each verb was called (`-`: calls that serve none)."""
    return {"planned": [asdict(fault) for fault in faults.planned if fault.times > 0], "seen": dict(faults.seen)}


def stock_document(stock: Stock) -> dict[str, Any]:
    """Return the works with their copies, and the holds, as JSON; no patron is in it."""
    return {
        "works": [_work(work) for work in stock.works.values()],
        "holds": [_hold(hold) for hold in stock.holds.values()],
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        "number": work.number,
        "title": work.title,
        "author": work.author,
        "isbns": list(work.isbns),
        "ppn": work.ppn,
        "material": work.material,
        "volume": work.volume,
        "deleted": work.deleted,
        "changed_at": work.changed_at.isoformat(),
        "copies": [_copy(copy) for copy in work.copies],
    }


def _copy(copy: Copy) -> dict[str, Any]:
    return {
        "barcode": copy.barcode,
        "branch": copy.branch,
        "status": copy.status.value,
        "due": None if copy.due is None else copy.due.isoformat(),
        "loanable": copy.loanable,
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "number": hold.number,
        "work": hold.work,
        "pickup": hold.pickup,
        "barcode": hold.barcode,
        "state": hold.state,
        "placed_at": hold.placed_at.isoformat(),
    }
