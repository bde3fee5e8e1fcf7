"""NCIP 2.02: what we send is valid, what comes back is read or told apart, and all eight do what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.contract import (
    AuthExpired,
    Duplicate,
    ItemStatus,
    Malformed,
    NotFound,
    NotOffered,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
    Verb,
)
from adapters.emulators.faults import Wrong
from adapters.emulators.ncip import Ncip
from adapters.emulators.serve import serving
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Limits
from adapters.protocols.ncip.client import NcipClient
from adapters.protocols.ncip.messages import (
    NAMESPACE,
    AcceptItem,
    Answer,
    CancelRequestItem,
    CheckInItem,
    CheckOutItem,
    DeleteItem,
    ItemNumber,
    LookupItem,
    LookupUser,
    Message,
    Parties,
    Problem,
    RecordNumber,
    Requested,
    RequestItem,
    name_of,
)
from adapters.protocols.ncip.reading import REFUSALS, fault_of, read, status_of
from adapters.protocols.ncip.writing import write
from tests.support.schemas import FOLDER, NCIP, faults

PARTIES = Parties(from_agency="NL-0100030000", to_agency="NL-0800070000")
WHOLE = replace(
    PARTIES,
    scheme="http://biblstandard.dk/isil",
    from_system="leenpad",
    to_system="ils",
    system_password="s3cret",
    agency_password="s3cret too",
    profile="ILL",
)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
USER, ISBN = "21234000123", "9789021400129"

# --- what is sent -----------------------------------------------------------------------------------

texts = st.text(max_size=30)
words = st.text("abc 0123é", min_size=1, max_size=30)
maybe = st.none() | words
moments = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.builds(ItemNumber, texts, maybe) | st.builds(RecordNumber, texts, maybe)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(LookupItem, item=texts),
    st.builds(LookupItem, request=texts, elements=st.just(())),
    st.builds(LookupUser, user=texts, requested=st.booleans(), loaned=st.booleans()),
    st.builds(
        RequestItem,
        user=texts,
        item=texts,
        titles=st.lists(numbers, max_size=3).map(tuple),
        request=maybe,
        pickup=maybe,
        need_before=moments,
    ),
    st.builds(RequestItem, user=texts, titles=st.lists(numbers, min_size=1, max_size=3).map(tuple), type=words),
    st.builds(CancelRequestItem, user=texts, request=texts, item=maybe),
    st.builds(CancelRequestItem, user=texts, item=texts),
    st.builds(
        AcceptItem, request=texts, user=maybe, item=maybe, due=moments, title=maybe, author=maybe, pickup=maybe
    ),
    st.builds(CheckOutItem, user=texts, item=texts, request=maybe, due=moments),
    st.builds(CheckInItem, texts),
    st.builds(DeleteItem, texts),
)


@given(messages, st.sampled_from([PARTIES, WHOLE]))
def test_what_is_sent_is_valid(message: Message, parties: Parties) -> None:
    assert faults(write(message, parties), NCIP) == []


def test_the_version_is_qualified() -> None:
    root = etree.fromstring(write(CheckInItem("1"), PARTIES))
    assert list(root.attrib) == [f"{{{NAMESPACE}}}version"]


def test_what_names_nothing_is_not_sent() -> None:
    for message in (
        LookupItem(),
        LookupItem(item="1", request="2"),
        RequestItem(user=USER),
        CancelRequestItem(user=USER),
    ):
        with pytest.raises(ValueError, match=r"name"):
            write(message, PARTIES)


def test_neither_users_nor_passwords_are_in_any_representation() -> None:
    told: list[Any] = [
        LookupUser(user=USER),
        RequestItem(user=USER, item="1"),
        CancelRequestItem(user=USER, item="1"),
        AcceptItem(request="1", user=USER),
        CheckOutItem(user=USER, item="1"),
        Answer(name="LookupUser", user=USER),
        Problem("Unknown User", detail=f"No {USER}", value=USER),
        replace(PARTIES, system_password=USER, agency_password=USER),
    ]
    assert USER not in repr(told)


# --- what comes back --------------------------------------------------------------------------------

ITEM = f"""<?xml version="1.0"?>
<ns1:NCIPMessage xmlns:ns1="{NAMESPACE}" ns1:version="2.02"><!-- as some toolkits write it -->
  <ns1:LookupItemResponse>
    <ns1:ResponseHeader><ns1:FromAgencyId><ns1:AgencyId>X</ns1:AgencyId></ns1:FromAgencyId>
      <ns1:ToAgencyId><ns1:AgencyId>Y</ns1:AgencyId></ns1:ToAgencyId></ns1:ResponseHeader>
    <ns1:ItemId><ns1:ItemIdentifierType>Barcode</ns1:ItemIdentifierType>
      <ns1:ItemIdentifierValue> 3000001 </ns1:ItemIdentifierValue></ns1:ItemId>
    <ns1:ItemOptionalFields>
      <ns1:BibliographicDescription><ns1:Author>Multatuli</ns1:Author><ns1:Title>Max Havelaar</ns1:Title>
      </ns1:BibliographicDescription>
      <ns1:ItemUseRestrictionType ns1:Scheme="urn:x">In Library Use Only</ns1:ItemUseRestrictionType>
      <ns1:CirculationStatus ns1:Scheme="http://www.niso.org/ncip/v1_0/schemes/circulationstatus/circulationstatus.scm"
        >In Transit Between Library Locations</ns1:CirculationStatus>
      <ns1:HoldQueueLength>2</ns1:HoldQueueLength>
      <ns1:ItemDescription><ns1:CallNumber>MULT</ns1:CallNumber></ns1:ItemDescription>
      <ns1:Location><ns1:LocationType>Permanent Location</ns1:LocationType><ns1:LocationName>
        <ns1:LocationNameInstance><ns1:LocationNameLevel>1</ns1:LocationNameLevel>
          <ns1:LocationNameValue>Library</ns1:LocationNameValue></ns1:LocationNameInstance>
        <ns1:LocationNameInstance><ns1:LocationNameLevel>2</ns1:LocationNameLevel>
          <ns1:LocationNameValue>Branch</ns1:LocationNameValue></ns1:LocationNameInstance>
      </ns1:LocationName></ns1:Location>
      <ns1:DateDue>2026-12-01T23:59:59+0100</ns1:DateDue>
    </ns1:ItemOptionalFields>
    <ns1:Ext><whatever/></ns1:Ext>
  </ns1:LookupItemResponse>
