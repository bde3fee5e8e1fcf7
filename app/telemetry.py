"""What the service says about itself: structured logs on stderr, and metrics for Prometheus.

Behind several workers each keeps its own counts; `serve` has them meet in PROMETHEUS_MULTIPROC_DIR, and any worker
answers for all.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from structlog.typing import EventDict, Processor, WrappedLogger

METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
SECRET_WORDS = ("authorization", "patron", "password", "secret", "token", "api_key", "admin_key", "cookie")
LEVELS = ("debug", "info", "warning", "error")

REQUESTS = Counter("leenpad_http_requests", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram(
    "leenpad_http_request_seconds",
    "From the first byte of a request to the last of its answer.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)
IMPORTED_ROWS = Counter("leenpad_imported_rows", "Rows of imports by what became of them.", ("what", "outcome"))
DECISION_SECONDS = Histogram(
    "leenpad_decision_seconds",
    "The engine's time for a decision, without reading the question or writing the answer.",
    ("objective",),
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5),
)


def configure_logging(level: str) -> None:
    """Send all logs, ours and the libraries', to stderr: for people on a terminal, else one JSON object a line.

    Raises ValueError for a level that is not one of LEVELS.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"the log level is one of {', '.join(LEVELS)}, not {level!r}")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        keep_secrets,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it greets at every start
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it names every address, and those may hold secrets
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # the metrics count requests
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
        cache_logger_on_first_use=True,
    )


def _rendering() -> list[Processor]:
    if sys.stderr.isatty():
        # The other way to show a traceback prints the local variables too, and so keys and references to readers.
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


def keep_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop what must never be logged, at any depth: keys to the API, and whatever points at a reader."""
    kept: EventDict = _without_secrets(event)
    kept.pop("color_message", None)  # uvicorn's second copy of its text
    return kept


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_secrets(held) for name, held in value.items() if not _is_secret(name)}
    if isinstance(value, list | tuple):
        if len(value) == 2 and _is_secret(value[0]):  # a header as a pair
            return (value[0], "…")
        return [_without_secrets(held) for held in value]
    return value


def _is_secret(name: object) -> bool:
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return isinstance(text, str) and any(word in text.lower().replace("-", "_") for word in SECRET_WORDS)


class CountRequests:
    """ASGI middleware that counts and times requests by method, route template and status.

    The template is the path of the route as its router declares it; whatever meets no route counts as one, so that a
    scanner's guesses do not become a thousand series.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and count it once it is answered (an answer cut off by an exception counts as 500)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            count, seconds = self._counters(scope, status)
            count.inc()
            seconds.observe(perf_counter() - started)

    def _counters(self, scope: Scope, status: int) -> tuple[Counter, Histogram]:
        method = scope["method"] if scope["method"] in METHODS else "other"
        key = (method, getattr(scope.get("route"), "path", "none"), status)
        if key not in self.counters:
            self.counters[key] = (
                REQUESTS.labels(method, key[1], str(status)),
                REQUEST_SECONDS.labels(method, key[1]),
            )
        return self.counters[key]


def count_import(what: str, **outcomes: int) -> None:
    """Count an import's rows: `count_import("holdings", created=12, rejected=1)`."""
    for outcome, rows in outcomes.items():
        IMPORTED_ROWS.labels(what, outcome).inc(rows)


def time_decision(objective: str, seconds: float) -> None:
    """Take one decision's time down."""
    _decision_seconds(objective).observe(seconds)


@cache
def _decision_seconds(objective: str) -> Histogram:
    return DECISION_SECONDS.labels(objective)


def render_metrics(dead_letters: Mapping[str, int] | None = None) -> bytes:
    """Return all metrics in Prometheus's text format (METRICS_MEDIA_TYPE): of all workers where there are several.

    `dead_letters` are those of the database by kind: one for all processes, read for whoever asks. None: not known.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY) + _written(dead_letters)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry) + _written(dead_letters)


DEAD_LETTERS = "leenpad_dead_letters"


def _written(dead_letters: Mapping[str, int] | None) -> bytes:
    if dead_letters is None:
        return b""
    lines = [f"# HELP {DEAD_LETTERS} What was given up and waits for people.", f"# TYPE {DEAD_LETTERS} gauge"]
    lines += [f'{DEAD_LETTERS}{{kind="{kind}"}} {count}' for kind, count in sorted(dead_letters.items())]
    return ("\n".join(lines) + "\n").encode()
