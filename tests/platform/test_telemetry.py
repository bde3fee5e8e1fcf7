"""What the service logs and counts, and above all what it never logs."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.telemetry import CountRequests, configure_logging, count_import, render_metrics, time_decision

ROOT = Path(__file__).resolve().parents[2]


def log_in_a_process(script: str, level: str = "info") -> list[dict[str, object]]:
    """Run lines of Python after logging is set up and return what they logged."""
    setup = f"import logging, structlog\nfrom app.telemetry import configure_logging\nconfigure_logging({level!r})\n"
    answer = subprocess.run(
        [sys.executable, "-c", setup + script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout == "", "logs go to stderr"
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    for line in lines:
        del line["timestamp"]
    return lines


def test_our_logs_and_those_of_libraries_look_alike() -> None:
    script = (
        "structlog.get_logger('ours').info('imported', rows=3)\n"
        "logging.getLogger('theirs').warning('%s is slow', 'disk', extra={'seconds': 2})\n"
    )
    assert log_in_a_process(script) == [
        {"event": "imported", "rows": 3, "level": "info", "logger": "ours"},
        {"event": "disk is slow", "seconds": 2, "level": "warning", "logger": "theirs"},
    ]


def test_the_level_holds_back_what_is_less() -> None:
    script = "structlog.get_logger('ours').info('a')\nstructlog.get_logger('ours').error('b')\n"
    assert [line["event"] for line in log_in_a_process(script, "warning")] == ["b"]


def test_keys_and_readers_are_never_logged_at_any_depth() -> None:
    script = (
        "structlog.get_logger('ours').info('call', Authorization='Bearer lp_x', patron_reference='P1',\n"
        "    body={'title': 't', 'patronReference': 'P2', 'parts': [{'admin_key': 'k', 'rank': 1}]},\n"
        "    headers=[(b'authorization', b'Bearer lp_y'), (b'host', b'h')])\n"
        "logging.getLogger('theirs').warning('call', extra={'headers': {'X-Api-Key': 'lp_z', 'Cookie': 'c'}})\n"
    )
    assert log_in_a_process(script) == [
        {
            "event": "call",
            "body": {"title": "t", "parts": [{"rank": 1}]},
            "headers": [["b'authorization'", "…"], ["b'host'", "b'h'"]],
            "level": "info",
            "logger": "ours",
        },
        {"event": "call", "headers": {}, "level": "warning", "logger": "theirs"},
    ]


def test_an_unknown_level_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="debug, info, warning, error, not 'loud'"):
        configure_logging("loud")
    assert logging.getLogger().handlers, "nothing was changed"


async def hello(request: Request) -> PlainTextResponse:
    if request.path_params["name"] == "nobody":
        raise RuntimeError("nobody is there")
    return PlainTextResponse("hello")


def counted(line: str) -> float:
    """Return the value of one line of the metrics, 0 if it is not there."""
    for found in render_metrics().decode().splitlines():
        if found.startswith(line + " "):
            return float(found.rpartition(" ")[2])
    return 0.0


async def test_requests_are_counted_by_route_not_by_address() -> None:
    answered = 'leenpad_http_requests_total{{method="{}",route="{}",status="{}"}}'
    expected = {
        answered.format("GET", "/hello/{name}", 200): 2.0,
        answered.format("GET", "/hello/{name}", 500): 1.0,
        answered.format("GET", "none", 404): 2.0,
        answered.format("other", "/hello/{name}", 405): 1.0,
        'leenpad_http_request_seconds_count{method="GET",route="/hello/{name}"}': 3.0,
    }
    before = {line: counted(line) for line in expected}
    service = CountRequests(Starlette(routes=[Route("/hello/{name}", hello)]))
    transport = httpx.ASGITransport(service, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for address in ("/hello/ada", "/hello/bob", "/hello/nobody", "/wp-admin.php", "/.env"):
            await client.get(address)
        await client.request("BREW", "/hello/ada")
    assert {line: counted(line) - before[line] for line in expected} == expected


def test_imports_and_decisions_are_counted() -> None:
    expected = {
        'leenpad_imported_rows_total{outcome="created",what="holdings"}': 15.0,
        'leenpad_imported_rows_total{outcome="rejected",what="holdings"}': 1.0,
        'leenpad_decision_seconds_bucket{le="0.0005",objective="fastest"}': 1.0,
        'leenpad_decision_seconds_bucket{le="0.00025",objective="fastest"}': 0.0,
    }
    before = {line: counted(line) for line in expected}
    count_import("holdings", created=12, rejected=1)
    count_import("holdings", created=3)
    time_decision("fastest", 0.0004)
    assert {line: counted(line) - before[line] for line in expected} == expected


def test_any_worker_answers_for_all(tmp_path: Path) -> None:
    def worker(script: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", "from app.telemetry import count_import, render_metrics\n" + script],
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout

    worker("count_import('agencies', created=2)")
    told = worker("count_import('agencies', created=5); print(render_metrics().decode())")
    assert 'leenpad_imported_rows_total{outcome="created",what="agencies"} 7.0' in told


def test_a_terminal_shows_where_it_broke_and_not_what_was_held_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    configure_logging("info")
    try:
        held = "P" + str(4711)
        assert held
        raise LookupError("it broke")
    except LookupError:
        structlog.get_logger("ours").exception("a task is given up")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    assert "LookupError: it broke" in terminal.getvalue()
    assert "P4711" not in terminal.getvalue()
