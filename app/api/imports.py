"""Agencies and holdings in bulk: the file is the body, and the answer is a report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.api.dependencies import requires, resources
from app.api.holdings_shapes import ReportShape
from app.api.uploads import media_type_of, upload
from app.imports.agencies import import_agencies
from app.imports.holdings import import_holdings
from app.imports.report import ImportTooSlow, RowsRejected, UnreadableFile
from app.imports.spool import UploadTooSlow
from app.problems import BadRequest, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.telemetry import count_import

router = APIRouter(prefix="/v1/imports", tags=["Imports"], dependencies=[Depends(requires("admin"))])

CSV = "text/csv"
NDJSON = "application/x-ndjson"
HeldResources = Annotated[Resources, Depends(resources)]
Strict = Annotated[bool, Query(description="All or nothing: a row that is not valid means that nothing lands.")]
PROBLEMS = documented(
    BadRequest,
    UploadTooSlow,
    TooLarge,
    UnsupportedMediaType,
    UnreadableFile,
    RowsRejected,
    InvalidInput,
    ImportTooSlow,
)

AGENCIES_EXAMPLE = """\
isil,name,kind,parent,province,poi,system,lat,lon,handling_minutes,opening_hours
NL-0800070000,Bibliotheek Midden,agency,,UT,BiSC,wise-midden,52.09,5.12,,
NL-0800070001,Midden Centrum,location,NL-0800070000,,,wise-midden,52.09,5.12,60,Mo-Fr 09:00-17:00; PH off
NL-0700010001,Hub Utrecht,hub,,UT,BiSC,,52.10,5.07,0,
"""
HOLDINGS_EXAMPLE = """\
location,isbn,ppn,title,author,material,copies,available,loanable,added_on
NL-0800070001,9789000000005,398765432,De ontdekking van de hemel,Harry Mulisch,book,2,1,true,2019-05-02
NL-0800070001,,331122331,"Kaart, noord en zuid",,map,1,,false,
"""
HOLDINGS_NDJSON_EXAMPLE = """\
{"location": "NL-0800070001", "isbn": "9789000000005", "ppn": "398765432", "copies": 2, "available": 1}
"""


def _takes(examples: dict[str, str]) -> dict[str, Any]:
    content = {name: {"schema": {"type": "string"}, "example": example} for name, example in examples.items()}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/agencies",
    summary="Import agencies, locations and hubs",
    response_model=ReportShape,
    openapi_extra=_takes({CSV: AGENCIES_EXAMPLE}),
    responses=PROBLEMS,
)
async def post_agencies(request: Request, held: HeldResources, strict: Strict = False) -> dict[str, Any]:
    """Take in a CSV file (UTF-8, commas, a header row) of agencies, locations and hubs.

    Columns stand in any order; `isil`, `name` and `kind` must be there, and what is missing reads as empty. A row is
    the whole truth about its ISIL: it makes or changes that record, and the last line about one ISIL stands. Good
    rows land and bad ones are named. The same file again changes nothing, and no row removes anything.

    - `kind`: `agency`, `location` or `hub`. An ISIL stays an agency or stays a place; a location may become a hub.
    - `parent`: the ISIL of a location's agency, in the file (before or after) or known already.
    - `province`, `poi`: codes; one not seen before is made. A province takes the POI that all its rows agree on.
    - `system`: the id of an installation; one not seen before is made. A row without one answers by hand (`manual`),
      a location's too: it does not take its agency's.
    - `lat`, `lon`: decimal degrees, both or neither.
    - `handling_minutes`: 0 to 100000, empty is 0. `opening_hours`: OpenStreetMap syntax, empty is always open.

    Further columns, all optional: `system_kind` (`wise`, `vubis`, `concerto`, `brocade`, `manual`, `unknown`);
    `system_since` and `system_until` (with a date the system used before ends on that day, without one it never was);
    `valid_from`, `valid_until` and `successor` for agencies that merge; `supplies` (yes or no, empty is yes);
    `suspended_from`, `suspended_until`. Dates are YYYY-MM-DD; an until-date is the first day it is no longer so.
    """
    _check_plain(request)
    async with upload(request, held.settings, CSV) as file, held.importing:
        report = await import_agencies(
            held.database, file, strict=strict, max_seconds=held.settings.import_max_seconds
        )
    count_import("agencies", **report.outcomes())
    return report.document()


@router.post(
    "/holdings",
    summary="Import holdings",
    response_model=ReportShape,
    openapi_extra=_takes({CSV: HOLDINGS_EXAMPLE, NDJSON: HOLDINGS_NDJSON_EXAMPLE}),
    responses=PROBLEMS,
)
async def post_holdings(
    request: Request,
    held: HeldResources,
    strict: Strict = False,
    replace: Annotated[
        bool,
        Query(
            description="The file is the whole truth about every location that a good row names: what else they held "
            "is removed, and so is what a rejected row was about (`strict=true` guards against that). A location of "
            "which every row was rejected keeps what it has."
        ),
    ] = False,
) -> dict[str, Any]:
    """Take in a file of holdings: CSV (UTF-8, commas, a header row) or NDJSON (one object a line, same names).

    A row is an upsert by location and title; the last line about both stands. Good rows land and bad ones are named.
    The same file again changes nothing.

    - `location`: the id of a location or hub that is known.
    - `isbn` (10 or 13 digits, hyphens or not) and `ppn` (letters and digits): one of them at least.
    - `title`, `author`: the last line that gives them stands. `material`: empty is `book`.
    - `copies`: empty is 1. `available`: how many are on the shelf, empty is unknown. `loanable`: empty is true.
    - `added_on`: the day on which the copies came into the collection (YYYY-MM-DD); empty says nothing of it.

    Which title: a row with a PPN is about the title of that PPN. A row with only an ISBN is about the title whose PPN
    came with that ISBN; if no PPN did, about a title known by its ISBN alone, which is merged into the title of a
    PPN as soon as one comes with it. If several did (volumes may share an ISBN), it is about the one that the
    location holds already, and else about a title known by that ISBN alone. Titles of two PPNs are never merged.
    """
    _check_plain(request)
    async with upload(request, held.settings, CSV, NDJSON) as file, held.importing:
        report = await import_holdings(
            held.database,
            file,
            form="csv" if media_type_of(request) == CSV else "ndjson",
            strict=strict,
            replace=replace,
            max_seconds=held.settings.import_max_seconds,
        )
    count_import("holdings", **report.outcomes())
    return report.document()


def _check_plain(request: Request) -> None:
    """Raise UnsupportedMediaType for a body that is packed, or in another character set than UTF-8."""
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise UnsupportedMediaType("Send the file as it is, without Content-Encoding.")
    for parameter in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "us-ascii"):
            raise UnsupportedMediaType("Send the file in UTF-8.")
