"""Who may do what: every operation with every kind of key, compared with a table that is drawn here.

To add an operation: draw its row, and say in REQUESTS what a good call of it looks like (a GET that takes nothing but
what PLACES fills in needs no entry). What follows a colon tells several calls of one operation apart. An answer that
never ends, such as a stream, is fine: only its status is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from adapters.protocols.iso18626.messages import Action as Iso18626Action
from adapters.protocols.iso18626.messages import (
    AgencyId,
    Bibliographic,
    Header,
    Identifier,
    Message,
    Reason,
    Request,
    RequestingAgencyMessage,
    Status,
    SupplyingAgencyMessage,
)
from adapters.protocols.iso18626.writing import write
from app.imports.export import export_network
from app.settings import Settings
from app.store.floated import leave, list_floated
from app.store.keys import add_key, revoke_key
from app.store.network_versions import create_version
from tests.app.test_openapi import DOCUMENT
from tests.support.filled import EVERYWHERE, FIRST, content_of, fill, run_sql
from tests.support.house import MONDAY, House, open_house
from tests.support.worlds import drawn

pytestmark = pytest.mark.once

# The loan request is Library One's, and Library Two was asked. The planner is of the vans V1, which carry the item;
# her version of the network differs from the active one in V1's trips only. A quote: somebody else of that kind.
COLUMNS = [
    "none",
    "expired",
    "revoked",
    "requester",
    "requester'",
    "supplier",
    "supplier'",
    "planner",
    "planner'",
    "reader",
    "admin",
]
TABLE = """
                                                     none exp rev  req req' sup sup' pln pln' rdr adm
GET /healthz                                          200 200 200  200 200  200 200  200 200  200 200
GET /readyz                                           200 200 200  200 200  200 200  200 200  200 200
GET /metrics                                          200 200 200  200 200  200 200  200 200  200 200
GET /problems                                         200 200 200  200 200  200 200  200 200  200 200
GET /problems/{slug}                                  200 200 200  200 200  200 200  200 200  200 200

POST /v1/decisions                                    401 401 401  200 200  200 200  200 200  200 200
POST /v1/decisions/comparison                         401 401 401  200 200  200 200  200 200  200 200
POST /v1/assignments                                  401 401 401  200 200  200 200  200 200  200 200

POST /v1/loan-requests                                401 401 401  201 403  403 403  403 403  403 201
GET /v1/loan-requests                                 401 401 401  200 200  200 200  200 200  200 200
GET /v1/loan-requests/{loan_request}                  401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request} : on-its-way     401 401 401  200 404  200 404  200 404  200 200
GET /v1/loan-requests/{loan_request} : ended          401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/events           401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/events : on-its-way  401 401 401  200 404  200 404  200 404  200 200
GET /v1/loan-requests/{loan_request}/decision         401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/decision : on-its-way  401 401 401  200 404  200 404  200 404  200 200
GET /v1/loan-requests/{loan_request}/way              401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/way : on-its-way  401 401 401  200 404  200 404  200 404  200 200
GET /v1/loan-requests/{loan_request}/where-next       401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/comparison       401 401 401  200 404  200 404  404 404  200 200
POST /v1/loan-requests/{loan_request}/actions : ExpectToSupply  401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : WillSupply      401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Unfilled        401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : RetryPossible   401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Loaned          401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Recall          401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : LoanCompleted   401 401 401  403 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Received        401 401 401  200 404  403 404  403 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Renew           401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : ShippedReturn   401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Cancel          401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Override        401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Hold            401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Resume          401 401 401  200 404  403 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Lost            401 401 401  200 404  200 404  403 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Notification    401 401 401  200 404  200 404  404 404  403 200
POST /v1/loan-requests/{loan_request}/actions : Scan            401 401 401  200 404  200 404  200 404  403 200

POST /iso18626 : request                              401 401 401  200 403  403 403  403 403  403 200
POST /iso18626 : requestingAgencyMessage              401 401 401  200 403  403 403  403 403  403 200
POST /iso18626 : supplyingAgencyMessage               401 401 401  403 403  200 403  403 403  403 200
GET /v1/lapse-rules                                   401 401 401  200 200  200 200  200 200  200 200
PUT /v1/lapse-rules                                   401 401 401  403 403  403 403  403 403  403 200

GET /v1/policies                                      401 401 401  200 200  200 200  200 200  200 200
GET /v1/policies/effective                            401 401 401  200 200  200 200  200 200  200 200
POST /v1/policies                                     401 401 401  403 403  403 403  403 403  403 201
POST /v1/policies : of who asks                       401 401 401  201 403  403 403  403 403  403 201
POST /v1/policies : of who lends                      401 401 401  403 403  201 403  403 403  403 201
POST /v1/policies/preview                             401 401 401  403 403  403 403  200 200  200 200
POST /v1/policies/preview : of who asks               401 401 401  200 403  403 403  200 200  200 200

