"""The words of Wise, from recordings that were written by hand after its public descriptions."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Answer, Deleted, Held, ItemStatus, Malformed, Record
from adapters.wise import translate
from adapters.wise.holdings import BadRow, read_row
from adapters.wise.key import key_days, wise_key

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BRANCHES = {"6491": "NL-0800990001", "6492": "NL-0800990002"}

SEARCH = {
    "objects": [
        {
            "fields": {
                "id": {"content": {"value": 218065}},
                "titel": {"content": {"value": "De ontdekking van de hemel"}},
                "auteur": {"content": [{"value": "Mulisch, Harry"}]},
                "isbn": {"content": {"value": "90-234-6613-6"}},
            }
        },
        {
            "fields": {
                "id": {"content": [{"value": "218066"}]},
                "isbn": {
                    "content": [{"value": "9789023466130"}, {"value": "978 90 950 0000 3"}, {"value": "onbekend"}]
                },
                "ppn": {"content": {"value": "45000000X"}},
            }
        },
        {"fields": {"id": {"content": {"value": "218067"}}, "titel": {"content": {"value": "Zonder ISBN"}}}},
        {"fields": {"titel": {"content": {"value": "Een website"}}}},
    ],
    "paging": {"total": "23", "perpage": "10", "offset": "0"},
}


def test_titles_are_found_whether_their_values_are_one_or_several_numbers_or_strings() -> None:
    hits, total = translate.read_search(SEARCH, ppn_field="ppn")
    assert total == 23
    assert [(hit.number, sorted(hit.isbns), sorted(hit.ppns)) for hit in hits] == [
        ("218065", ["9789023466130"], []),
        ("218066", ["9789023466130", "9789095000003"], ["45000000X"]),
        ("218067", [], []),
    ]


@pytest.mark.parametrize(
    ("said", "isbn"),
    [
        ("9789095000003", "9789095000003"),
        ("978-90-950-0000-3", "9789095000003"),
        ("9789095000004", None),
        ("9023466137", None),
        ("9023466136", "9789023466130"),
        ("080442957X", "9780804429573"),
        ("0-8044-2957-x", "9780804429573"),
        ("9790345246805", "9790345246805"),
        ("1234567890128", None),
        ("٩٧٨٩٠٩٥٠٠٠٠٠٣", None),
        ("", None),
    ],
)
def test_an_isbn_is_one_only_if_its_check_digit_is_right(said: str, isbn: str | None) -> None:
    assert translate.isbn13(said) == isbn


ITEMS = [
    {
        "id": "30000001",
        "branchId": 6491,
        "branchName": "Centrum",
        "effectiveStatus": "ON_LOAN",
        "returnDate": "2026-03-09T00:00:00",
    },
    {"id": 30000002, "branchId": "6492", "branchName": "Noord", "effectiveStatus": "REFERENCE", "returnDate": None},
    {"id": "30000003", "branchId": "9999", "effectiveStatus": "EVAPORATED", "returnDate": "binnenkort"},
    {"id": "30000004", "branchId": "6491"},
]


def test_items_stand_where_and_how_wise_says() -> None:
    read = translate.read_items(ITEMS, "218065", branches=BRANCHES, observed_at=NOW)
    rows = [(s.item, s.branch, s.location, s.status.value, s.due, s.lendable, told) for s, told in read.values()]
    assert rows == [
        ("30000001", "6491", "NL-0800990001", "on_loan", date(2026, 3, 9), None, True),
        ("30000002", "6492", "NL-0800990002", "reference", None, False, True),
        ("30000003", "9999", None, "unknown", None, None, True),
        ("30000004", "6491", "NL-0800990001", "unknown", None, None, False),
    ]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("AVAILABLE", ItemStatus.AVAILABLE),
        ("available", ItemStatus.AVAILABLE),
        ("HOLD_ALLOWED", ItemStatus.REQUESTABLE),
        ("REFERENCE", ItemStatus.REFERENCE),
        ("ON_HOLD", ItemStatus.HELD),
        ("ON_LOAN", ItemStatus.ON_LOAN),
        ("ON_ORDER", ItemStatus.ON_ORDER),
        ("NOT_AVAILABLE", ItemStatus.UNKNOWN),
        ("MISSING", ItemStatus.MISSING),
        ("UNKNOWN", ItemStatus.UNKNOWN),
    ],
)
def test_every_word_for_an_item_is_known(word: str, status: ItemStatus) -> None:
    assert translate.read_item_statuses([{"itemId": 7, "availabilityStatus": word}]) == {"7": status}


PREPARED = {
    "id": "",
    "validationErrors": [],
    "holdPossible": True,
    "chooseIssueFirst": False,
    "pickupLocations": [{"branchId": "6491", "locationType": "B"}, {"branchId": 6493, "locationType": "B"}],
    "reservationCost": "250",
    "reserverationCostDetails": [{"costType": "RESERVATION", "amount": 250}],
    "queuePosition": "3",
    "holdParameters": "b3BhcXVl",
}


def test_a_prepared_hold_costs_cents_and_says_nothing_of_lending_where_the_strategy_does_not_go_so_far() -> None:
    said = translate.read_prepared(PREPARED)
    assert (said.possible, said.ill_allowed, said.cost_cents, said.queue) == (True, None, 250, 3)
    assert (said.pickup_branches, said.codes, said.parameters) == (("6491", "6493"), (), "b3BhcXVl")
    assert translate.read_prepared(PREPARED | {"illAllowed": False}).ill_allowed is False
    assert translate.read_prepared(PREPARED | {"queuePosition": ""}).queue is None


@pytest.mark.parametrize(
    ("cost", "cents"),
    [(250, 250), (250.0, 250), ("250.00", 250), ("0", 0), (None, None), ("gratis", None), (2.5, None)],
)
def test_a_fee_is_whole_cents_or_not_told(cost: Any, cents: int | None) -> None:
    assert translate.read_prepared(PREPARED | {"reservationCost": cost}).cost_cents == cents


def test_of_what_forbids_a_hold_only_the_codes_are_kept() -> None:
    errors = [
        {"code": "PATRON_BLOCKED", "message": "Lid 29990000012345 is geblokkeerd."},
        "MAX_HOLDS",
        "Lid J. Jansen",
        {},
    ]
    said = translate.read_prepared({"holdPossible": False, "validationErrors": errors})
    assert said.codes == ("PATRON_BLOCKED", "MAX_HOLDS")
    assert "b3BhcXVl" not in repr(translate.read_prepared(PREPARED))


HOLDS = {
    "items": [
        {
            "id": 11,
            "holdNumber": 7000011,
            "bibliographicRecordId": "218065",
            "holdStatus": "ACTIVE",
            "pickupLocationName": "Centrum",
            "itemId": 0,
            "cancelAllowed": True,
        },
        {
            "id": "9",
            "bibliographicRecordId": 218065,
            "holdStatus": "RECIEVED",
            "pickupLocationName": "Centrum",
            "itemId": 30000001,
            "cancelAllowed": False,
        },
        {"id": "10", "bibliographicRecordId": "218065", "holdStatus": "CLOSED", "pickupLocationName": "Centrum"},
        {"id": "12", "bibliographicRecordId": "218065", "holdStatus": "ACTIVE", "pickupLocationName": "Noord"},
        {"id": "13", "bibliographicRecordId": "218065", "holdStatus": "ACTIVE", "pickupLocationBranchId": "6491"},
        {"id": "14", "bibliographicRecordId": "777777", "holdStatus": "ACTIVE", "pickupLocationName": "Centrum"},
    ]
}


def test_a_hold_is_found_by_title_and_place_and_is_none_that_is_taken() -> None:
    holds = translate.read_holds(HOLDS)

    def numbers(*taken: str) -> list[str]:
        found = translate.match(holds, titles=["218065"], branch="6491", name="Centrum", taken=taken)
        return [hold.number for hold in found]

    assert numbers() == ["9", "11", "13"]
    assert numbers("9", "13") == ["11"]
    assert translate.match(holds, titles=["218065"], branch="6491", name=None, taken=("13",)) == []


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("ACTIVE", Answer.OPEN),
        ("CLOSED", Answer.DECLINED),
        ("IN_TRANSPORT", Answer.SHIPPED),
        ("LOANED", Answer.SHIPPED),
        ("MESSAGE_SENT", Answer.PROMISED),
        ("RECIEVED", Answer.PROMISED),
        ("RECEIVED", Answer.PROMISED),
        ("received", Answer.PROMISED),
        ("RETURNED_TO_BRANCH", Answer.RETURNED),
        ("UNKNOWN", Answer.OPEN),
        ("NEVER_HEARD_OF", Answer.OPEN),
        (None, Answer.OPEN),
    ],
)
def test_every_word_for_a_hold_is_known(word: str | None, answer: Answer) -> None:
    (hold,) = translate.read_holds({"items": {"id": 1, "bibliographicRecordId": 2, "holdStatus": word, "itemId": 5}})
    standing = translate.standing(hold)
    assert (standing.answer, standing.item) == (answer, "5")
    assert (standing.reason is not None) is (answer is Answer.DECLINED)


READERS = [
    lambda document: translate.read_search(document, ppn_field="ppn"),
    lambda document: translate.read_detail(document, "1", ppn_field="ppn"),
    lambda document: translate.read_items(document, "1", branches={}, observed_at=NOW),
    translate.read_item_statuses,
    translate.read_login,
    translate.read_prepared,
    translate.read_holds,
    translate.read_placed,
    translate.read_codes,
    translate.read_name,
]
NAMES = st.sampled_from(
    ["objects", "fields", "id", "content", "value", "isbn", "paging", "total", "branchId", "effectiveStatus"]
) | st.sampled_from(["items", "returnDate", "token", "holdPossible", "validationErrors", "code", "itemId"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_any_document_is_read_or_malformed(document: Any) -> None:
    for read in READERS:
        with contextlib.suppress(Malformed):
            read(document)


COLUMNS = ("location", "isbn", "ppn", "title", "author", "material", "copies", "available", "loanable")


@given(
    st.binary()
    | st.lists(st.sampled_from(["1", "6491", ",", '"', "9789095000003", "x", "\r"])).map(
        lambda p: "".join(p).encode()
    )
)
def test_any_row_of_holdings_is_read_or_refused_with_a_reason(row: bytes) -> None:
    with contextlib.suppress(BadRow):
        assert "@" in read_row(row, COLUMNS, BRANCHES).number


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("6491,9789095000004,,T,A,book,1,,", "has no valid ISBN"),
        (",9789095000003,,T,A,book,1,,", "has no location, or neither ISBN nor PPN"),
        ("6491,,,T,A,book,1,,", "has no location, or neither ISBN nor PPN"),
        ("6491,9789095000003,,T,A,book,-1,,", "has a count that is none"),
        ("6491,9789095000003,,T,A,book,1,2,", "has no number of copies, more available than there are, or"),
        ("6491,9789095000003,,T,A,book,,,", "has no number of copies, more available than there are, or"),
        ("6491,9789095000003,,T,A,book,1,1,perhaps", "has no number of copies, more available than there are, or"),
        ("6491,9789095000003,,T,A,book,1,1", "has 8 cells instead of 9"),
        ('6491,"9789095000003,,T', "cannot be read"),
    ],
)
def test_a_row_of_holdings_that_cannot_be_is_refused(row: str, said: str) -> None:
    with pytest.raises(BadRow, match=said):
        read_row(row.encode(), COLUMNS, BRANCHES)


def test_a_row_of_holdings_is_a_record_of_its_own_or_the_end_of_one() -> None:
    record = read_row(b'6491,90-234-6613-6,,"Kaart, noord",M,book,2,1,false\r\n', COLUMNS, BRANCHES)
    assert record == Record(
        number="9789023466130@6491",
        isbns=("9789023466130",),
        title="Kaart, noord",
        author="M",
        material="book",
        holdings=(Held(branch="6491", location="NL-0800990001", copies=2, available=1, loanable=False),),
    )
    assert read_row(b"7777,,45000000X,,,,0,,", COLUMNS, BRANCHES) == Deleted("45000000X@7777")


def test_the_key_is_the_one_that_anybody_can_compute() -> None:
    # printf %s 20514Leenpad | openssl dgst -sha256 -hmac a-key
    digest = "948553498fb901abbf486ec7bdff6e825674bfa177a74a951ef40b79f021f078"
    assert wise_key(api_id="an-id", api_key="a-key", application="Leenpad", day=20514) == f"an-id:{digest}"


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        (datetime(1970, 1, 1, 12, tzinfo=UTC), (0,)),
        (datetime(1970, 1, 2, 0, 0, tzinfo=UTC), (1, 0)),
        (datetime(1970, 1, 2, 0, 3, tzinfo=UTC), (1,)),
        (datetime(1970, 1, 2, 23, 59, tzinfo=UTC), (1, 2)),
        (datetime(1970, 1, 2, 23, 57, tzinfo=UTC), (1,)),
    ],
)
def test_the_key_rolls_with_the_utc_day(moment: datetime, days: tuple[int, ...]) -> None:
    assert key_days(moment) == days
