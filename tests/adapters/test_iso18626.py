"""ISO 18626: what we write is valid and reads as it was, what others write is read or told apart, and is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import (
    AuthExpired,
    Malformed,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.emulators.faults import Faults, FaultyHttp, Wrong
from adapters.emulators.serve import Sip2Listener, serving
from adapters.emulators.stock import Stock
from adapters.installation import Installation, Limits
from adapters.protocols.iso18626.client import Iso18626Client
from adapters.protocols.iso18626.messages import (
    NEW_IN_2021,
    Action,
    AgencyId,
    Bibliographic,
    Confirmation,
    Costs,
    Delivery,
    ElectronicAddress,
    ErrorData,
    ErrorType,
    Header,
    Identifier,
    Kind,
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
    Supplier,
    SupplyingAgencyMessage,
    Version,
    confirmation_of,
)
from adapters.protocols.iso18626.reading import Unreadable, read_confirmation, read_message, read_moment
from adapters.protocols.iso18626.writing import write
from tests.support.schemas import ISO18626, faults

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HEADER = Header(
    requesting_agency=AgencyId("NL-0800070000"),
    supplying_agency=AgencyId("NL-0100030000"),
    timestamp=NOW,
    requesting_agency_request_id="2026-000417",
)
ASKED = Request(
    header=HEADER,
    bibliographic=Bibliographic(title="Max Havelaar", items=(Identifier("ISBN", "9789021400129"),)),
    service=Service(level="Core"),
    patron_id="7f3a9c",
)
RETURNED = RequestingAgencyMessage(header=HEADER, action=Action.SHIPPED_RETURN)
LOOKED = RequestingAgencyMessage(header=HEADER, action=Action.STATUS_REQUEST)

# --- round trips ----------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1).filter(
    lambda text: text.strip() == text and not {"￾", "￿"} & set(text)
)
maybe = st.none() | texts
moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
agencies = st.builds(AgencyId, texts, texts)
identifiers = st.lists(st.builds(Identifier, texts, texts), max_size=3).map(tuple)
addresses = st.builds(ElectronicAddress, type=texts, data=texts) | st.builds(
    PhysicalAddress, line1=maybe, line2=maybe, locality=maybe, postal_code=maybe, country=maybe
)
headers = st.builds(
    Header,
    requesting_agency=agencies,
    supplying_agency=agencies,
    timestamp=moments,
    requesting_agency_request_id=texts,
)
answered = st.builds(replace, headers, supplying_agency_request_id=maybe)
requests = st.builds(
    Request,
    header=st.builds(replace, headers, multiple_item_request_id=maybe),
    bibliographic=st.builds(
        Bibliographic,
        supplier_record=maybe,
        title=maybe,
        author=maybe,
        edition=maybe,
        volume=maybe,
        items=identifiers,
        records=identifiers,
    ),
    service=st.builds(
        Service,
        type=st.sampled_from(ServiceType),
        request_type=st.none() | st.sampled_from(RequestType),
        previous=maybe,
        level=maybe,
        need_before=st.none() | moments,
        note=maybe,
    ),
    suppliers=st.lists(st.builds(Supplier, agency=agencies, call_number=maybe), max_size=3).map(tuple),
    deliver_to=st.lists(addresses, max_size=3).map(tuple),
    patron_id=maybe,
    maximum_costs=st.none() | st.builds(Costs, st.decimals(0, 10**6, places=2), texts),
)
supplying = st.builds(
    SupplyingAgencyMessage,
    header=answered,
    reason=st.sampled_from(Reason),
    status=st.sampled_from(Status),
    last_change=moments,
    yes=st.none() | st.booleans(),
    note=maybe,
    reason_unfilled=maybe,
    reason_retry=maybe,
    retry_after=st.none() | moments,
    expected_at=st.none() | moments,
    due_at=st.none() | moments,
    delivery=st.none() | st.builds(Delivery, sent_at=moments, item=maybe, method=maybe),
)
requesting = st.builds(RequestingAgencyMessage, header=answered, action=st.sampled_from(Action), note=maybe)
confirmations = st.builds(
    Confirmation,
    kind=st.sampled_from(Kind),
    timestamp=moments,
    received_at=moments,
    errors=st.lists(st.builds(ErrorData, st.sampled_from(ErrorType), maybe), max_size=1).map(tuple),
    status=st.sampled_from(MessageStatus),
    requesting_agency=st.none() | agencies,
    supplying_agency=st.none() | agencies,
    requesting_agency_request_id=maybe,
)
versions = st.sampled_from(Version)


def is_new(message: Message) -> bool:
    return getattr(message, "action", None) in NEW_IN_2021 or getattr(message, "status", None) in NEW_IN_2021


@given(requests | supplying | requesting, versions)
def test_what_is_written_reads_as_it_was(message: Message, version: Version) -> None:
    if version is Version.V1_2 and is_new(message):
        with pytest.raises(ValueError, match="came with 2021"):
            write(message, version)
        return
    received = read_message(write(message, version))
    assert (received.message, received.version) == (message, version)


@given(confirmations, versions)
def test_a_confirmation_reads_as_it_was(confirmation: Confirmation, version: Version) -> None:
    assert read_confirmation(write(confirmation, version)) == confirmation


@given(supplying | requesting, versions)
def test_what_is_repeated_of_a_message_is_in_its_confirmation(message: Message, version: Version) -> None:
    if version is Version.V2021_2 or not is_new(message):
        confirmation = confirmation_of(message, received_at=NOW)
        assert read_confirmation(write(confirmation, version)) == confirmation


@given(requests | supplying | requesting, versions)
def test_what_is_written_is_valid(message: Message, version: Version) -> None:
    if version is Version.V2021_2 or not is_new(message):
        confirmation = confirmation_of(message, received_at=NOW)
        for document in (write(message, version), write(confirmation, version)):
            assert faults(document, ISO18626[version]) == []


@given(confirmations, versions)
def test_a_confirmation_is_valid_in_both_versions(confirmation: Confirmation, version: Version) -> None:
    for name in ISO18626.values():
        assert faults(write(confirmation, version), name) == []


def test_a_request_of_2021_may_leave_out_who_supplies_and_how() -> None:
    nobody = Request(header=replace(HEADER, supplying_agency=None), bibliographic=Bibliographic(title="Max Havelaar"))
    document = write(nobody, Version.V2021_2)
    assert faults(document, ISO18626["2021-2"]) == []
    assert read_message(document).message == replace(nobody, service=Service())
    with pytest.raises(ValueError, match="no supplying agency"):
        write(nobody, Version.V1_2)


def test_what_no_xml_can_hold_is_left_out() -> None:
    document = write(replace(RETURNED, note="a\0b\x0bc￿d"))
    assert read_message(document).message == replace(RETURNED, note="abcd")


def test_a_patron_reference_is_in_no_representation() -> None:
    assert "7f3a9c" not in repr(ASKED)


# --- reading what others write ----------------------------------------------------------------------

# Order, prefixes and extras as brokers in the field have them: https://illtransactions.org/schemas is the namespace.
OTHERS = """<?xml version="1.0" encoding="utf-8"?>
<!-- no two write alike -->
<ISO18626Message xmlns="http://illtransactions.org/2013/iso18626" xmlns:ill="http://illtransactions.org/2013/iso18626"
    xmlns:x="urn:somebody's" ill:version="1.2">
  <request>
    <header>
      <supplyingAgencyId><agencyIdType>ISIL</agencyIdType><agencyIdValue>NL-2</agencyIdValue></supplyingAgencyId>
      <requestingAgencyId>
        <agencyIdType ill:scheme="urn:types">ISIL</agencyIdType><agencyIdValue> NL-1 </agencyIdValue>
      </requestingAgencyId>
      <multipleItemRequestId></multipleItemRequestId>
      <timestamp>2026-11-23T10:00:00.123+0100</timestamp>
      <requestingAgencyRequestId>nr-1</requestingAgencyRequestId>
      <x:hop>3</x:hop>
      <requestingAgencyAuthentication><securityCode>s3cret</securityCode></requestingAgencyAuthentication>
    </header>
    <bibliographicInfo>
      <title>Max<!-- and --> Havelaar</title>
      <bibliographicItemId>
        <bibliographicItemIdentifierCode>ISBN</bibliographicItemIdentifierCode>
        <bibliographicItemIdentifier>90-214-0012-X</bibliographicItemIdentifier>
      </bibliographicItemId>
      <bibliographicRecordId>
        <bibliographicRecordIdentifierCode>PPN</bibliographicRecordIdentifierCode>
        <bibliographicRecordIdentifier>398765432</bibliographicRecordIdentifier>
      </bibliographicRecordId>
      <somethingNew>1</somethingNew>
    </bibliographicInfo>
    <serviceInfo><serviceType>Loan</serviceType><serviceLevel>Core</serviceLevel></serviceInfo>
    <requestedDeliveryInfo><sortOrder>2</sortOrder><address><physicalAddress><line1>Desk</line1></physicalAddress>
    </address></requestedDeliveryInfo>
    <requestedDeliveryInfo><sortOrder>1</sortOrder><address><electronicAddress>
      <electronicAddressType>ISIL</electronicAddressType><electronicAddressData>desk</electronicAddressData>
    </electronicAddress></address></requestedDeliveryInfo>
    <patronInfo><patronId>7f3a9c</patronId><surname>Multatuli</surname></patronInfo>
    <billingInfo><maximumCosts><currencyCode>EUR</currencyCode><monetaryValue>12.50</monetaryValue></maximumCosts>
    </billingInfo>
  </request>