GET /v1/agencies                                      401 401 401  200 200  200 200  200 200  200 200
GET /v1/agencies/{isil}                               401 401 401  200 200  200 200  200 200  200 200
GET /v1/agencies/{isil}/response                      401 401 401  200 200  200 200  200 200  200 200
GET /v1/response-models                               401 401 401  200 200  200 200  200 200  200 200
GET /v1/locations                                     401 401 401  200 200  200 200  200 200  200 200
GET /v1/locations/{id}                                401 401 401  200 200  200 200  200 200  200 200
GET /v1/locations/{id}/calls                          401 401 401  200 200  200 200  200 200  200 200
GET /v1/locations/{id}/overview                       401 401 401  200 200  200 200  200 200  200 200
GET /v1/systems                                       401 401 401  200 200  200 200  200 200  200 200
GET /v1/systems/{id}                                  401 401 401  200 200  200 200  200 200  200 200
GET /v1/system-kinds                                  401 401 401  200 200  200 200  200 200  200 200
PUT /v1/systems/{id}                                  401 401 401  403 403  403 403  403 403  403 200
GET /v1/systems/{id}/installation                     401 401 401  403 403  403 403  403 403  403 200
POST /v1/systems/{id}/check                           401 401 401  403 403  403 403  403 403  403 200
PUT /v1/systems/{id}/agencies/{isil}                  401 401 401  403 403  403 403  403 403  403 204
DELETE /v1/systems/{id}/agencies/{isil}               401 401 401  403 403  403 403  403 403  403 204
GET /v1/secrets                                       401 401 401  403 403  403 403  403 403  403 200
PUT /v1/secrets/{name}                                401 401 401  403 403  403 403  403 403  403 204
DELETE /v1/secrets/{name}                             401 401 401  403 403  403 403  403 403  403 204
GET /v1/harvests                                      401 401 401  200 200  200 200  200 200  200 200
GET /v1/systems/{id}/harvest                          401 401 401  200 200  200 200  200 200  200 200
PUT /v1/systems/{id}/harvest                          401 401 401  403 403  403 403  403 403  403 200
POST /v1/systems/{id}/harvest                         401 401 401  403 403  403 403  403 403  403 202
GET /v1/provinces                                     401 401 401  200 200  200 200  200 200  200 200
GET /v1/pois                                          401 401 401  200 200  200 200  200 200  200 200
GET /v1/tariffs                                       401 401 401  200 200  200 200  200 200  200 200
GET /v1/titles                                        401 401 401  200 200  200 200  200 200  200 200
GET /v1/titles/doubtful                               401 401 401  200 200  200 200  200 200  200 200
POST /v1/titles/doubtful/{id}                         401 401 401  403 403  403 403  403 403  403 200
GET /v1/holdings                                      401 401 401  200 200  200 200  200 200  200 200
GET /v1/floated-items                                 401 401 401  200 200  200 200  200 200  200 200
POST /v1/floated-items/{floated_item}/call-home       401 401 401  403 403  200 403  403 403  403 200
POST /v1/floated-items/{floated_item}/came-home       401 401 401  403 403  200 403  403 403  403 200

POST /v1/imports/agencies                             401 401 401  403 403  403 403  403 403  403 200
POST /v1/imports/holdings                             401 401 401  403 403  403 403  403 403  403 200
POST /v1/imports/network                              401 401 401  403 403  403 403  200 200  403 200
POST /v1/imports/network : activating                 401 401 401  403 403  403 403  200 403  403 200

GET /v1/network                                       401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/health                                401 401 401  200 200  200 200  200 200  200 200
POST /v1/network/undo                                 401 401 401  403 403  403 403  200 403  403 200
GET /v1/network/versions                              401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}                    401 401 401  200 200  200 200  200 200  200 200
POST /v1/network/versions/{version}/activate          401 401 401  403 403  403 403  200 403  403 200
POST /v1/network/versions/{version}/activate : everybody's  401 401 401  403 403  403 403  403 403  403 200
GET /v1/network/versions/{version}/export             401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/stops              401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/routes             401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/routes/{route}     401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/map                401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/routes/{route}/load                   401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/services           401 401 401  200 200  200 200  200 200  200 200
GET /v1/network/versions/{version}/trips              401 401 401  200 200  200 200  200 200  200 200

