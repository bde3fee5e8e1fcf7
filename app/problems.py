"""Every way to fail, in one table: which exception becomes which RFC 9457 problem, and what its page says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from app.database import DatabaseUnavailable
from app.imports.archive import ArchiveRefused
from app.imports.gtfs import FeedFaulty
from app.imports.report import ImportTooSlow, RowsRejected, UnreadableFile
from app.imports.spool import UploadTooSlow
from app.lending.act import ActionNotAllowed
from app.lending.activations import BaseNotActive
from app.lending.choose import UnknownTitle
from app.lending.said import SaidOtherwise
from app.lending.snapshot import NotReady
from app.lending.submit import KeyReused
from app.lending.vault import VaultClosed
from app.people import NoProvider, NotAdmitted, ProviderSilent
from app.planning.activate import AnotherWaits
from app.planning.alter import ChangeImpossible
from app.planning.barcodes import NothingToLabel, UnknownCode
from app.planning.drafts import DraftChanged, DraftTooLong
from app.planning.edits import ChangeRefused
from app.planning.runs import UnknownTrip
from app.planning.try_policy import TryingTooSlow
from app.store.agencies import UnknownAgency, UnknownPlace, UnknownSystem
from app.store.doubts import UnknownDoubt
from app.store.drafts import DraftFrozen, UnknownDraft
from app.store.floated import UnknownFloatedItem
from app.store.harvests import NothingToConfirm
from app.store.keys import KeyEnded, UnknownKey
from app.store.loans import DuplicateRequestId, UnknownLoanRequest
from app.store.network_changes import NotYours
from app.store.network_versions import ActiveChanged, NoActiveVersion, NothingToUndo, VersionUnknown
from app.store.scenarios import NoResult, TooManyScenarios, UnknownScenario
from app.store.schedules import UnknownActivation
from app.store.stoppages import UnknownCancellation, UnknownSuspension
from app.store.systems import SecretInUse, UnknownSecret
from app.store.tasks import UnknownTask
from app.store.timetable_pages import RouteUnknown
from app.store.title_join import TitlesBusy
from app.store.trip_changes import UnknownTripChange
from app.store.webhooks import UnknownWebhook
from routing import UnknownLocation

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: its page is /problems/<slug>; `explanation` says what it means and what to do.

    `example` holds members of its own for the OpenAPI document.
    """

    slug: str
    title: str
    status: int
    explanation: str
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input: a JSON pointer to it (empty: all of it), and what is wrong in a sentence."""

    pointer: str
    detail: str


class InvalidInput(Exception):  # noqa: N818 - named as the problem it becomes
    """The request's body or parameters are not what the operation takes."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.pointer or 'request'}: {fault.detail}" for fault in faults))
        self.faults = faults


class Unauthorized(Exception):  # noqa: N818
    """No key, or one that is not known or has expired."""


class Forbidden(Exception):  # noqa: N818
    """A valid key without the scope that the operation asks for."""


class NotFound(Exception):  # noqa: N818
    """There is nothing at this address."""


class MethodNotAllowed(Exception):  # noqa: N818
    """The address exists, but not for this method."""


class TooLarge(Exception):  # noqa: N818
    """The body is larger than the operation takes."""


class UnsupportedMediaType(Exception):  # noqa: N818
    """The Content-Type is not one that the operation takes."""


class BadRequest(Exception):  # noqa: N818
    """The request itself cannot be read."""


class InternalError(Exception):
    """Something broke on our side."""