</ISO18626Message>
"""


def test_what_others_write_is_read() -> None:
    received = read_message(OTHERS.encode())
    assert received.version is Version.V1_2
    assert received.message == Request(
        header=Header(
            requesting_agency=AgencyId("NL-1"),
            supplying_agency=AgencyId("NL-2"),
            timestamp=datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC),
            requesting_agency_request_id="nr-1",
        ),
        bibliographic=Bibliographic(
            title="Max Havelaar",
            items=(Identifier("ISBN", "90-214-0012-X"),),
            records=(Identifier("PPN", "398765432"),),
        ),
        service=Service(level="Core"),
        deliver_to=(ElectronicAddress(type="ISIL", data="desk"), PhysicalAddress(line1="Desk")),
        patron_id="7f3a9c",
        maximum_costs=Costs(Decimal("12.50")),
    )


@pytest.mark.parametrize(
    ("said", "version"),
    [("1.0", "1.2"), ("1.2", "1.2"), ("1.3", "2021-2"), ("2021-1", "2021-2"), ("2021-2", "2021-2"), ("", "1.2")],
)
def test_each_is_answered_in_its_version(said: str, version: str) -> None:
    assert read_message(OTHERS.replace('ill:version="1.2"', f'ill:version="{said}"').encode()).version == version


def test_what_came_with_2021_is_answered_in_that_version() -> None:
    document = write(replace(RETURNED, action=Action.LOST)).replace(b'"2021-2"', b'"1.2"')
    assert read_message(document).version is Version.V2021_2


def test_a_version_that_is_not_qualified_is_read_too() -> None:
    document = OTHERS.replace('ill:version="1.2"', 'version="2021-2"').encode()
    assert read_message(document).version is Version.V2021_2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T10:00:00+0100", NOW),
        ("2026-11-23T10:00:00+01:00", NOW),
        ("2026-11-23T09:00:00+0000", NOW),
        ("2026-11-23T09:00:00Z", NOW),
        ("2026-11-23T09:00:00", NOW),
        ("2026-11-23T09:00:00.1234567Z", NOW + timedelta(microseconds=123456)),
        ("2026-11-23T09:00:00.5-00:00", NOW + timedelta(milliseconds=500)),
    ],
)
def test_moments_are_read_as_they_are_written(text: str, moment: datetime) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "20261123T090000Z",
        "2026-11-23 09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-11-23T09:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "١٢٣٤-11-23T09:00:00Z",
    ],
)
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_moment(text)


@pytest.mark.parametrize(
    ("what", "becomes", "type_", "value"),
    [
        ("<timestamp>2026-11-23T10:00:00.123+0100</timestamp>", "", "BadlyFormedMessage", "timestamp is missing"),
        ("2026-11-23T10:00:00.123+0100", "yesterday", "UnrecognisedDataValue", "timestamp is no dateTime"),
        ("nr-1", " ", "BadlyFormedMessage", "requestingAgencyRequestId is missing"),
        (">Loan<", ">Sale<", "UnrecognisedDataValue", "serviceType is none of Copy, Loan, CopyOrLoan"),
        ("12.50", "1e999", "UnrecognisedDataValue", "monetaryValue is no amount of money"),
        ("12.50", "much", "UnrecognisedDataValue", "monetaryValue is no number"),
    ],
)
def test_what_cannot_be_taken_is_told_with_whose_it_was(what: str, becomes: str, type_: str, value: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_message(OTHERS.replace(what, becomes).encode())
    confirmation = caught.value.confirmation(received_at=NOW)
    assert confirmation.errors == (ErrorData(ErrorType(type_), value),)
    assert (confirmation.kind, confirmation.status) == (Kind.REQUEST, MessageStatus.ERROR)
    assert confirmation.requesting_agency == AgencyId("NL-1")
    assert confirmation.requesting_agency_request_id == (None if becomes == " " else "nr-1")
    for name in ISO18626.values():
        assert faults(write(confirmation, Version.V1_2), name) == []


def test_actions_and_reasons_that_do_not_exist_have_errors_of_their_own() -> None:
    with pytest.raises(Unreadable) as caught:
        read_message(write(RETURNED).replace(b"ShippedReturn", b"Burn"))
    assert caught.value.error.type is ErrorType.UNSUPPORTED_ACTION
    told = SupplyingAgencyMessage(header=HEADER, reason=Reason.STATUS_CHANGE, status=Status.LOANED, last_change=NOW)
    with pytest.raises(Unreadable) as caught:
        read_message(write(told).replace(b"StatusChange", b"Gossip"))
    assert (caught.value.error.type, caught.value.kind) == (ErrorType.UNSUPPORTED_REASON, Kind.SUPPLYING)
    with pytest.raises(Unreadable) as caught:
        read_message(write(told).replace(b">Loaned<", b">Burnt<"))
    assert caught.value.error.type is ErrorType.UNRECOGNISED_VALUE


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not XML",
        b"<html/>",
        b'<ISO18626Message version="1.2"><request/></ISO18626Message>',  # of no namespace
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>',
        b"<a>" * 300 + b"</a>" * 300,
        b"<a>" + b" " * 2**20 + b"</a>",
    ],
)
def test_what_is_no_message_at_all_is_badly_formed(document: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_message(document)
    assert caught.value.error.type is ErrorType.BADLY_FORMED
    confirmation = caught.value.confirmation(received_at=NOW)
    assert (confirmation.kind, confirmation.timestamp) == (Kind.REQUEST, NOW)
    for name in ISO18626.values():
        assert faults(write(confirmation, Version.V1_2), name) == []


def test_a_confirmation_is_no_message_and_a_message_no_confirmation() -> None:
    with pytest.raises(Unreadable) as caught:
        read_message(write(confirmation_of(ASKED, received_at=NOW)))
    assert caught.value.error.type is ErrorType.UNRECOGNISED_ELEMENT
    with pytest.raises(Malformed):
        read_confirmation(write(ASKED))


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_unreadable(document: bytes) -> None:
    with pytest.raises(Unreadable):
        read_message(document)
    with pytest.raises(Malformed):
        read_confirmation(document)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_message_that_is_damaged_anywhere_is_read_or_unreadable(data: st.DataObject) -> None:
    document = bytearray(OTHERS.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    try:
        message = read_message(bytes(document)).message
    except Unreadable as unreadable:
        write(unreadable.confirmation(received_at=NOW), unreadable.version)
    else:
        assert isinstance(message, Request)


# --- the client -------------------------------------------------------------------------------------


class Peer:
    """An agency that takes messages; it answers with `says`, or confirms."""

    kind = "iso18626"
    sip2: Sip2Listener | None = None

    def __init__(self) -> None:
        self.stock, self.faults = Stock(), Faults()
        self.heard: list[Message] = []
        self.types: list[str] = []
        self.says: bytes | None = None
        routes = [Route("/ill/in", self.take, methods=["POST"])]
        self.app: ASGIApp | None = FaultyHttp(Starlette(routes=routes), self.faults, lambda _: None)

    async def take(self, request: HttpRequest) -> Response:
        message = read_message(await request.body()).message
        self.heard.append(message)
        self.types.append(request.headers["content-type"])
        errors = (ErrorData(ErrorType.BADLY_FORMED, "7f3a9c"),) if request.scope.get("refuse") else ()
        document = write(confirmation_of(message, received_at=NOW, errors=errors)) if self.says is None else self.says
        return Response(document, media_type="application/xml")

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        return Installation(system="peer", addresses={"iso18626": addresses["http"] + "/ill/in"})


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[Iso18626Client]:
    async with serving(peer) as installation:
        opened = Iso18626Client(
            installation.addresses["iso18626"], system="peer", limits=Limits(deadline_seconds=0.5)
        )
        yield opened
        await opened.close()


async def test_a_message_is_sent_and_confirmed(peer: Peer, client: Iso18626Client) -> None:
    for message in (ASKED, RETURNED, LOOKED):
        confirmation = await client.send(message)
        assert (confirmation.status, confirmation.timestamp) == (MessageStatus.OK, NOW)
    assert peer.heard == [ASKED, RETURNED, LOOKED]
    assert set(peer.types) == {"application/xml; charset=utf-8"}


async def test_an_error_is_a_refusal_that_repeats_nothing(peer: Peer, client: Iso18626Client) -> None:
    peer.faults.plan(Wrong.REFUSED)
    with pytest.raises(Refused) as caught:
        await client.send(ASKED)
    assert "BadlyFormedMessage" in str(caught.value)
    assert "7f3a9c" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "writing", "reading"),
    [
        (Wrong.HUNG, OutcomeUnknown, Unavailable),
        (Wrong.UNHEARD, OutcomeUnknown, Unavailable),
        (Wrong.CUT, OutcomeUnknown, Unavailable),
        (Wrong.BROKEN, OutcomeUnknown, Unavailable),
        (Wrong.MALFORMED, OutcomeUnknown, Malformed),
        (Wrong.EXPIRED, AuthExpired, AuthExpired),
        (Wrong.TOO_MANY, RateLimited, RateLimited),
    ],
)
async def test_what_goes_wrong_is_told_by_what_may_have_been_done(
    peer: Peer, client: Iso18626Client, wrong: Wrong, writing: type[SystemFault], reading: type[SystemFault]
) -> None:
    for message, expected in ((ASKED, writing), (RETURNED, writing), (LOOKED, reading)):
        peer.faults.plan(wrong)
        async with asyncio.timeout(2):
            with pytest.raises(expected) as caught:
                await client.send(message)
        assert type(caught.value) is expected


@pytest.mark.parametrize(
    "other",
    [
        RETURNED,
        replace(ASKED, header=replace(HEADER, requesting_agency_request_id="another")),
    ],
)
async def test_another_messages_confirmation_confirms_nothing(
    peer: Peer, client: Iso18626Client, other: Message
) -> None:
    peer.says = write(confirmation_of(other, received_at=NOW))
    with pytest.raises(OutcomeUnknown):
        await client.send(ASKED)


async def test_what_never_left_was_not_done() -> None:
    client = Iso18626Client("http://127.0.0.1:1/ill", system="peer", limits=Limits(deadline_seconds=0.5))
    with pytest.raises(Unavailable):
        await client.send(ASKED)
    await client.close()


def test_moments_are_written_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=1)))
    document = write(replace(RETURNED, header=replace(HEADER, timestamp=there)))
    assert b"<ill:timestamp>2026-11-23T09:00:00Z</ill:timestamp>" in document