POST /v1/network/drafts                               401 401 401  403 403  403 403  201 201  403 201
GET /v1/network/drafts                                401 401 401  403 403  403 403  200 200  200 200
GET /v1/network/drafts/{draft}                        401 401 401  403 403  403 403  200 200  200 200
DELETE /v1/network/drafts/{draft}                     401 401 401  403 403  403 403  204 403  403 204
GET /v1/network/drafts/{draft}/changes                401 401 401  403 403  403 403  200 200  200 200
POST /v1/network/drafts/{draft}/changes               401 401 401  403 403  403 403  200 200  403 200
POST /v1/network/drafts/{draft}/undo                  401 401 401  403 403  403 403  200 200  403 200
POST /v1/network/drafts/{draft}/rebase                401 401 401  403 403  403 403  200 200  403 200
GET /v1/network/drafts/{draft}/routes                 401 401 401  403 403  403 403  200 200  200 200
GET /v1/network/drafts/{draft}/trips                  401 401 401  403 403  403 403  200 200  200 200
GET /v1/network/drafts/{draft}/services               401 401 401  403 403  403 403  200 200  200 200
GET /v1/network/drafts/{draft}/stops                  401 401 401  403 403  403 403  200 200  200 200
GET /v1/network/drafts/{draft}/warnings               401 401 401  403 403  403 403  200 200  200 200
POST /v1/network/drafts/{draft}/calendar              401 401 401  403 403  403 403  200 200  403 200
GET /v1/network/drafts/{draft}/compare                401 401 401  403 403  403 403  200 200  200 200
POST /v1/network/drafts/{draft}/freeze                401 401 401  403 403  403 403  200 200  403 200
POST /v1/network/drafts/{draft}/activate              401 401 401  403 403  403 403  200 403  403 200
GET /v1/network/activations                           401 401 401  200 200  200 200  200 200  200 200
POST /v1/network/activations                          401 401 401  403 403  403 403  201 403  403 201
DELETE /v1/network/activations/{activation}           401 401 401  403 403  403 403  204 404  403 204
GET /v1/network/holidays                              401 401 401  200 200  200 200  200 200  200 200
PUT /v1/network/operators/{operator}/days/{day}       401 401 401  403 403  403 403  200 403  403 200
DELETE /v1/network/operators/{operator}/days/{day}    401 401 401  403 403  403 403  204 403  403 204

GET /v1/trips/cancellations                           401 401 401  200 200  200 200  200 200  200 200
POST /v1/trips/cancellations                          401 401 401  403 403  403 403  201 403  403 201
DELETE /v1/trips/cancellations/{trip_id}/{service_date}  401 401 401  403 403  403 403  204 403  403 204
GET /v1/load                                          401 401 401  403 403  403 403  200 200  200 200
GET /v1/load/routes                                   401 401 401  403 403  403 403  200 200  200 200
GET /v1/load/trips/{trip_id}/{service_date}           401 401 401  403 403  403 403  200 200  200 200
GET /v1/trips/changes                                 401 401 401  200 200  200 200  200 200  200 200
POST /v1/trips/changes                                401 401 401  403 403  403 403  201 403  403 201
POST /v1/trips/changes/preview                        401 401 401  403 403  403 403  200 403  403 200
DELETE /v1/trips/changes/{trip_id}/{service_date}     401 401 401  403 403  403 403  204 403  403 204
POST /v1/imports/trip-updates                         401 401 401  403 403  403 403  200 200  403 200
GET /v1/trips/replanned                               401 401 401  403 403  403 403  200 200  200 200
GET /v1/trips/today                                   401 401 401  403 403  403 403  200 200  200 200
GET /v1/trips/days/{service_date}                     401 401 401  403 403  403 403  200 200  200 200
GET /v1/trips/{trip_id}/{service_date}/said           401 401 401  200 200  200 200  200 200  200 200
GET /v1/trips/{trip_id}/{service_date}/run-sheet      401 401 401  403 403  403 403  200 403  200 200
GET /v1/loan-requests/{loan_request}/label            401 401 401  200 404  200 404  404 404  200 200
GET /v1/loan-requests/{loan_request}/label : on-its-way  401 401 401  200 404  200 404  200 404  200 200
GET /v1/labels                                        401 401 401  200 404  200 404  404 404  200 200
GET /v1/scans/{code}                                  401 401 401  200 404  200 404  200 200  200 200
POST /v1/scans                                        401 401 401  200 404  200 404  200 200  403 200
GET /v1/suspensions                                   401 401 401  200 200  200 200  200 200  200 200
POST /v1/suspensions                                  401 401 401  403 403  403 403  201 403  403 201
POST /v1/suspensions : of a POI                        401 401 401  403 403  403 403  201 403  403 201
POST /v1/suspensions : of everything                  401 401 401  403 403  403 403  403 403  403 201
DELETE /v1/suspensions/{suspension}                   401 401 401  403 403  403 403  204 403  403 204

GET /v1/scenarios                                     401 401 401  403 403  403 403  200 200  200 200
POST /v1/scenarios                                    401 401 401  403 403  403 403  201 201  403 201
GET /v1/scenarios/{scenario}                          401 401 401  403 403  403 403  200 200  200 200
GET /v1/scenarios/{scenario}/legs                     401 401 401  403 403  403 403  200 200  200 200
GET /v1/scenarios/{scenario}/locations                401 401 401  403 403  403 403  200 200  200 200
GET /v1/scenarios/{scenario}/overfull                 401 401 401  403 403  403 403  200 200  200 200
POST /v1/scenarios/{scenario}/cancel                  401 401 401  403 403  403 403  403 403  403 200
DELETE /v1/scenarios/{scenario}                       401 401 401  403 403  403 403  403 403  403 204

GET /v1/events                                        401 401 401  200 200  200 200  200 200  200 200
POST /v1/webhooks                                     401 401 401  201 201  201 201  403 403  403 201
GET /v1/webhooks                                      401 401 401  200 200  200 200  403 403  403 200
DELETE /v1/webhooks/{webhook}                         401 401 401  204 404  404 404  403 403  403 204
GET /v1/dead-letters                                  401 401 401  403 403  403 403  403 403  403 200
POST /v1/dead-letters/{letter}/resume                 401 401 401  403 403  403 403  403 403  403 204
POST /v1/dead-letters/resume                          401 401 401  403 403  403 403  403 403  403 200