PROBLEMS: dict[type[Exception], ProblemType] = {
    BadRequest: ProblemType(
        "bad-request",
        "The request cannot be read",
        400,
        "The request breaks off or is not well-formed HTTP. Send it again, whole.",
    ),
    Unauthorized: ProblemType(
        "unauthorized",
        "A valid key is needed",
        401,
        "Send `Authorization: Bearer KEY` with a key that `./run key create` printed and that has not expired.",
    ),
    Forbidden: ProblemType(
        "forbidden",
        "The key lacks the scope",
        403,
        "The key is valid, but the operation asks for a scope that it was not given. The detail names the scopes "
        "that would do; ask whoever runs this service for a key that has one of them.",
    ),
    NotYours: ProblemType(
        "not-your-routes",
        "It would change what others drive",
        403,
        "A planner's key is for the routes and trips of one POI, and this network version differs from the active "
        "one in those of others. The detail names them. Nothing was changed; import it without `activate`, and ask "
        "whoever runs this service to activate it.",
    ),
    NotFound: ProblemType(
        "not-found",
        "Nothing is here",
        404,
        "No operation and no record lives at this address. /docs lists every operation.",
    ),
    UnknownTitle: ProblemType(
        "unknown-title",
        "No holding of this title is known",
        404,
        "The ISBN or PPN is well-formed, but no holding of it was ever imported. A title that is known but that "
        "nobody can supply is not a problem: that is a decision with an empty rota.",
    ),
    UnknownLocation: ProblemType(
        "unknown-location",
        "The location is not known",
        404,
        "No location of this name was imported, neither as a row of the agencies nor as a stop of a network. The "
        "detail names it: a pickup location, where a scan was made, or whom staff would have supply.",
    ),
    MethodNotAllowed: ProblemType(
        "method-not-allowed",
        "This method is not allowed here",
        405,
        "The address exists, but not for this method. The Allow header of the answer lists the methods that work.",
    ),
    TooLarge: ProblemType(
        "too-large",
        "The body is too large",
        413,
        "The body is larger than the operation takes. The detail names the limit; for imports it is the setting "
        "LEENPAD_IMPORT_MAX_MIB.",
    ),
    UnsupportedMediaType: ProblemType(
        "unsupported-media-type",
        "This kind of body is not taken here",
        415,
        "The Content-Type header is missing or names a format that the operation does not read. The detail lists "
        "those it does.",
    ),
    UnknownAgency: ProblemType(
        "unknown-agency",
        "No agency has this ISIL",
        404,
        "The ISIL names no agency; it may be a location's. `GET /v1/agencies` lists them all.",
    ),
    UnknownPlace: ProblemType(
        "no-such-location",
        "No location has this id",
        404,
        "The id names no branch, hub or other service point. `GET /v1/locations` lists them all.",
    ),
    UnknownSystem: ProblemType(
        "unknown-system",
        "No system has this id",
        404,
        "The id names no installation of a library system. `GET /v1/systems` lists them all.",
    ),
    UnknownSecret: ProblemType(
        "unknown-secret",
        "No secret has this name",
        404,
        "The name is no secret's. `GET /v1/secrets` lists them all, without what they hold.",
    ),
    SecretInUse: ProblemType(
        "secret-in-use",
        "A system goes by this secret",
        409,
        "The detail names a system that is given this secret. Give it another one first, or replace the secret by "
        "keeping another value under the same name.",
    ),
    ProviderSilent: ProblemType(
        "provider-silent",
        "The provider where people sign in does not answer",
        503,
        "People sign in at the OpenID Connect provider in LEENPAD_OIDC_ISSUER. It could not be reached, or "
        "what it said of itself cannot be used. Signing in with a key still works.",
    ),
    NotAdmitted: ProblemType(
        "not-admitted",
        "The provider does not vouch for this person here",
        403,
        "The code of the sign-in was used before or is too old, the ID token does not hold, or the claim that says "
        "what a person may do (LEENPAD_OIDC_CLAIM) names no scope. The detail says which; sign in once more.",
    ),
    NoProvider: ProblemType(
        "no-provider",
        "People sign in with keys here",
        404,
        "No OpenID Connect provider is set up: the setting LEENPAD_OIDC_ISSUER is not set.",
    ),
    VaultClosed: ProblemType(
        "vault-closed",
        "Secrets can be neither kept nor opened",
        503,
        "Secrets are sealed with the keys in the setting LEENPAD_SECRETS_KEY. It is not set in this process, or the "
        "key that this secret was sealed with is not among them; the detail says which.",
    ),
    UnreadableFile: ProblemType(
        "unreadable-file",
        "The file is not what the import takes",
        422,
        "The file is empty, its header row is missing, cannot be read or lacks a column, or its columns are not "
        "separated by commas. Nothing was changed. The detail says which; the operation describes the columns.",
        {"errors": [{"pointer": "", "detail": "The header row lacks the column kind; it reads isil, name."}]},
    ),
    RowsRejected: ProblemType(
        "rows-rejected",
        "Rows were rejected, and the import was strict",
        422,
        "The import was asked to be strict and met rows that are not valid, so nothing was changed. `rejects` names "
        "the first hundred by line and field, and so does `errors`, with a pointer of the form /line/field. Correct "
        "them, or leave out `strict` to import the others.",
        {
            "read": 4,
            "rejected": 1,
            "rejects": [{"line": 4, "field": "copies", "reason": "is not a whole number from 0 to 1000000"}],
            "errors": [
                {"pointer": "/4/copies", "detail": "line 4, copies: is not a whole number from 0 to 1000000."}
            ],
        },
    ),
    InvalidInput: ProblemType(
        "invalid-input",
        "The input is not valid",
        422,
        "The request can be read, but something in it is not what the operation takes. `errors` names each fault "
        "with a JSON pointer; for a query or path parameter the pointer is its name after a slash.",
    ),
    VersionUnknown: ProblemType(
        "unknown-network-version",
        "No network version has this id",
        404,
        "The id names no network version. `GET /v1/network/versions` lists them all.",
    ),
    RouteUnknown: ProblemType(
        "unknown-route",
        "The network version has no such route",
        404,
        "The id names no route of this version. `GET /v1/network/versions/{version}/routes` lists them all.",
    ),
    NoActiveVersion: ProblemType(
        "no-active-network",
        "No network is active",
        404,
        "No network version is active. Import a network with `?activate=true`, or activate one that was imported.",
    ),
    NothingToUndo: ProblemType(
        "nothing-to-undo",
        "Nothing can be undone",
        409,
        "Every activation of a network version, or every change of the draft, has been undone already, or there "
        "never was one.",
    ),
    ActiveChanged: ProblemType(
        "active-changed",
        "Another version is active than the one you saw",
        412,
        "Another network version is active than the one in `If-Match`, and nothing was undone: somebody activated or "
        "undid one meanwhile, or the same was asked twice. `active` is the one that is active now (null: none).",
        {"active": "nv-b2eeb8fb5b72f407"},
    ),
    UnknownDraft: ProblemType(
        "unknown-draft",
        "No draft has this id",
        404,
        "The id names no draft; it may have been thrown away. `GET /v1/network/drafts` lists them all.",
    ),
    DraftChanged: ProblemType(
        "draft-changed",
        "Somebody else changed the draft meanwhile",
        412,
        "The draft is at another revision than the one in `If-Match`, and nothing was changed. `changes` says who "
        "changed what since, `revision` where the draft is now. Look at it again, and repeat your change where it "
        "still fits.",
        {
            "revision": 4,
            "changes": [
                {
                    "revision": 4,
                    "at": "2026-11-26T15:24:05Z",
                    "by": "NL-0800070000: A. Planner",
                    "undone_by": None,
                    "operations": [{"op": "put_trip", "id": "DR-1-0800"}],
                }
            ],
        },
    ),
    DraftFrozen: ProblemType(
        "draft-frozen",
        "The draft is a network version already",
        409,
        "A network version was made of the draft, and versions never change. Begin another draft on that version.",
    ),
    DraftTooLong: ProblemType(
        "draft-too-long",
        "The draft takes no more changes",
        409,
        "The draft has as many changes as one takes. Make a network version of it, and begin another draft on that.",
    ),
    ChangeRefused: ProblemType(
        "change-refused",
        "The change does not fit the network",
        422,
        "The change can be read, but the network would not be sound with it, and nothing was changed. `errors` names "
        "each field at fault.",
        {
            "errors": [
                {
                    "pointer": "/changes/0/stop_times/1/arrival_time",
                    "detail": "is before the departure from the stop before.",
                }
            ]
        },
    ),
    BaseNotActive: ProblemType(
        "base-not-active",
        "Another version is active than the one that the draft changes",
        409,
        "Since the draft was begun, another network version became active; to activate the draft would undo what "
        "that one changed. Put it on the active version (`POST /v1/network/drafts/{draft}/rebase`) and look at it "
        "again. A draft that is a version already cannot be moved: begin another.",
    ),
    AnotherWaits: ProblemType(
        "another-activation-waits",
        "Another activation waits",
        409,
        "Another activation waits for its moment, and with both of them one would be refused then, as another "
        "version would be active than the one it changes. `activation` names the other, `version` what becomes "
        "active by it at `at`. Begin the draft on that version, or have one of them cancelled.",
        {"activation": 3, "version": "nv-b2eeb8fb5b72f407", "at": "2026-12-14T03:00:00+00:00"},
    ),
    UnknownActivation: ProblemType(
        "unknown-activation",
        "No such activation waits",
        404,
        "The id names no activation that is to come and that the key may cancel. `GET /v1/network/activations` says "
        "what became of each.",
    ),
    UnknownKey: ProblemType(
        "unknown-key",
        "No key has this id",
        404,
        "The id names no key; it may have been taken away. `GET /v1/keys` lists those that there are.",
    ),
    KeyEnded: ProblemType(
        "key-ended",
        "The key has ended",
        409,
        "The key works no more: it has expired, or the overlap after it was rotated is over. Nothing was made of "
        "it, as what has ended is not brought back by rotating it; make a new key.",
    ),
    SaidOtherwise: ProblemType(
        "said-otherwise",
        "Somebody said something else of the trip meanwhile",
        412,
        "What is said of the trip on that day is at another revision than the one in `If-Match`, and nothing was "
        "changed. `change` and `cancellation` say what is said by now, `revision` where that is. Look at it, and say "
        "it again where it still holds.",
        {
            "trip_id": "DR-1-0800",
            "service_date": "2026-11-24",
            "revision": "5d41402abc4b2a76",
            "change": None,
            "cancellation": {
                "trip_id": "DR-1-0800",
                "service_date": "2026-11-24",
                "route_id": "DR-1",
                "operator": "Biblionet Drenthe",
                "by": "NL-0800070000",
                "note": "The van broke down",
                "created_at": "2026-11-24T07:15:00+01:00",
                "source": "planner",
            },
        },
    ),
    UnknownTripChange: ProblemType(
        "unknown-trip-change",
        "The trip runs as planned",
        404,
        "Nothing is said of a trip of this id on this service day. `GET /v1/trips/changes` lists those that are late "
        "or skip stops, and `GET /v1/trips/cancellations` those that do not run.",
    ),
    UnknownTrip: ProblemType(
        "unknown-trip",
        "No such trip runs on this day",
        404,
        "The timetable of the active network has no trip of this id on this service day. `GET /v1/trips/days/{day}` "
        "lists those that it has.",
    ),
    UnknownCode: ProblemType(
        "unknown-code",
        "The code is on none of our slips",
        404,
        "What was scanned is neither the code of a slip nor the id of a loan request in which your agency takes part."
        " An envelope without a slip of ours goes back to its sender.",
    ),
    NothingToLabel: ProblemType(
        "nothing-to-label",
        "Nobody supplies it",
        409,
        "A label says where an item is sent from, and nobody supplies this loan request now. Print it once a "
        "supplier is asked.",
    ),
    UnknownLoanRequest: ProblemType(
        "unknown-loan-request",
        "No loan request has this id",
        404,
        "The id names no loan request, or none in which your agency takes part. `GET /v1/loan-requests` lists those.",
    ),
    UnknownFloatedItem: ProblemType(
        "unknown-floated-item",
        "No copy of this number stays elsewhere",
        404,
        "The number names no copy that stays, or stayed, elsewhere than at home. `GET /v1/floated-items` lists them.",
    ),
    UnknownCancellation: ProblemType(
        "unknown-cancellation",
        "The trip is not cancelled",
        404,
        "No trip of this id is cancelled on this service day. `GET /v1/trips/cancellations` lists those that are.",
    ),
    UnknownSuspension: ProblemType(
        "unknown-suspension",
        "No suspension has this id",
        404,
        "The id names no suspension. `GET /v1/suspensions` lists them all.",
    ),
    UnknownWebhook: ProblemType(
        "unknown-webhook",
        "No webhook has this id",
        404,
        "The id names no webhook, or none of your agency. `GET /v1/webhooks` lists those.",
    ),
    UnknownTask: ProblemType(
        "unknown-dead-letter",
        "No dead letter has this id",
        404,
        "The id names nothing that was given up; it may have been resumed already. `GET /v1/dead-letters` lists "
        "what was.",
    ),
    UnknownDoubt: ProblemType(
        "unknown-doubtful-merge",
        "No such two titles stand apart",
        404,
        "The id names no two titles that share an ISBN and stand apart; they may have become one already. "
        "`GET /v1/titles/doubtful` lists those about which nobody has decided.",
    ),
    NothingToConfirm: ProblemType(
        "nothing-to-confirm",
        "No such run waits to be confirmed",
        409,
        "No run of this number waits for somebody to confirm what it would remove; a later one may have overtaken "
        "it. `awaiting` of `GET /v1/systems/{id}/harvest` names the one that does.",
    ),
    TitlesBusy: ProblemType(
        "titles-busy",
        "Titles are being sorted",
        503,
        "An import of a large file is sorting titles at this moment. Nothing was changed; try again in a while.",
    ),
    ActionNotAllowed: ProblemType(
        "action-not-allowed",
        "The action is not possible now",
        409,
        "The loan request stands where this cannot happen, and nothing was changed. `allowed` lists the actions "
        "that are possible in its present state; the docs draw them all.",
        {"allowed": ["WillSupply", "Unfilled", "Cancel"]},
    ),
    DuplicateRequestId: ProblemType(
        "duplicate-request-id",
        "This request id was used before",
        409,
        "The requesting agency has a loan request with this `requesting_agency_request_id` already. To repeat a "
        "submission safely, send it with the same `Idempotency-Key`: then it is the same loan request.",
    ),
    KeyReused: ProblemType(
        "idempotency-key-reused",
        "This Idempotency-Key came with another body",
        422,
        "The key was used for another loan request, so nothing was done. Use a new key for each of them, and the "
        "same key only to repeat one.",
        {"errors": [{"pointer": "/Idempotency-Key", "detail": "Was used with another body."}]},
    ),
    ArchiveRefused: ProblemType(
        "archive-refused",
        "The archive cannot be read",
        422,
        "The body is not a whole zip archive, or it is one that is not safe to read: files in folders, encrypted or "
        "named twice, links, or more data than an import takes once it is unpacked. The detail says which. Pack the "
        "files again, at the root of one plain zip, and nothing else with them.",
        {"errors": [{"pointer": "", "detail": "gtfs/stops.txt: files must lie at the root of the archive."}]},
    ),
    FeedFaulty: ProblemType(
        "network-at-fault",
        "The network has faults",
        422,
        "A network is all or nothing, and nothing was changed. `rejects` names the first hundred faults by file, "
        "line and field, and so does `errors`, with a pointer of the form /file/line/field; `rejected` counts the "
        "rows at fault. Correct them and import the feed again.",
        {
            "read": 0,
            "rejected": 1,
            "rejects": [{"file": "stops.txt", "line": 7, "field": "stop_lat", "reason": "'x' is not a number"}],
            "errors": [
                {"pointer": "/stops.txt/7/stop_lat", "detail": "stops.txt line 7, stop_lat: 'x' is not a number."}
            ],
        },
    ),
    UploadTooSlow: ProblemType(
        "upload-too-slow",
        "The body took too long to arrive",
        408,
        "The whole body must arrive within the time of the setting LEENPAD_IMPORT_MAX_SECONDS. Nothing was changed.",
    ),
    ImportTooSlow: ProblemType(
        "import-too-slow",
        "The import took too long",
        503,
        "The import did not end within the time of the setting LEENPAD_IMPORT_MAX_SECONDS, and nothing was changed. "
        "Try again when less is going on, or send less at once.",
    ),
    TryingTooSlow: ProblemType(
        "trying-too-slow",
        "The policy was not tried out in time",
        503,
        "Policies are tried out one after the other, and each gets a minute, with its waiting. Nothing was changed. "
        "Try again when nobody else does, with a smaller `sample` or fewer `days`.",
    ),
    UnknownScenario: ProblemType(
        "unknown-scenario",
        "There is no such scenario",
        404,
        "No scenario has this id, or it was deleted.",
    ),
    NoResult: ProblemType(
        "no-result-yet",
        "The scenario has no result yet",
        409,
        "It has not come to its end: it waits, is being worked out, was cancelled or failed. Its `state` says which.",
    ),
    TooManyScenarios: ProblemType(
        "too-many-scenarios",
        "So many scenarios are there already",
        409,
        "Wait until one that is under way has come to its end, cancel one, or delete one that is of no use any more.",
    ),
    ChangeImpossible: ProblemType(
        "change-impossible",
        "A change is about something that is not there",
        422,
        "The route, hub, location or operator that a change names is not in the network version, or is no longer "
        "after the changes before it. `errors` points at it; nothing was started.",
        {"errors": [{"pointer": "/changes/0/route", "detail": "No trip of a route DR-1 is in this network."}]},
    ),
    InternalError: ProblemType(
        "internal-error",
        "Something broke on our side",
        500,
        "The fault is ours and is in the log with the time and the address of this request. Trying again later may "
        "help; nothing half-done was kept.",
    ),
    NotReady: ProblemType(
        "not-ready",
        "It cannot decide yet",
        503,
        "No network version is active. Import a network with `?activate=true`, or activate one that was imported; "
        "/readyz says 200 from then on.",
    ),
    DatabaseUnavailable: ProblemType(
        "database-unavailable",
        "The database does not answer",
        503,
        "PostgreSQL cannot be reached, went away, or has no connection free. Nothing half-done was kept; try again "
        "in a while.",
    ),
}

