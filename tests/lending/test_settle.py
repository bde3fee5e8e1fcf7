"""Whatever is delivered from wherever to whomever: the ledger has exactly what the charge between both sides says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.lending.settle import charges_of
from app.lending.snapshot import State
from app.store.loans import Loan
from app.store.standing import Standing
from routing import Agency, Location, Period, Policy, Register, Tariff, charge_for_supply, compile_network
from tests.support.worlds import drawn

NETWORK = compile_network(drawn("hub H 10m\nR/t Mo-Fr a 09:00 H 10:00"))
MERGER = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = Tariff(675, 400), Tariff(700, 450)
NEW_SINCE = date(2026, 7, 1)
ISILS = ("A", "B", "C", "D")
PLACES = st.sampled_from((None, "P", "Q"))

agencies = st.builds(
    lambda province, poi, successor: (province, poi, successor),
    PLACES,
    st.sampled_from((None, "X", "Y")),
    st.sampled_from((None, *ISILS)),
)
locations = st.builds(
    lambda agency, province: Location("?", agency=agency, province=province),
    st.sampled_from((None, *ISILS)),
    PLACES,
)


def loan_of(supplying: str | None, requesting: str) -> Loan:
    return Loan(
        id=UUID(int=1),
        requesting_agency=requesting,
        requesting_agency_request_id="1",
        service_level="Core",
        isbn=None,
        ppn=None,
        pickup_location="there",
        question={},
        supplying="shipped",
        requesting="waiting",
        item="on_trip",
        supplying_agency=supplying,
        supplying_location="here",
        asked=("here",),
        chosen=None,
        placements=1,
        events=5,
        itinerary=None,
        itinerary_by=None,
        expected_at=None,
        seen_at_location=None,
        seen_at=None,
        due_at=None,
        due_since=None,
        renewals=0,
        submitted_at=MERGER,
        shipped_at=MERGER,
        received_at=None,
    )


def in_force(register: Register, isil: str, at: datetime) -> str:
    """Who stands for an agency: the last of its successors, walked to once more."""
    walked = [isil]
    while (agency := register.agencies[walked[-1]]).valid.until is not None and agency.valid.until <= at:
        if agency.successor is None or agency.successor in walked:
            break
        walked.append(agency.successor)
    return walked[-1]


@settings(max_examples=500)
@given(
    st.tuples(agencies, agencies, agencies, agencies),
    locations,
    locations,
    st.sampled_from(ISILS),
    st.integers(-40, 40),
)
def test_the_ledger_has_what_the_charge_says(
    known: tuple[tuple[str | None, str | None, str | None], ...],
    here: Location,
    there: Location,
    requesting: str,
    days: int,
) -> None:
    at = MERGER + timedelta(days=days, hours=-1)
    register = Register(
        {
            isil: Agency(
                isil,
                province=province,
                poi=poi,
                valid=Period(None, MERGER if successor else None),
                successor=successor,
            )
            for isil, (province, poi, successor) in zip(ISILS, known, strict=True)
        },
        {
            "here": Location("here", here.agency, here.province),
            "there": Location("there", there.agency, there.province),
        },
    )
    state = State(
        Standing("v", 0, 0), NETWORK, register, ((NEW_SINCE, Policy(tariff=NEW)), (date.min, Policy(tariff=OLD)))
    )
    entries = charges_of(state, loan_of(here.agency, requesting), at=at)

    day = at.astimezone(NETWORK.zone).date()
    tariff = NEW if day >= NEW_SINCE else OLD
    parts = {part.what: part.cents for part in charge_for_supply(register, "here", "there", moment=at, tariff=tariff)}
    payer = in_force(register, requesting, at)
    paid = None if here.agency is None else in_force(register, here.agency, at)
    expected: Counter[tuple[str, str, int, str | None, date]] = Counter()
    if "supplier" in parts and paid not in (None, payer):
        expected[paid, "supplier", parts["supplier"], payer, day] = 1
        expected[payer, "supplier", -parts["supplier"], paid, day] = 1
    if "transport" in parts:
        expected[payer, "transport", -parts["transport"], None, day] = 1
    assert Counter((e.agency, e.what, e.cents, e.counterparty, e.day) for e in entries) == expected
    assert len({(entry.agency, entry.what) for entry in entries}) == len(entries)  # the ledger's key