GET /v1/settlement                                    401 401 401  200 200  200 200  200 200  200 200
GET /v1/settlement/balances                           401 401 401  200 200  200 200  200 200  200 200
GET /v1/statistics                                    401 401 401  200 200  200 200  200 200  200 200

POST /v1/keys                                         401 401 401  403 403  403 403  403 403  403 201
GET /v1/keys                                          401 401 401  403 403  403 403  403 403  403 200
POST /v1/keys/{key}/rotate                            401 401 401  403 403  403 403  403 403  403 201
DELETE /v1/keys/{key}                                 401 401 401  403 403  403 403  403 403  403 204
GET /v1/changes                                       401 401 401  403 403  403 403  200 200  200 200
POST /v1/sessions                                     401 401 401  201 201  201 201  201 201  201 201
GET /v1/sessions/provider                             404 404 404  404 404  404 404  404 404  404 404
POST /v1/sessions/provider/begin                      404 404 404  404 404  404 404  404 404  404 404
POST /v1/sessions/provider                            404 404 404  404 404  404 404  404 404  404 404
GET /v1/sessions/current                              401 401 401  200 200  200 200  200 200  200 200
DELETE /v1/sessions/current                           401 401 401  204 204  204 204  204 204  204 204
"""
PLACES = {
    "slug": "forbidden",
    "name": "a-secret",
    "isil": "NL-1",
    "version": "first",
    "route": "V1",
    "trip_id": "v1-out",
    "service_date": "2026-11-24",
    "operator": "1",  # V1's
    "day": "2026-12-24",
    "/v1/locations/{id}": "desk",
    "/v1/systems/{id}": "shelf",
    "/v1/titles/doubtful/{id}": "2-3",
}
# No loan request is left, and the first version of the network is active.
FRESH = """
delete from network_schedule; delete from network_draft;
delete from loan_request; delete from task; delete from scenario; delete from settlement_entry; delete from webhook;
delete from floated_item;
delete from trip_cancellation; delete from trip_change; delete from trip_feed; delete from suspension;
update epoch set number = number + 1 where of = 'register';
update network_activation set undone_at = now() where undone_at is null;
insert into network_activation (version) select number from network_version where id = 'first';
"""
HERS = FIRST.replace("branch 09:00", "branch 09:05")


@dataclass(slots=True)
class Stage:
    """What calls are made on: the house, whose client is an admin's, and what each kind of key sends."""

    house: House
    headers: Mapping[str, dict[str, str]]
    feed: bytes
    places: dict[str, str] = field(default_factory=lambda: dict(PLACES))

    async def admin(self, method: str, path: str, **details: Any) -> httpx.Response:
        """Prepare something."""
        answer = await self.house.client.request(method, path, **details)
        assert answer.is_success, answer.text
        return answer

    async def loan(self, *actions: str) -> None:
        """Have a fresh loan request placed, and these actions done to it."""
        loan = self.places["loan_request"] = await self.house.asked()
        for action in actions:
            await self.house.acted(loan, action)

    async def key(self) -> None:
        """Have a key that can be rotated or taken away."""
        made = await self.admin("POST", "/v1/keys", json={"agency": "NL-1", "scopes": ["reader"]})
        self.places["key"] = str(made.json()["id"])


Prepared = Callable[[Stage], Awaitable[dict[str, Any]]]
OUT = ("WillSupply", "Loaned")
THERE = (*OUT, "Received")
BEFORE: Mapping[str, tuple[str, ...]] = {  # what has to happen before an action is possible
    "Recall": THERE,
    "LoanCompleted": (*THERE, "ShippedReturn"),
    "Received": OUT,
    "Renew": THERE,
    "ShippedReturn": THERE,
    "Resume": ("Hold",),
    "Lost": OUT,
    "Scan": OUT,
}
DETAILS = {
    "Scan": {"location": "H"},
    "Notification": {"note": "The cover is torn."},
    "Override": {"supplying_location": "far"},
    "Unfilled": {"reason": "InUse"},
}
STANDING_STILL = {"route": "V1", "since": "2026-11-24"}
LATE = {"trip_id": "v1-out", "service_date": "2026-11-24", "delay_seconds": 600}
EMPTY_FEED = b"\n\x05\n\x032.0"  # a header that names the version of GTFS-Realtime
CANCELLED = {"trip_id": "v1-out", "service_date": "2026-11-24"}
RECEIVER = {"url": "https://93.184.216.34/heard"}  # nobody is called: no event comes while it is there
# Fernet: 32 bytes in URL-safe base64.
A_KEY = "bGVlbnBhZC10ZXN0cy1sZWVucGFkLXRlc3RzLWFiY2Q="
TRIED = {
    "name": "Without V1",
    "changes": [{"kind": "drop_route", "route": "V1"}],
    "demand": {"kind": "real", "since": "2026-11-23", "until": "2026-11-24"},
}
QUESTION = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": "2026-11-23T07:30:00+01:00"}