</ns1:NCIPMessage>
"""


def response(inner: str) -> bytes:
    return f'<NCIPMessage xmlns="{NAMESPACE}">{inner}</NCIPMessage>'.encode()


def problem(type_: str) -> str:
    return f"<Problem><ProblemType>{type_}</ProblemType><ProblemValue>{USER}</ProblemValue></Problem>"


def test_an_item_is_read_whole() -> None:
    assert read(ITEM.encode(), LookupItem(item="3000001")) == Answer(
        name="LookupItem",
        item="3000001",
        due=datetime(2026, 12, 1, 22, 59, 59, tzinfo=UTC),
        status=ItemStatus.IN_TRANSIT,
        restrictions=("In Library Use Only",),
        queue=2,
        title="Max Havelaar",
        author="Multatuli",
        call_number="MULT",
        location="Branch",
    )


@pytest.mark.parametrize(
    ("words_", "status"),
    [
        ("Available On Shelf", ItemStatus.AVAILABLE),
        ("available for pickup", ItemStatus.HELD),
        ("On Loan", ItemStatus.ON_LOAN),
        ("Waiting To Be Reshelved", ItemStatus.IN_PROCESS),
        ("Claimed Returned Or Never Borrowed", ItemStatus.MISSING),
        ("Not Available", ItemStatus.UNKNOWN),
        ("Being eaten by the dog", ItemStatus.UNKNOWN),
    ],
)
def test_every_status_is_one_of_ours(words_: str, status: ItemStatus) -> None:
    assert status_of(words_) is status


@pytest.mark.parametrize(
    ("type_", "fault", "said"),
    [
        ("Unknown Item", NotFound, "RequestItem: Unknown Item"),
        ("Unknown Request", NotFound, "RequestItem: Unknown Request"),
        ("Unknown User", AuthExpired, "RequestItem: Unknown User"),
        ("System Authentication Failed", AuthExpired, "RequestItem: System Authentication Failed"),
        ("Unsupported Service", NotOffered, "RequestItem: Unsupported Service"),
        ("Temporary Processing Failure", Unavailable, "RequestItem: Temporary Processing Failure"),
        ("Duplicate Request", Duplicate, "RequestItem: Duplicate Request"),
        ("Item Does Not Circulate", Refused, "RequestItem: Item Does Not Circulate"),
        ("Missing Version", Refused, "RequestItem: Missing Version"),
        (f"User {USER} is not nice", Refused, "RequestItem: a problem of the system's own"),
    ],
)
def test_a_problem_is_the_right_fault_and_names_nobody(type_: str, fault: type[SystemFault], said: str) -> None:
    message = RequestItem(user=USER, item="1")
    for document in (
        response(f"<RequestItemResponse>{problem(type_)}</RequestItemResponse>"),
        response(problem(type_)),
        response(f"<RequestItemResponse>{problem('Odd')}{problem(type_)}</RequestItemResponse>"),
    ):
        raised = fault_of(read(document, message).problems, message)
        assert (type(raised), str(raised)) == (fault, said)


def test_a_refusal_bears_a_reason_of_iso_18626() -> None:
    for type_, reason in REFUSALS.items():
        raised = fault_of([Problem(type_)], CheckInItem("1"))
        assert isinstance(raised, Refused)
        assert raised.reason == reason


def test_a_user_who_is_looked_up_may_not_be_there() -> None:
    assert type(fault_of([Problem("Unknown User")], LookupUser(user=USER))) is NotFound


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        response(""),
        response("<LookupItemResponse/>"),
        response(
            "<CheckInItemResponse><ItemId><ItemIdentifierValue>1</ItemIdentifierValue></ItemId></CheckInItemResponse>"
        ),
        b"<NCIPMessage><LookupItemResponse><ItemId/></LookupItemResponse></NCIPMessage>",  # of no namespace
        ITEM.replace("2026-12-01T23:59:59+0100", "soon").encode(),
    ],
)
def test_what_is_no_answer_is_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        read(document, LookupItem(item="1"))


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        read(document, LookupItem(item="1"))


@given(st.data())
def test_an_answer_that_is_damaged_anywhere_is_read_or_malformed(data: st.DataObject) -> None:
    document = bytearray(ITEM.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    try:
        answer = read(bytes(document), LookupItem(item="1"))
    except Malformed:
        return
    assert answer.name == "LookupItem"


# --- against the emulator, over a socket --------------------------------------------------------------


@pytest.fixture
def emulator() -> Ncip:
    stock = Stock(clock=lambda: NOW)
    stock.patrons.update({USER: "", "other": ""})
    stock.add(
        Work(
            number="m1",
            title="Max Havelaar",
            author="Multatuli",
            isbns=(ISBN,),
            shelfmark="MULT",
            copies=[
                Copy(barcode="3000001", branch="Centrale"),
                Copy(barcode="3000002", branch="Zuid", loanable=False),
            ],
        )
    )
    return Ncip(stock, password="s3cret")


@pytest.fixture
async def client(emulator: Ncip) -> AsyncIterator[NcipClient]:
    async with serving(emulator) as installation:
        parties = replace(PARTIES, from_system="leenpad", system_password=installation.secrets["system_password"])
        opened = NcipClient(
            installation.addresses["ncip"], system="ncip", limits=Limits(deadline_seconds=0.5), parties=parties
        )
        yield opened
        await opened.close()


async def test_an_item_is_looked_up(client: NcipClient) -> None:
    answer = await client.ask(LookupItem(item="3000002"))
    assert answer == Answer(
        name="LookupItem",
        item="3000002",
        status=ItemStatus.AVAILABLE,
        restrictions=("In Library Use Only",),
        queue=0,
        title="Max Havelaar",
        author="Multatuli",
        call_number="MULT",
        location="Zuid",
    )
    with pytest.raises(NotFound):
        await client.ask(LookupItem(item="404"))


async def test_what_is_requested_is_kept_and_let_go(client: NcipClient, emulator: Ncip) -> None:
    wanted = RequestItem(user=USER, titles=(ItemNumber(ISBN, "ISBN"),), request="lr-1", pickup="Centrale")
    answer = await client.ask(wanted)
    assert (answer.request, answer.item, answer.user) == ("lr-1", "3000001", USER)
    assert (await client.ask(LookupItem(request="lr-1"))).status is ItemStatus.HELD
    with pytest.raises(Duplicate):
        await client.ask(wanted)
    with pytest.raises(Refused) as refused:  # the other copy does not leave the house
        await client.ask(replace(wanted, request="lr-2"))
    assert refused.value.reason == "NotOnShelf"
    held = await client.ask(LookupUser(user=USER, requested=True))
    assert held.requested == (Requested(request="lr-1", item="3000001", status="In Process"),)
    assert (await client.ask(CancelRequestItem(user=USER, request="lr-1"))).request == "lr-1"
    assert emulator.stock.live() == []
    assert (await client.ask(LookupItem(item="3000001"))).status is ItemStatus.AVAILABLE
    with pytest.raises(NotFound):
        await client.ask(CancelRequestItem(user=USER, request="lr-9"))


async def test_it_is_lent_and_comes_back(client: NcipClient) -> None:
    await client.ask(RequestItem(user=USER, titles=(RecordNumber("m1"),), request="lr-1"))
    for _ in range(2):  # booking it twice is booking it once
        lent = await client.ask(CheckOutItem(user=USER, item="3000001", request="lr-1"))
        assert lent.due == datetime(2026, 12, 14, 23, 59, 59, tzinfo=UTC)
    assert (await client.ask(LookupUser(user=USER, loaned=True))).loaned == ("3000001",)
    assert (await client.ask(LookupItem(item="3000001"))).due == lent.due
    with pytest.raises(Refused):  # on its way
        await client.ask(CancelRequestItem(user=USER, request="lr-1"))
    with pytest.raises(Refused):
        await client.ask(CheckOutItem(user="other", item="3000001"))
    assert (await client.ask(CheckInItem("3000001"))).item == "3000001"
    with pytest.raises(Refused, match="Item Not Checked Out"):
        await client.ask(CheckInItem("3000001"))


async def test_an_item_from_elsewhere_is_made_known_lent_and_forgotten(client: NcipClient) -> None:
    accepted = AcceptItem(request="lr-1", user=USER, item="X1", title="Max Havelaar", author="Multatuli", due=NOW)
    assert (await client.ask(accepted)).item == "X1"
    with pytest.raises(Duplicate):
        await client.ask(accepted)
    known = await client.ask(LookupItem(item="X1"))
    assert (known.status, known.title) == (ItemStatus.HELD, "Max Havelaar")
    await client.ask(CheckOutItem(user=USER, item="X1"))
    await client.ask(CheckInItem("X1"))
    assert (await client.ask(DeleteItem("X1"))).item == "X1"
    with pytest.raises(NotFound):
        await client.ask(LookupItem(item="X1"))
    with pytest.raises(Refused):  # it is the library's own
        await client.ask(DeleteItem("3000001"))


async def test_whoever_is_not_known_is_not_let_in(client: NcipClient, emulator: Ncip) -> None:
    emulator.password = "another"
    with pytest.raises(AuthExpired):
        await client.ask(CheckInItem("3000001"))


async def test_a_version_that_is_not_qualified_is_missing(emulator: Ncip) -> None:
    document = write(CheckInItem("3000001"), PARTIES).replace(b"ncip:version", b"version")
    async with serving(emulator) as installation, httpx.AsyncClient() as http:
        answer = await http.post(installation.addresses["ncip"], content=document)
    assert read(answer.content, CheckInItem("3000001")).problems[0].type == "Missing Version"


async def test_what_the_emulator_answers_is_valid(emulator: Ncip) -> None:
    if not FOLDER.exists():
        pytest.skip(f"{FOLDER} is not there")
    told: list[Message] = [
        LookupItem(item="3000001"),
        RequestItem(user=USER, item="3000001", request="r"),
        LookupItem(request="r"),
        LookupUser(user=USER, requested=True, loaned=True),
        RequestItem(user=USER, item="404"),
        RequestItem(user=USER, item="3000002"),
        CheckOutItem(user=USER, item="3000001"),
        LookupUser(user=USER, requested=True, loaned=True),
        CancelRequestItem(user=USER, request="r"),
        CheckInItem("3000001"),
        AcceptItem(request="a", user=USER),
        DeleteItem("ILL-a"),
    ]
    emulator.password = None
    async with serving(emulator) as installation, httpx.AsyncClient() as http:
        for document in [*(write(message, PARTIES) for message in told), b"<no>"]:
            answer = await http.post(installation.addresses["ncip"], content=document)
            assert faults(answer.content, NCIP) == [], answer.text


EACH: list[tuple[Message, Verb]] = [
    (LookupItem(item="3000001"), Verb.AVAILABILITY),
    (LookupUser(user=USER), Verb.FIND),
    (RequestItem(user=USER, item="3000001", request="r"), Verb.PLACE),
    (CancelRequestItem(user=USER, request="r"), Verb.CANCEL),
    (AcceptItem(request="a", item="X1"), Verb.ACCEPT_ITEM),
    (CheckOutItem(user=USER, item="3000001"), Verb.CHECK_OUT),
    (CheckInItem("3000001"), Verb.CHECK_IN),
    (DeleteItem("3000001"), Verb.CHECK_IN),
]


@pytest.mark.parametrize(("message", "verb"), EACH, ids=[name_of(message) for message, _ in EACH])
@pytest.mark.parametrize(
    ("wrong", "writing", "reading"),
    [
        (Wrong.REFUSED, Refused, Refused),
        (Wrong.HUNG, OutcomeUnknown, Unavailable),
        (Wrong.CUT, OutcomeUnknown, Unavailable),
        (Wrong.UNHEARD, OutcomeUnknown, Unavailable),
        (Wrong.BROKEN, OutcomeUnknown, Unavailable),
        (Wrong.MALFORMED, OutcomeUnknown, Malformed),
        (Wrong.EXPIRED, AuthExpired, AuthExpired),
        (Wrong.TOO_MANY, RateLimited, RateLimited),
    ],
)
async def test_what_goes_wrong_is_told_by_what_may_have_been_done(
    client: NcipClient,
    emulator: Ncip,
    message: Message,
    verb: Verb,
    wrong: Wrong,
    writing: type[SystemFault],
    reading: type[SystemFault],
) -> None:
    emulator.faults.plan(wrong, verb)
    expected = reading if isinstance(message, LookupItem | LookupUser) else writing
    async with asyncio.timeout(2):
        with pytest.raises(expected) as caught:
            await client.ask(message)
    assert type(caught.value) is expected
    assert USER not in str(caught.value)


async def test_a_slow_answer_is_an_answer(client: NcipClient, emulator: Ncip) -> None:
    emulator.faults.plan(Wrong.SLOW, Verb.AVAILABILITY, seconds=0.2)
    assert (await client.ask(LookupItem(item="3000001"))).item == "3000001"
