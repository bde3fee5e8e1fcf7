"""What the log of changes keeps of each operation: of what was asked, and of what came of it.

An operation that stands in none of these tables is written down with nothing but its name: what it is asked may hold
what nobody should read. A test fails until it is said here what of it may be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel

MOST_CHARACTERS = 4096
LONGEST_TEXT = 200

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeps:
    """What is kept of an operation, by the names that its body, its query and its answer give them.

    `asked`: None for the whole body. `no_change` says of an answer that nothing was changed: then nothing is kept.
    """

    asked: frozenset[str] | None = frozenset()
    query: frozenset[str] = frozenset()
    made: tuple[str, ...] = ()
    no_change: Callable[[Document], bool] = field(default=lambda _: False)


def _whole(*made: str) -> Keeps:
    return Keeps(asked=None, made=made)


def _came_to_nothing(report: Document) -> bool:
    return not (report.get("created") or report.get("updated") or report.get("removed"))


REPORT = ("read", "created", "updated", "unchanged", "removed", "rejected")
DRAFT = ("id", "revision", "version")
NOTHING_MORE = Keeps()  # its name and its path say it all

OPERATIONS: Mapping[str, Keeps] = {
    # The network as it is planned.
    "POST /v1/imports/network": Keeps(query=frozenset({"activate"}), made=("version", "activated", *REPORT)),
    "POST /v1/network/undo": Keeps(made=("undone", "active")),
    "POST /v1/network/versions/{version}/activate": Keeps(made=("active", "changed")),
    "POST /v1/network/activations": _whole("id"),
    "DELETE /v1/network/activations/{activation}": NOTHING_MORE,
    "PUT /v1/network/operators/{operator}/days/{day}": _whole(),
    "DELETE /v1/network/operators/{operator}/days/{day}": NOTHING_MORE,
    "POST /v1/network/drafts": _whole(*DRAFT),
    "DELETE /v1/network/drafts/{draft}": NOTHING_MORE,
    "POST /v1/network/drafts/{draft}/changes": _whole(*DRAFT),
    "POST /v1/network/drafts/{draft}/undo": Keeps(made=DRAFT),
    "POST /v1/network/drafts/{draft}/rebase": Keeps(made=DRAFT),
    "POST /v1/network/drafts/{draft}/freeze": Keeps(made=DRAFT),
    "POST /v1/network/drafts/{draft}/activate": _whole("version", "active"),
    "POST /v1/network/drafts/{draft}/calendar": Keeps(
        asked=None, made=("revision",), no_change=lambda answer: answer.get("applied") is False
    ),
    # The day as it is driven.
    "POST /v1/trips/cancellations": _whole(),
    "DELETE /v1/trips/cancellations/{trip_id}/{service_date}": NOTHING_MORE,
    "POST /v1/trips/changes": _whole(),
    "DELETE /v1/trips/changes/{trip_id}/{service_date}": NOTHING_MORE,
    # A feed comes every minute, and mostly says what it said before.
    "POST /v1/imports/trip-updates": Keeps(made=REPORT, no_change=_came_to_nothing),
    "POST /v1/suspensions": _whole("id"),
    "DELETE /v1/suspensions/{suspension}": NOTHING_MORE,
    "POST /v1/scenarios": _whole("id"),
    "DELETE /v1/scenarios/{scenario}": NOTHING_MORE,
    "POST /v1/scenarios/{scenario}/cancel": NOTHING_MORE,
    # The register and the catalogue.
    "POST /v1/imports/agencies": Keeps(query=frozenset({"strict"}), made=REPORT),
    "POST /v1/imports/holdings": Keeps(query=frozenset({"strict", "replace"}), made=REPORT),
    "POST /v1/titles/doubtful/{id}": _whole(),
    "PUT /v1/systems/{id}/harvest": _whole(),
    "POST /v1/systems/{id}/harvest": _whole(),
    # Addresses and options are for whoever looks after the system, and the log has more readers than those.
    "PUT /v1/systems/{id}": Keeps(asked=frozenset({"kind", "branches", "limits"})),
    "PUT /v1/systems/{id}/agencies/{isil}": _whole(),
    "DELETE /v1/systems/{id}/agencies/{isil}": NOTHING_MORE,
    "POST /v1/systems/{id}/check": Keeps(asked=frozenset({"supplying_location", "pickup_location"})),
    # What others are let in by, and what they are told by: an address may hold a password of theirs.
    "PUT /v1/secrets/{name}": NOTHING_MORE,
    "DELETE /v1/secrets/{name}": NOTHING_MORE,
    "POST /v1/keys": Keeps(
        asked=frozenset({"agency", "scopes", "expires_at", "poi", "live_deadline_ms"}), made=("id",)
    ),
    "POST /v1/keys/{key}/rotate": Keeps(query=frozenset({"overlap_hours"}), made=("id",)),
    "DELETE /v1/keys/{key}": NOTHING_MORE,
    "DELETE /v1/sessions/current": NOTHING_MORE,
    "POST /v1/webhooks": Keeps(asked=frozenset({"agency"}), made=("id",)),
    "DELETE /v1/webhooks/{webhook}": NOTHING_MORE,
    # The lending.
    "PUT /v1/lapse-rules": _whole(),
    "POST /v1/policies": _whole("id"),
    "POST /v1/floated-items/{floated_item}/call-home": NOTHING_MORE,
    "POST /v1/floated-items/{floated_item}/came-home": NOTHING_MORE,
    "POST /v1/dead-letters/{letter}/resume": NOTHING_MORE,
    "POST /v1/dead-letters/resume": Keeps(query=frozenset({"kind"}), made=("resumed",)),
}

# Who signs in is known once they are let in: these write themselves down.
SIGNING_IN = frozenset({"POST /v1/sessions", "POST /v1/sessions/provider"})

# Not in the log at all.
LEFT_OUT = frozenset(
    {
        # Loan requests have a history of their own; a scan is an event in it.
        "POST /v1/loan-requests",
        "POST /v1/loan-requests/{loan_request}/actions",
        "POST /iso18626",
        "POST /v1/scans",
        # Nothing is changed.
        "POST /v1/decisions",
        "POST /v1/decisions/comparison",
        "POST /v1/assignments",
        "POST /v1/trips/changes/preview",
        "POST /v1/policies/preview",
        "POST /v1/sessions/provider/begin",
    }
)


def kept_of(keeps: Keeps, asked: BaseModel) -> dict[str, Any]:
    """Return of a body what is kept: as it was given, without what was left out."""
    include = None if keeps.asked is None else set(keeps.asked)
    return shortened(asked.model_dump(mode="json", exclude_unset=True, include=include))


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of at most about MOST_CHARACTERS: whole if it is small, or with its lists counted.

    A list or table that is cut says how many things are in it, and shows the first ones.
    """
    if _length(document) <= MOST_CHARACTERS:
        return document
    for first in (20, 5, 1):
        cut = {name: _cut(value, first) for name, value in document.items()}
        if _length(cut) <= MOST_CHARACTERS:
            return cut
    return {name: _cut(value, 0) for name, value in document.items()}


def _cut(value: Any, first: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, list):
        kept = [_cut(one, first) for one in value[:first]]
        return kept if len(value) <= first else {"count": len(value), "first": kept}
    if isinstance(value, dict):
        names = list(value)[: max(first, 8)] if first else []
        inner = {name: _cut(value[name], first) for name in names}
        return inner if len(value) <= len(names) else {"count": len(value), "first": inner}
    return value


def _length(document: dict[str, Any]) -> int:
    return len(orjson.dumps(document))