def sends(**details: Any) -> Prepared:
    """A call that needs nothing to be prepared."""

    async def prepare(_: Stage) -> dict[str, Any]:
        return details

    return prepare


def on_loan(*actions: str, **details: Any) -> Prepared:
    """A call about a loan request to which `actions` were done."""

    async def prepare(stage: Stage) -> dict[str, Any]:
        await stage.loan(*actions)
        return details

    return prepare


async def new_loan(stage: Stage) -> dict[str, Any]:
    body = {**QUESTION, "requesting_agency": "NL-1", "requesting_agency_request_id": "asked here"}
    return {"json": body}


def by_iso18626(message: Callable[[Header], Message], number: str | None = None) -> Prepared:
    """A message between Library One and Two: of the `number`, or about a loan request that they have."""

    async def prepare(stage: Stage) -> dict[str, Any]:
        if number is None:
            await stage.loan()
        header = Header(
            requesting_agency=AgencyId("NL-1"),
            supplying_agency=AgencyId("NL-2"),
            timestamp=MONDAY,
            requesting_agency_request_id=number or stage.places["loan_request"],
        )
        return {"content": write(message(header)), "headers": {"content-type": "application/xml"}}

    return prepare


def asking(header: Header) -> Message:
    return Request(header=header, bibliographic=Bibliographic(items=(Identifier("ISBN", EVERYWHERE),)))


def noting(header: Header) -> Message:
    return RequestingAgencyMessage(header=header, action=Iso18626Action.NOTIFICATION, note="Any edition will do.")


def promising(header: Header) -> Message:
    return SupplyingAgencyMessage(
        header=header, reason=Reason.STATUS_CHANGE, status=Status.WILL_SUPPLY, last_change=MONDAY
    )


async def on_key(stage: Stage) -> dict[str, Any]:
    await stage.key()
    return {}


def importing(content_type: str, text: str) -> Prepared:
    return sends(content=text.encode(), headers={"content-type": content_type})


def importing_hers(**params: str) -> Prepared:
    async def prepare(stage: Stage) -> dict[str, Any]:
        return {"content": stage.feed, "headers": {"content-type": "application/zip"}, "params": params}

    return prepare


HARVESTED = {"kind": "brocade", "addresses": {"oai": "http://127.0.0.1:9/oai"}}


def on_harvest(body: dict[str, Any]) -> Prepared:
    """Have a system that can be harvested; that it does not answer is found out later."""

    async def prepare(stage: Stage) -> dict[str, Any]:
        made = await stage.admin("PUT", "/v1/systems/shelf", json=HARVESTED)
        assert made.status_code == 200, made.text
        return {"json": body}

    return prepare


async def on_floated_item(stage: Stage) -> dict[str, Any]:
    """Have a copy of Library Two stay at the desk."""
    async with stage.house.ground.database.transaction() as connection:
        await leave(
            connection,
            loan=uuid4(),
            title=1,
            home="branch",
            agency="NL-2",
            location="desk",
            material="book",
            at=MONDAY,
        )
        found = await list_floated(connection, home="branch", location=None, after=0, limit=1000)
    stage.places["floated_item"] = str(found[-1]["id"])
    return {}


async def on_suspension(stage: Stage) -> dict[str, Any]:
    made = await stage.admin("POST", "/v1/suspensions", json=STANDING_STILL)
    stage.places["suspension"] = str(made.json()["id"])
    return {}


async def on_cancellation(stage: Stage) -> dict[str, Any]:
    await stage.admin("POST", "/v1/trips/cancellations", json=CANCELLED)
    return {}


async def on_change(stage: Stage) -> dict[str, Any]:
    await stage.admin("POST", "/v1/trips/changes", json=LATE)
    return {}


async def on_labels(stage: Stage) -> dict[str, Any]:
    await stage.loan()
    return {"params": {"loan_request": stage.places["loan_request"]}}


async def on_code(stage: Stage) -> dict[str, Any]:
    await stage.loan(*OUT)
    stage.places["code"] = stage.places["loan_request"]
    return {}


async def on_scan(stage: Stage) -> dict[str, Any]:
    await stage.loan(*OUT)
    return {"json": {"code": stage.places["loan_request"], "location": "H"}}


async def on_webhook(stage: Stage) -> dict[str, Any]:
    made = await stage.house.client.post("/v1/webhooks", json=RECEIVER, headers=stage.headers["requester"])
    stage.places["webhook"] = str(made.json()["id"])
    return {}


async def on_scenario(stage: Stage) -> dict[str, Any]:
    """An admin's, so that no planner may call it off; its tables are there, as if it had been carried out."""
    made = (await stage.admin("POST", "/v1/scenarios", json=TRIED)).json()["id"]
    async with stage.house.ground.database.transaction() as connection:
        await connection.execute(
            "insert into scenario_part (scenario, part, document)"
            " select $1, unnest(array['legs', 'locations', 'overfull']), '[]'",
            made,
        )
    stage.places["scenario"] = str(made)
    return {}


