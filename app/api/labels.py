"""The slip of the re-usable envelope, with a barcode for each way: one, or several at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from app.api.dependencies import Caller, requires, resources
from app.api.loan_shapes import SUBMITTED
from app.api.parties import as_seen_by, check_party
from app.api.runs import PDF, pdf
from app.aside import aside
from app.planning.barcodes import NothingToLabel
from app.planning.label_pdf import Format, Label, print_labels
from app.problems import documented
from app.resources import Resources
from app.store.loans import Loan, UnknownLoanRequest, read_loan
from app.store.riders import describe, name_locations

router = APIRouter(prefix="/v1", tags=["Loan requests"])

HeldResources = Annotated[Resources, Depends(resources)]
Reader = Annotated[Caller, Depends(requires())]
Form = Annotated[
    Format,
    Query(
        alias="format",
        description="`62x100`: a page for each label, for a label printer with a roll of 62 mm. `a4`: sheets of two "
        "by four labels of 99.1 by 67.7 mm.",
    ),
]
First = Annotated[
    int, Query(ge=1, le=8, description="Where on the first sheet to begin (`a4`), as labels of it may be gone.")
]
Language = Annotated[Literal["nl", "en"], Query(description="Of what is printed.")]
ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The labels.",
        "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/loan-requests/{loan_request}/label",
    summary="Print a label",
    response_class=Response,
    responses={**ANSWER, **documented(UnknownLoanRequest, NothingToLabel)},
)
async def read_label(
    held: HeldResources,
    caller: Reader,
    loan_request: Annotated[UUID, Path(description="The loan request's id.", examples=[SUBMITTED["id"]])],
    form: Form = "62x100",
    first: First = 1,
    language: Language = "nl",
) -> Response:
    """Print the slip of an item's envelope: where it goes and where it must return to, each as Code 128 too.

    Of two suppliers that are asked at once each prints its own; one that was let go prints none.
    It bears the requesting agency's own number, by which the counter knows whose it is, and nothing of the reader.
    """
    return await _printed(held, caller, [loan_request], form=form, first=first, language=language)


@router.get(
    "/labels",
    summary="Print several labels",
    response_class=Response,
    responses={**ANSWER, **documented(UnknownLoanRequest, NothingToLabel)},
)
async def read_labels(
    held: HeldResources,
    caller: Reader,
    loan_request: Annotated[
        list[UUID],
        Query(
            min_length=1,
            max_length=200,
            description="Their ids, in the order of the labels.",
            examples=[[SUBMITTED["id"]]],
        ),
    ],
    form: Form = "a4",
    first: First = 1,
    language: Language = "nl",
) -> Response:
    """Print the slips of several items, all or none."""
    return await _printed(held, caller, loan_request, form=form, first=first, language=language)


async def _printed(
    held: Resources, caller: Caller, ids: list[UUID], *, form: Format, first: int, language: str
) -> Response:
    async with held.database.one_moment() as connection:
        found: list[tuple[Loan, dict[str, Any]]] = []
        for loan_request in ids:
            loan = await read_loan(connection, loan_request)
            await check_party(connection, caller, loan)
            seen = await as_seen_by(connection, caller, loan)
            if seen is None:
                raise NothingToLabel(f"{caller.agency} need not supply {loan.id}.")
            if seen.supplying_location is None:
                raise NothingToLabel(f"Nobody supplies {loan.id}.")
            found.append((seen, await describe(connection, loan.id)))
        places = {place for loan, _ in found for place in (loan.supplying_location, loan.pickup_location) if place}
        names = await name_locations(connection, places)
    labels = [_label(loan, about, names) for loan, about in found]
    data = await aside(print_labels, labels, form=form, first=first, language=language)
    return pdf(data, "labels")


def _label(loan: Loan, about: dict[str, Any], names: dict[str, str]) -> Label:
    assert loan.supplying_location is not None
    return Label(
        loan_request=loan.id,
        number=loan.requesting_agency_request_id,
        title=about["title"] or loan.isbn or loan.ppn or "",
        from_name=names.get(loan.supplying_location) or loan.supplying_location,
        from_id=loan.supplying_location,
        to_name=names.get(loan.pickup_location) or loan.pickup_location,
        to_id=loan.pickup_location,
    )
