"""POST /iso18626: the same lives as over the API, told in the messages of ISO 18626 by both sides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from adapters.fake import Desk, FakeSystem
from adapters.protocols.iso18626.messages import (
    Action,
    AgencyId,
    Bibliographic,
    Confirmation,
    Costs,
    ElectronicAddress,
    ErrorType,
    Header,
    Identifier,
    Message,
    MessageStatus,
    PhysicalAddress,
    Reason,
    Request,
    RequestingAgencyMessage,
    RequestType,
    Service,
    ServiceType,
    Status,
    SupplyingAgencyMessage,
    Version,
)
from adapters.protocols.iso18626.reading import read_confirmation
from adapters.protocols.iso18626.writing import write
from tests.lending.test_privacy import found
from tests.support.filled import BY_PPN, EVERYWHERE, NOWHERE, run_sql
from tests.support.house import MONDAY, House
from tests.support.schemas import FOLDER, ISO18626, faults

XML = {"content-type": "application/xml"}
READER = "reader-8d1f77"
DESK = ElectronicAddress(type="ISIL", data="desk")


def header(number: str = "nr-1", **changes: Any) -> Header:
    given = Header(
        requesting_agency=AgencyId("NL-1"),
        supplying_agency=AgencyId("NL-2"),
        timestamp=MONDAY,
        requesting_agency_request_id=number,
    )
    return replace(given, **changes)


def asking(number: str = "nr-1", **changes: Any) -> Request:
    """Library One asks for the title that is everywhere, at its desk."""
    given = Request(
        header=header(number),
        bibliographic=Bibliographic(items=(Identifier("ISBN", EVERYWHERE),)),
        service=Service(level="Core"),
        deliver_to=(DESK,),
        patron_id=READER,
    )
    return replace(given, **changes)


def reporting(action: Action, number: str = "nr-1", *, note: str | None = None, **changes: Any) -> Message:
    return RequestingAgencyMessage(header=header(number, **changes), action=action, note=note)


def telling(
    status: Status, number: str = "nr-1", *, by: str = "NL-2", reason: Reason = Reason.STATUS_CHANGE, **changes: Any
) -> SupplyingAgencyMessage:
    given = SupplyingAgencyMessage(
        header=header(number, supplying_agency=AgencyId(by)), reason=reason, status=status, last_change=MONDAY
    )
    return replace(given, **changes)


async def post(house: House, document: bytes, **headers: str) -> httpx.Response:
    return await house.client.post("/iso18626", content=document, headers={**XML, **headers})


async def send(house: House, message: Message, version: Version = Version.V2021_2) -> Confirmation:
    """Send a message, have its consequences carried out, and return its confirmation."""
    answer = await post(house, write(message, version))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml"), answer.text
    if FOLDER.exists():
        assert faults(answer.content, ISO18626[version]) == []
    confirmation = read_confirmation(answer.content)
    assert confirmation.requesting_agency_request_id == message.header.requesting_agency_request_id
    assert confirmation.timestamp == message.header.timestamp
    await house.work()
    return confirmation


async def taken(house: House, message: Message, version: Version = Version.V2021_2) -> None:
    confirmation = await send(house, message, version)
    assert (confirmation.status, confirmation.errors) == (MessageStatus.OK, ())


async def refused(house: House, message: Message) -> str:
    """Send what is not taken, and return what it is told."""
    confirmation = await send(house, message)
    (error,) = confirmation.errors
    assert confirmation.status is MessageStatus.ERROR
    return f"{error.type}: {error.value}"


async def loans(house: House) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await house.client.get("/v1/loan-requests")).json()["items"]
    return items


async def only(house: House) -> str:
    """The id of the one loan request that there is."""
    (loan,) = await loans(house)
    return str(loan["id"])


# --- a request --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", list(Version))
async def test_a_request_becomes_a_loan_request_as_the_api_makes_one(house: House, version: Version) -> None:
    await house.asked(requesting_agency_request_id="over the API", service_level="Rush")
    await taken(house, asking(service=Service(level="Rush")), version)
    one, other = [await house.look(loan["id"]) for loan in await loans(house)]
    assert (one.pop("requesting_agency_request_id"), other.pop("requesting_agency_request_id")) == (
        "nr-1",
        "over the API",
    )
    ids = [one.pop("id"), other.pop("id")]
    assert one == other
    assert await house.history(ids[0]) == await house.history(ids[1])


async def test_everything_that_can_be_asked_is(house: House) -> None:
    message = asking(
        bibliographic=Bibliographic(records=(Identifier("OCLC", "1"), Identifier("PPN", BY_PPN))),
        service=Service(level="Express", need_before=MONDAY + timedelta(hours=1)),
        deliver_to=(ElectronicAddress(type="Email", data="a@library.example"), PhysicalAddress(line1="desk")),
        maximum_costs=Costs(Decimal("0.01")),
    )
    await taken(house, message)
    loan = await house.look(await only(house))
    assert (loan["ppn"], loan["pickup_location"], loan["service_level"]) == (BY_PPN, "desk", "Express")
    assert {refusal["reason"] for refusal in loan["refusals"]} >= {"too_late"}


async def test_without_an_address_it_is_delivered_to_the_agencys_only_location(house: House) -> None:
    await taken(house, asking(deliver_to=()))
    assert (await loans(house))[0]["pickup_location"] == "desk"
    of_two = asking("nr-2", header=header("nr-2", requesting_agency=AgencyId("NL-2")), deliver_to=())
    assert (await refused(house, of_two)).startswith("UnrecognisedDataValue: requestedDeliveryInfo")


async def test_the_same_request_again_is_the_same_loan_request_and_confirmation(house: House) -> None:
    document = write(asking())
    first = await post(house, document)
    await house.work()
    house.clock.set(house.clock.now() + timedelta(days=9))  # past what an Idempotency-Key is kept for
    again = await post(house, document)
    assert again.content == first.content
    later = asking(header=header(timestamp=MONDAY + timedelta(minutes=5)))
    await taken(house, later)  # sent anew, as no answer came
    assert len(await loans(house)) == 1


async def test_the_same_request_many_times_at_once_is_one_loan_request(house: House) -> None:
    answers = await asyncio.gather(*(post(house, write(asking())) for _ in range(8)))
    assert {read_confirmation(answer.content).status for answer in answers} == {MessageStatus.OK}
    assert len(await loans(house)) == 1


async def test_another_request_under_the_same_number_is_not_taken(house: House) -> None:
    await taken(house, asking())
    for changes in ({"deliver_to": (ElectronicAddress(type="ISIL", data="far"),)}, {"bibliographic": volumes()}):
        assert await refused(house, asking(**changes)) == (
            "UnrecognisedDataValue: requestingAgencyRequestId: was used for another request"
        )
    assert len(await loans(house)) == 1


def volumes() -> Bibliographic:
    return Bibliographic(items=(Identifier("ISBN", "9783161484100"),))


async def test_a_reminder_asks_for_nothing_new(house: House) -> None:
    await taken(house, asking())
    await taken(house, asking(service=Service(request_type=RequestType.REMINDER)))
    await taken(house, asking("nr-2", service=Service(request_type=RequestType.REMINDER, previous="nr-1")))
    unheard_of = asking("nr-3", service=Service(request_type=RequestType.REMINDER, previous="nr-0"))
    assert "there is no such request" in await refused(house, unheard_of)
    assert len(await loans(house)) == 1


async def test_a_number_that_is_not_known_or_not_valid_gives_way_to_the_next(house: House) -> None:
    numbers = (Identifier("ISBN", "9780306406158"), Identifier("ISSN", "0000"), Identifier("ISBN", EVERYWHERE))
    known = Bibliographic(items=numbers, records=(Identifier("PPN", "000000001"),))
    await taken(house, asking(bibliographic=known))
    await taken(house, asking(bibliographic=known))
    (loan,) = await loans(house)
    assert (loan["isbn"], loan["ppn"]) == (EVERYWHERE, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"service": Service(type=ServiceType.COPY)}, "serviceType: items are lent here, and not copied"),
        ({"service": Service(level="Sometime")}, "serviceLevel: Input should be 'Core', 'Express'"),
        ({"bibliographic": Bibliographic(title="Everywhere")}, "bibliographicInfo: names no title"),
        (
            {"bibliographic": Bibliographic(supplier_record=BY_PPN)},  # whose catalogue's number that is nobody says
            "bibliographicInfo: names no title",
        ),
        (
            {"bibliographic": Bibliographic(items=(Identifier("ISBN", NOWHERE),))},
            "bibliographicInfo: no holding of this title is known",
        ),
        ({"deliver_to": (ElectronicAddress(type="ISIL", data="NL-404"),)}, "electronicAddressData: no such location"),
        (
            {"header": header(requesting_agency=AgencyId("NL-404"))},
            "requestingAgencyId: No agency NL-404 is registered.",
        ),
        ({"header": header("x" * 201)}, "requestingAgencyRequestId: String should have at most 200"),
        ({"patron_id": "x" * 201}, "patronId: String should have at most 200"),
        ({"maximum_costs": Costs(Decimal(10), "USD")}, "currencyCode: is not EUR"),
        ({"maximum_costs": Costs(Decimal(-1))}, "maximumCosts: Input should be greater than or equal to 0"),
        (
            {"service": Service(need_before=datetime.fromisoformat("1900-01-01T00:00:00+00:00"))},
            "needBeforeDate: Takes a time in the years",
        ),
        ({"header": header(requesting_agency=AgencyId("NL-1", "DNUCNI"))}, "requestingAgencyId: its agencyIdType"),
    ],
)
async def test_what_cannot_be_asked_is_told_by_its_element(house: House, changes: dict[str, Any], told: str) -> None:
    assert (await refused(house, asking(**changes))).startswith(f"UnrecognisedDataValue: {told}")
    assert await loans(house) == []


# --- lives --------------------------------------------------------------------------------------------------


async def test_there_and_back_as_both_sides_tell_it(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    await taken(house, telling(Status.REQUEST_RECEIVED, reason=Reason.REQUEST_RESPONSE))
    await taken(house, telling(Status.EXPECT_TO_SUPPLY))
    await taken(house, telling(Status.WILL_SUPPLY, reason=Reason.REQUEST_RESPONSE, note="On the shelf."))
    await taken(house, telling(Status.LOANED), Version.V1_2)
    await taken(house, reporting(Action.STATUS_REQUEST))
    await taken(house, reporting(Action.RECEIVED))
    await taken(house, reporting(Action.RENEW), Version.V1_2)
    await taken(house, telling(Status.RECALLED))
    await taken(house, reporting(Action.SHIPPED_RETURN))
    await taken(house, telling(Status.LOAN_COMPLETED))
    events = await house.events(loan)
    assert [f"{event['by']}: {event['event']}" for event in events] == [
        "NL-1: Submitted",
        "leenpad: Placing",
        "leenpad: Placed",
        "NL-2: ExpectToSupply",
        "NL-2: WillSupply",
        "NL-2: Loaned",
        "NL-1: Received",
        "NL-1: Renew",
        "NL-2: Recall",
        "NL-1: ShippedReturn",
        "NL-2: LoanCompleted",
    ]
    assert [event["note"] for event in events if event["event"] == "WillSupply"] == ["On the shelf."]
    assert (await house.look(loan))["outcome"] == "filled"


async def test_what_a_supplier_has_not_it_passes_on(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    no = telling(Status.UNFILLED, reason_unfilled="NotOnShelf")
    await taken(house, no)
    await taken(house, no)
    standing = await house.look(loan)
    assert (standing["supplying_location"], standing["placements"][0]["reason"]) == ("far", "NotOnShelf")
    late = telling(Status.WILL_SUPPLY)
    assert "it does not lie with this agency now" in await refused(house, late)
    odd = telling(Status.UNFILLED, by="NL-3", reason_unfilled="AteByTheDog", note="Sorry.")
    await taken(house, odd)
    told = [(event["reason"], event["note"]) for event in await house.events(loan) if event["event"] == "Unfilled"]
    assert told == [("NotOnShelf", None), ("Other", "AteByTheDog. Sorry.")]
    assert (await house.look(loan))["outcome"] == "unfilled"


async def test_a_supplier_may_ask_to_be_asked_later(house: House) -> None:
    await taken(house, asking())
    await taken(house, telling(Status.RETRY_POSSIBLE, reason_retry="LoanCondition"))
    standing = await house.look(await only(house))
    assert (standing["supplying_location"], standing["placements"][0]["end"]) == ("far", "RetryPossible")


async def test_a_message_that_comes_again_is_carried_out_once(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    await taken(house, telling(Status.LOANED))
    await taken(house, reporting(Action.RECEIVED))
    for _ in range(3):
        await taken(house, reporting(Action.RECEIVED))
        await taken(house, telling(Status.LOANED))
    await asyncio.gather(*(post(house, write(reporting(Action.RENEW))) for _ in range(6)))
    assert (await house.history(loan)).count("Renew: Loaned") == 1
    await taken(house, reporting(Action.RENEW, timestamp=MONDAY + timedelta(seconds=1)))
    assert (await house.history(loan)).count("Renew: Loaned") == 2
    third = await refused(house, reporting(Action.RENEW, timestamp=MONDAY + timedelta(seconds=2)))
    assert third.startswith("UnsupportedActionType: It was renewed 2 times, and no more is allowed.")


async def test_the_same_status_told_anew_is_no_news(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    await taken(house, telling(Status.WILL_SUPPLY))
    before = await house.look(loan)
    anew = header(supplying_agency=AgencyId("NL-2"), timestamp=MONDAY + timedelta(hours=1))
    await taken(house, telling(Status.WILL_SUPPLY, header=anew))
    assert await house.look(loan) == before


async def test_what_cannot_be_now_is_told_and_changes_nothing(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    before = await house.look(loan)
    told = await refused(house, reporting(Action.RECEIVED))
    assert told.startswith(
        "UnsupportedActionType: Received is not possible now: the loan request is RequestReceived."
    )
    assert (await refused(house, telling(Status.LOAN_COMPLETED))).startswith(
        "UnsupportedActionType: LoanCompleted is"
    )
    assert "no loan is at CopyCompleted here" in await refused(house, telling(Status.COPY_COMPLETED))
    for action in (Action.HOLD_RETURN, Action.SHIPPED_FORWARD):
        assert await refused(house, reporting(action)) == f"UnsupportedActionType: {action} is not offered"
    assert await house.look(loan) == before


async def test_what_is_for_people_is_kept_for_them(house: House) -> None:
    await taken(house, asking())
    loan = await only(house)
    await taken(house, reporting(Action.NOTIFICATION, note="Any edition will do."))
    await taken(house, telling(Status.REQUEST_RECEIVED, reason=Reason.NOTIFICATION, note="x" * 3000))
    await taken(house, telling(Status.LOANED))
    await taken(house, reporting(Action.RECEIVED))
    await taken(house, telling(Status.OVERDUE))
    await taken(house, telling(Status.LOANED, reason=Reason.RENEW_RESPONSE, yes=False, note="It is wanted."))
    told = [event["note"] for event in await house.events(loan) if event["event"] == "Notification"]
    assert told == [
        "Any edition will do.",
        "x" * 2000,
        "Overdue, says whoever supplied it.",
        "To renewing: no. It is wanted.",
    ]


async def test_what_got_lost_is_told_by_either_side(house: House) -> None:
    for number, message in (
        ("nr-1", reporting(Action.LOST, "nr-1")),
        ("nr-2", telling(Status.COMPLETED_WITHOUT_RETURN, "nr-2")),
    ):
        await taken(house, asking(number))
        await taken(house, telling(Status.LOANED, number))
        await taken(house, reporting(Action.RECEIVED, number))
        await taken(house, message)
    assert [loan["status"] for loan in await loans(house)] == ["CompletedWithoutReturn"] * 2


async def test_it_is_found_by_our_own_id_as_well(house: House) -> None:
    loan = await house.asked()
    for given in (loan, loan.upper(), f"{loan}-1"):
        await taken(house, telling(Status.WILL_SUPPLY, given))
    await taken(
        house, telling(Status.LOANED, "what it is called there", header=header("?", supplying_agency_request_id=loan))
    )
    assert (await house.look(loan))["status"] == "Loaned"  # fmt: skip


# --- cancelling -------------------------------------------------------------------------------------------------


async def test_what_people_have_is_cancelled_at_once(house: House) -> None:
    await taken(house, asking())
    await taken(house, reporting(Action.CANCEL))
    assert (await loans(house))[0]["status"] == "Cancelled"
    await taken(house, reporting(Action.CANCEL))


@pytest.fixture
async def asked_of_a_system(house: House, filled: str) -> AsyncIterator[str]:
    """A loan request that a system has, whose cancelling waits for an answer."""
    address = FakeSystem.put("iso18626", Desk())
    await run_sql(
        filled,
        "insert into system (id, kind, addresses)"
        f" values ('owner', 'fake', jsonb_build_object('desk', '{address}')) on conflict do nothing;"
        " update location set system = 'owner' where id = 'branch'; update epoch set number = number + 1",
    )
    await taken(house, asking())
    loan = await only(house)
    assert (await post(house, write(reporting(Action.CANCEL)))).status_code == 200
    assert (await house.look(loan))["requesting"] == "cancelling"
    yield loan
    await run_sql(
        filled, "update location set system = null where id = 'branch'; update epoch set number = number + 1"
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (telling(Status.CANCELLED, reason=Reason.CANCEL_RESPONSE, yes=True), "Cancelled"),
        (telling(Status.CANCELLED), "Cancelled"),
        (telling(Status.WILL_SUPPLY, reason=Reason.CANCEL_RESPONSE, yes=False), "RequestReceived"),
    ],
)
async def test_what_waits_for_an_answer_gets_it(
    house: House, asked_of_a_system: str, answer: Message, status: str
) -> None:
    confirmed = read_confirmation((await post(house, write(answer))).content)
    assert confirmed.status is MessageStatus.OK, confirmed
    assert (await house.look(asked_of_a_system))["status"] == status
    last = (await house.events(asked_of_a_system))[-1]
    assert (last["by"], last["event"]) == ("NL-2", "Withdrawn" if status == "Cancelled" else "CancelRefused")
    await taken(house, answer)


async def test_an_answer_that_nothing_waits_for_is_not_taken(house: House) -> None:
    await taken(house, asking())
    told = await refused(house, telling(Status.WILL_SUPPLY, reason=Reason.CANCEL_RESPONSE, yes=False))
    assert told == "UnrecognisedDataValue: answerYesNo: no cancelling waits for an answer"


# --- what is no message ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "type_"),
    [
        (b"", ErrorType.BADLY_FORMED),
        (b"<ISO18626Message", ErrorType.BADLY_FORMED),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', ErrorType.BADLY_FORMED),
        (write(asking()).replace(b"timestamp", b"stamp"), ErrorType.BADLY_FORMED),
        (write(reporting(Action.RENEW)).replace(b"Renew", b"Burn"), ErrorType.UNSUPPORTED_ACTION),
        (write(telling(Status.LOANED)).replace(b"StatusChange", b"Gossip"), ErrorType.UNSUPPORTED_REASON),
        (write(telling(Status.LOANED)).replace(b">Loaned<", b">Burnt<"), ErrorType.UNRECOGNISED_VALUE),
    ],
)
async def test_what_cannot_be_read_is_confirmed_as_an_error(house: House, document: bytes, type_: ErrorType) -> None:
    answer = await post(house, document)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    confirmation = read_confirmation(answer.content)
    assert (confirmation.status, confirmation.errors[0].type) == (MessageStatus.ERROR, type_)
    assert confirmation.received_at == MONDAY
    if FOLDER.exists():
        assert [faults(answer.content, name) for name in ISO18626.values()] == [[], []]


async def test_only_so_much_is_read_and_only_xml(house: House) -> None:
    answer = await post(house, b" " * (256 * 1024 + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    answer = await post(house, write(asking()), **{"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    answer = await post(house, write(asking()), **{"content-type": 'text/xml; charset="utf-8"'})
    assert read_confirmation(answer.content).status is MessageStatus.OK


async def test_a_reader_is_only_a_reference_and_in_one_place(
    house: House, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await taken(house, asking())
        assert await found(filled, READER) == {"loan_request.patron_reference"}
        await refused(house, asking("nr-2", bibliographic=volumes(), service=Service(type=ServiceType.COPY)))
        document = write(asking("nr-3")).replace(b"serviceType>Loan", b"serviceType>Sale")
        assert READER.encode() not in (await post(house, document)).content
        await taken(house, reporting(Action.CANCEL))
    assert await found(filled, READER) == set()
    assert READER not in caplog.text