async def on_dead_letter(stage: Stage) -> dict[str, Any]:
    async with stage.house.ground.database.transaction() as connection:
        letter = await connection.fetchval(
            "insert into task (kind, subject, due_at, dead_at) values ('overdue', 'nothing', now(), now())"
            " returning id"
        )
    stage.places["letter"] = str(letter)
    return {}


async def hers_undone(stage: Stage) -> dict[str, Any]:
    await stage.admin("POST", "/v1/network/versions/hers/activate")
    return {}


async def activating_hers(stage: Stage) -> dict[str, Any]:
    stage.places["version"] = "hers"
    return {}


async def activating_all(stage: Stage) -> dict[str, Any]:
    stage.places["version"] = "second"
    return {}


def on_draft(**details: Any) -> Prepared:
    """On a draft that the planner began, and that changes V1's vans only."""

    async def prepare(stage: Stage) -> dict[str, Any]:
        made = await stage.house.client.post(
            "/v1/network/drafts", json={"name": "hers"}, headers=stage.headers["planner"]
        )
        draft = stage.places["draft"] = str(made.json()["id"])
        changes = {"changes": [{"op": "delete_trip", "id": "v1-out"}]}
        await stage.admin("POST", f"/v1/network/drafts/{draft}/changes", json=changes, headers={"if-match": "*"})
        return details

    return prepare


async def on_activation(stage: Stage) -> dict[str, Any]:
    made = await stage.house.client.post("/v1/network/activations", json=LATER, headers=stage.headers["planner"])
    stage.places["activation"] = str(made.json()["id"])
    return {}


async def on_system(stage: Stage) -> dict[str, Any]:
    await stage.admin("PUT", "/v1/systems/shelf", json=REACHED)
    return {"json": {"isbn": EVERYWHERE, "supplying_location": "desk"}}


async def on_participation(stage: Stage) -> dict[str, Any]:
    await stage.admin("PUT", "/v1/systems/shelf/agencies/NL-1", json={})
    return {}


async def on_secret(stage: Stage) -> dict[str, Any]:
    await stage.admin("PUT", "/v1/secrets/a-secret", json={"value": "hush"})
    return {}