_BY_STATUS: dict[int, type[Exception]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: InvalidInput,
}


def problem_type(error: Exception) -> ProblemType:
    """Return the row of the nearest class of `error` in the table; what is not there is an internal error."""
    for kind in type(error).__mro__:
        if found := PROBLEMS.get(kind):
            return found
    return PROBLEMS[InternalError]


def problem_response(
    kind: ProblemType,
    *,
    detail: str,
    instance: str,
    faults: Sequence[Fault] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write one problem document. `extra` adds members of the problem's own.

    Whatever is wrong with what was sent is in `errors`, if only as a whole.
    """
    if kind.status == 422 and not faults:
        faults = (Fault("", detail),)
    document: dict[str, Any] = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        **(extra or {}),
    }
    if faults:
        document["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]
    return Response(
        orjson.dumps(document), status_code=kind.status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def faults_of(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> tuple[Fault, ...]:
    """Turn pydantic's errors into faults; `skip` leaves out that many leading places ('body', 'query')."""
    return tuple(Fault(_pointer(error["loc"][skip:], error["type"]), _sentence(error)) for error in errors)


def _pointer(places: Sequence[str | int], kind: str) -> str:
    if kind == "json_invalid":
        return ""  # the place is a character offset, and no pointer reaches into what cannot be parsed
    return pointer_to(*places)


def pointer_to(*places: str | int) -> str:
    """Write a JSON pointer (RFC 6901) to a place in a body."""
    return "".join("/" + str(place).replace("~", "~0").replace("/", "~1") for place in places)


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"Not valid JSON: {error.get('ctx', {}).get('error', error['msg'])}"
    return str(error["msg"]).removeprefix("Value error, ")


async def _on_known(request: Request, error: Exception) -> Response:
    kind = problem_type(error)
    pointer = getattr(error, "pointer", None)  # of those that are always about one thing
    return problem_response(
        kind,
        detail=str(error) or kind.title,
        instance=request.url.path,
        faults=getattr(error, "faults", ()) if pointer is None else (Fault(pointer, str(error)),),
        extra=getattr(error, "members", None),
        headers={"WWW-Authenticate": "Bearer"} if kind.status == 401 else None,
    )


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _on_known(request, InvalidInput(*faults_of(error.errors(), skip=1)))


async def _on_model(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return await _on_known(request, InvalidInput(*faults_of(error.errors(include_url=False))))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = PROBLEMS[_BY_STATUS.get(error.status_code, InternalError)]
    headers = {"Allow": _methods_at(request)} if error.status_code == 405 else error.headers
    detail = {
        404: f"Nothing is at {request.url.path}.",
        405: f"{request.method} is not allowed at {request.url.path}.",
    }.get(error.status_code, str(error.detail))
    return problem_response(kind, detail=detail, instance=request.url.path, headers=headers)


def _methods_at(request: Request) -> str:
    """Return every method that some route takes at this address; Starlette would name those of the first alone."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    if "GET" in found:
        found.add("HEAD")  # see app.api.head
    return ", ".join(sorted(found))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    # What went wrong goes to the log (the server writes the traceback), never into the answer.
    kind = PROBLEMS[InternalError]
    return problem_response(
        kind, detail="The request could not be completed; the fault is in the log.", instance=request.url.path
    )


def answer_with_problems(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make every failure of `app` leave as a problem document; `routes` are all that it answers at."""
    app.state.routes = routes
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _on_known)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


def documented(*kinds: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Describe for OpenAPI (`responses=`) the problems that an operation can answer with, one entry per status."""
    by_status: dict[int | str, list[ProblemType]] = {}
    for kind in kinds:
        by_status.setdefault(PROBLEMS[kind].status, []).append(PROBLEMS[kind])
    return {
        status: {
            "description": " · ".join(row.title for row in rows),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {row.slug: {"summary": row.title, "value": _example(row)} for row in rows},
                }
            },
        }
        for status, rows in by_status.items()
    }


def _example(row: ProblemType) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"/problems/{row.slug}",
        "title": row.title,
        "status": row.status,
        "detail": row.title + ".",
        "instance": "/v1/…",
    }
    if row.example is not None:
        document |= row.example
    elif row.status == 422:
        document["errors"] = [{"pointer": "/title/isbn", "detail": "The check digit of this ISBN is wrong."}]
    return document