LATER = {"version": "hers", "at": "2026-12-01T04:00:00Z"}
WHICHEVER = {"if-match": "*"}
CALENDAR = {"operator": "1", "since": "2026-12-01", "until": "2027-01-10", "apply": True}
REACHED = {"kind": "fake", "addresses": {"desk": "fake:access"}}
ACTIONS = "POST /v1/loan-requests/{loan_request}/actions : "
REQUESTS: Mapping[str, Prepared] = {
    "POST /v1/decisions": sends(json=QUESTION),
    "POST /v1/assignments": sends(
        json={"requests": [{"id": "1", "title": {"isbn": EVERYWHERE}, "pickup_location": "desk"}]}
    ),
    "POST /v1/loan-requests": new_loan,
    "GET /v1/loan-requests/{loan_request}": on_loan(),
    "GET /v1/loan-requests/{loan_request} : on-its-way": on_loan(*OUT),
    "GET /v1/loan-requests/{loan_request} : ended": on_loan(*THERE, "ShippedReturn", "LoanCompleted"),
    "POST /v1/decisions/comparison": sends(json={**QUESTION, "location": "far"}),
    "GET /v1/loan-requests/{loan_request}/decision": on_loan(),
    "GET /v1/loan-requests/{loan_request}/decision : on-its-way": on_loan(*OUT),
    "GET /v1/loan-requests/{loan_request}/way": on_loan(),
    "GET /v1/loan-requests/{loan_request}/way : on-its-way": on_loan(*OUT),
    "GET /v1/loan-requests/{loan_request}/where-next": on_loan(*THERE),
    "POST /v1/floated-items/{floated_item}/call-home": on_floated_item,
    "POST /v1/floated-items/{floated_item}/came-home": on_floated_item,
    "GET /v1/loan-requests/{loan_request}/comparison": on_loan(params={"location": "far"}),
    "GET /v1/loan-requests/{loan_request}/events": on_loan(),
    "GET /v1/loan-requests/{loan_request}/events : on-its-way": on_loan(*OUT),
    **{
        row: on_loan(*BEFORE.get(action, ()), json={"action": action, **DETAILS.get(action, {})})
        for row in (" ".join(line.split()[:-11]) for line in TABLE.splitlines())
        if row.startswith(ACTIONS) and (action := row.removeprefix(ACTIONS))
    },
    "POST /iso18626 : request": by_iso18626(asking, "asked in XML"),
    "POST /iso18626 : requestingAgencyMessage": by_iso18626(noting),
    "POST /iso18626 : supplyingAgencyMessage": by_iso18626(promising),
    "PUT /v1/lapse-rules": sends(json={"agency": "NL-2", "open_days": 8}),
    "POST /v1/policies": sends(json={"province": "DR", "requesting": {"max_cost_cents": 0}}),
    "POST /v1/policies : of who asks": sends(json={"agency": "NL-1", "requesting": {"objective": "cheapest"}}),
    "POST /v1/policies : of who lends": sends(json={"agency": "NL-2", "supplying": {"loan_days": 14}}),
    "POST /v1/policies/preview": sends(json={"supplying": {"not_lent": ["game"]}}),
    "POST /v1/policies/preview : of who asks": sends(json={"agency": "NL-1", "requesting": {"max_cost_cents": 0}}),
    "POST /v1/scenarios": sends(json=TRIED),
    **{
        f"{method} /v1/scenarios/{{scenario}}{path}": on_scenario
        for method, path in (
            ("GET", ""),
            ("GET", "/legs"),
            ("GET", "/locations"),
            ("GET", "/overfull"),
            ("POST", "/cancel"),
            ("DELETE", ""),
        )
    },
    "GET /v1/titles": sends(params={"isbn": EVERYWHERE}),
    "POST /v1/titles/doubtful/{id}": sends(json={"decision": "different"}),
    "PUT /v1/systems/{id}/harvest": on_harvest({"interval_seconds": 3600}),
    "POST /v1/systems/{id}/harvest": on_harvest({"whole": True}),
    "GET /v1/holdings": sends(params={"isbn": EVERYWHERE}),
    "POST /v1/imports/agencies": importing("text/csv", "isil,name,kind\nNL-8,Library Eight,agency\n"),
    "POST /v1/imports/holdings": importing("text/csv", f"location,isbn\nbranch,{EVERYWHERE}\n"),
    "POST /v1/imports/network": importing_hers(),
    "POST /v1/imports/network : activating": importing_hers(activate="true"),
    "POST /v1/network/undo": hers_undone,
    "POST /v1/network/versions/{version}/activate": activating_hers,
    "POST /v1/network/versions/{version}/activate : everybody's": activating_all,
    "POST /v1/network/drafts": sends(json={"name": "a draft"}),
    **{
        f"GET /v1/network/drafts/{{draft}}{what}": on_draft()
        for what in ("", "/changes", "/routes", "/trips", "/services", "/stops", "/warnings", "/compare")
    },
    "DELETE /v1/network/drafts/{draft}": on_draft(),
    "POST /v1/network/drafts/{draft}/changes": on_draft(
        json={"changes": [{"op": "delete_trip", "id": "v1-in"}]}, headers=WHICHEVER
    ),
    "POST /v1/network/drafts/{draft}/undo": on_draft(headers=WHICHEVER),
    "POST /v1/network/drafts/{draft}/rebase": on_draft(headers=WHICHEVER),
    "POST /v1/network/drafts/{draft}/calendar": on_draft(json=CALENDAR),
    "POST /v1/network/drafts/{draft}/freeze": on_draft(),
    "POST /v1/network/drafts/{draft}/activate": on_draft(json={}),
    "POST /v1/network/activations": sends(json=LATER),
    "DELETE /v1/network/activations/{activation}": on_activation,
    "GET /v1/network/holidays": sends(params={"since": "2026-12-01", "until": "2026-12-31"}),
    "PUT /v1/network/operators/{operator}/days/{day}": sends(json={"runs": False}),
    "POST /v1/trips/cancellations": sends(json=CANCELLED),
    "DELETE /v1/trips/cancellations/{trip_id}/{service_date}": on_cancellation,
    "POST /v1/trips/changes": sends(json=LATE),
    "POST /v1/trips/changes/preview": sends(json=LATE),
    "DELETE /v1/trips/changes/{trip_id}/{service_date}": on_change,
    "POST /v1/imports/trip-updates": sends(content=EMPTY_FEED, headers={"content-type": "application/x-protobuf"}),
    "GET /v1/loan-requests/{loan_request}/label": on_loan(),
    "GET /v1/loan-requests/{loan_request}/label : on-its-way": on_loan(*OUT),
    "GET /v1/labels": on_labels,
    "GET /v1/scans/{code}": on_code,
    "POST /v1/scans": on_scan,
    "POST /v1/suspensions": sends(json=STANDING_STILL),
    "POST /v1/suspensions : of a POI": sends(json={"poi": "1", "since": "2026-11-24"}),
    "POST /v1/suspensions : of everything": sends(json={"everything": True, "since": "2026-11-24"}),
    "DELETE /v1/suspensions/{suspension}": on_suspension,
    "GET /v1/events": sends(params={"follow": "false"}),
    "POST /v1/webhooks": sends(json=RECEIVER),
    "DELETE /v1/webhooks/{webhook}": on_webhook,
    "POST /v1/dead-letters/{letter}/resume": on_dead_letter,
    "PUT /v1/systems/{id}": sends(json=REACHED),
    "POST /v1/systems/{id}/check": on_system,
    "PUT /v1/systems/{id}/agencies/{isil}": sends(json={"since": "2027-01-01"}),
    "DELETE /v1/systems/{id}/agencies/{isil}": on_participation,
    "PUT /v1/secrets/{name}": sends(json={"value": "hush"}),
    "DELETE /v1/secrets/{name}": on_secret,
    "POST /v1/dead-letters/resume": sends(params={"kind": "follow"}),
    "POST /v1/keys": sends(json={"agency": "NL-1", "scopes": ["reader"]}),
    "POST /v1/sessions/provider/begin": sends(json={"redirect_uri": "https://here.example/back"}),
    "POST /v1/sessions/provider": sends(
        json={"redirect_uri": "https://here.example/back", "code": "c", "code_verifier": "v" * 43, "nonce": "n" * 8}
    ),
    "POST /v1/sessions": sends(json={"name": "A. Planner"}),
    "POST /v1/keys/{key}/rotate": on_key,
    "DELETE /v1/keys/{key}": on_key,
}


def rows() -> dict[str, list[str]]:
    """The drawn table: what each operation answers to each kind of key."""
    lines = [line.split() for line in TABLE.splitlines()[2:] if line.strip()]
    return {" ".join(line[: -len(COLUMNS)]): line[-len(COLUMNS) :] for line in lines}


def operations() -> set[str]:
    """Every operation of the OpenAPI document."""
    return {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    await run_sql(
        database_url,
        "insert into system (id) values ('shelf'); insert into agency (isil, name) values ('NL-9', 'Library Nine')",
    )
    return database_url


@pytest.fixture(scope="module")
async def stage(filled: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    later, past = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) - timedelta(seconds=1)
    kinds: dict[str, dict[str, Any]] = {
        "expired": {"agency": "NL-1", "scopes": ["requester", "admin"], "expires_at": past},
        "revoked": {"agency": "NL-1", "scopes": ["requester", "admin"]},
        "requester": {"agency": "NL-1", "scopes": ["requester"], "expires_at": later},
        "requester'": {"agency": "NL-9", "scopes": ["requester"]},
        "supplier": {"agency": "NL-2", "scopes": ["supplier"]},
        "supplier'": {"agency": "NL-9", "scopes": ["supplier"]},
        "planner": {"agency": "NORD", "scopes": ["planner"], "poi": "1"},  # which is what the network calls V1's
        "planner'": {"agency": "ZUID", "scopes": ["planner"], "poi": "V2 vans"},
        "reader": {"agency": "KB", "scopes": ["reader"]},
        "admin": {"agency": "KB", "scopes": ["admin"]},
    }
    headers: dict[str, dict[str, str]] = {"none": {}}
    async with open_house(Settings(database_url=filled, secrets_key=SecretStr(A_KEY))) as house:
        async with house.app.state.resources.database.transaction() as connection:
            await create_version(connection, "hers", content_of(drawn(HERS)))
            for kind, what in kinds.items():
                made = await add_key(connection, **what)
                headers[kind] = {"authorization": f"Bearer {made.key}"}
                if kind == "revoked":
                    await revoke_key(connection, made.id)
        house.client.headers.update(headers["admin"])
        path = tmp_path_factory.mktemp("feed") / "hers.zip"
        await export_network(house.app.state.resources.database, "hers", path)
        yield Stage(house, headers, path.read_bytes())


def test_every_operation_is_in_the_table() -> None:
    drawn_rows = {row.partition(" : ")[0] for row in rows()}
    assert drawn_rows == operations()


def test_every_row_says_something_of_every_kind_of_key() -> None:
    for row, cells in rows().items():
        assert all(cell.isdigit() for cell in cells), row
        there = "/sessions/provider" not in row  # none is set up here; tests/console/test_provider.py has one
        assert cells[-1].startswith("2" if there else "4"), f"{row}: an admin may do everything"
    assert set(REQUESTS) <= set(rows())


@pytest.mark.parametrize("row", rows())
async def test_each_kind_of_key_may_do_what_is_drawn(stage: Stage, row: str) -> None:
    answered = [await answer_to(stage, row, kind) for kind in COLUMNS]
    assert dict(zip(COLUMNS, answered, strict=True)) == dict(zip(COLUMNS, rows()[row], strict=True))


async def answer_to(stage: Stage, row: str, kind: str) -> str:
    """Make a fresh stage, call the row's operation with a kind of key, and return the status."""
    async with stage.house.app.state.resources.database.connection() as connection:
        await connection.execute(FRESH)
    stage.places = dict(PLACES)
    prepare = REQUESTS.get(row, sends())
    details = await prepare(stage)
    method, path = row.partition(" : ")[0].split()
    for name, place in stage.places.items():
        if name.startswith("/"):
            path = path.replace(name, name.replace("{id}", place))
        else:
            path = path.replace(f"{{{name}}}", place)
    request = httpx.Request(
        method,
        f"http://leenpad.test{path}",
        **{**details, "headers": {**details.get("headers", {}), **stage.headers[kind]}},
    )
    return str(await status_of(stage.house.app, request))


async def status_of(app: Any, request: httpx.Request) -> int:
    """Return the status that is answered, without waiting for the end of what may never end."""
    started = asyncio.get_running_loop().create_future()
    body = [request.read()]

    async def receive() -> dict[str, Any]:
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and not started.done():
            started.set_result(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": request.url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("leenpad.test", 80),
    }
    running = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait({started, running}, return_when=asyncio.FIRST_COMPLETED)
    start = started.result()
    if dict(start["headers"]).get(b"content-type", b"").startswith(b"text/event-stream"):
        running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return int(start["status"])
