"""Placing by SIP2: what each fault of a desk means for each verb, and that nothing is ever held twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.contract import (
    Answer,
    AuthExpired,
    Duplicate,
    ItemStatus,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Parcel,
    Quote,
    Refused,
    Standing,
    SystemFault,
    Unavailable,
    Verb,
)
from adapters.emulators.faults import Wrong
from adapters.protocols.sip2 import Sip2Lending
from tests.adapters.sip2_desk import ORDER, PATRON, PIN, SLOWEST_SECONDS, Served, served, until

ITEMS = ["30001", "30002"]
PARCEL = Parcel(order=ORDER, item="30001")
QUOTE = Quote(order=ORDER, possible=True, token="30001")

VERBS: dict[Verb, Callable[[Sip2Lending], Awaitable[object]]] = {
    Verb.PREPARE: lambda lending: lending.prepare(ORDER, ITEMS),
    Verb.PLACE: lambda lending: lending.place(QUOTE, key="K"),
    Verb.FIND: lambda lending: lending.find(ORDER, ITEMS, taken=()),
    Verb.STATUS: lambda lending: lending.status("30001"),
    Verb.CANCEL: lambda lending: lending.cancel("30001"),
    Verb.CHECK_OUT: lambda lending: lending.check_out(PARCEL),
    Verb.CHECK_IN: lambda lending: lending.check_in(PARCEL),
}
WRITES = {Verb.PLACE, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN}
# What is raised when it goes wrong once: by a verb that reads, and by one that writes. None: it works all the same.
FAULTS: dict[Wrong, tuple[type[SystemFault] | None, type[SystemFault] | None]] = {
    Wrong.SLOW: (None, None),
    Wrong.HUNG: (Unavailable, OutcomeUnknown),
    Wrong.CUT: (Unavailable, OutcomeUnknown),
    Wrong.MALFORMED: (Malformed, OutcomeUnknown),
    Wrong.EXPIRED: (None, None),  # it logs in anew
    Wrong.TOO_MANY: (Unavailable, OutcomeUnknown),
    Wrong.BROKEN: (Unavailable, OutcomeUnknown),
    Wrong.UNHEARD: (Unavailable, OutcomeUnknown),
}


async def ready_for(verb: Verb, it: Served, *, warm: bool) -> None:
    """Bring the stock to where a verb finds something to do; `warm`: have a connection open too."""
    if verb not in (Verb.PREPARE, Verb.PLACE):
        it.stock.place_hold("T1", patron=PATRON, pickup="C2", barcode="30001")
    if verb is Verb.CHECK_IN:
        it.stock.check_out("30001", patron=PATRON)
    if warm:
        await it.sip2.patron(patron=PATRON, pin=PIN)


async def look_then(verb: Verb, it: Served) -> None:
    """What a caller does after whatever went wrong: look before anything is placed again, and repeat the rest."""
    if verb is not Verb.PLACE:
        await VERBS[verb](it.lending)
    elif await it.lending.find(ORDER, ITEMS, taken=()) is None:
        await it.lending.place(await it.lending.prepare(ORDER, ITEMS), key="K")


@pytest.mark.parametrize("wrong", FAULTS)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("warm", [False, True], ids=["new", "used"])
async def test_every_fault_of_every_verb_has_its_meaning_in_time(verb: Verb, wrong: Wrong, warm: bool) -> None:
    tasks = asyncio.all_tasks()
    async with served() as it:
        await ready_for(verb, it, warm=warm)
        expected = FAULTS[wrong][verb in WRITES]
        if wrong is Wrong.TOO_MANY and not warm:
            expected = Unavailable  # nobody let it in
        it.faults.plan(wrong, verb, seconds=0.1)
        async with asyncio.timeout(SLOWEST_SECONDS):
            if expected is None:
                await VERBS[verb](it.lending)
            else:
                with pytest.raises(expected):
                    await VERBS[verb](it.lending)
        await look_then(verb, it)
        assert len(it.stock.holds) == (0 if verb is Verb.PREPARE else 1)  # never a second one
        await it.sip2.close()
        await until(lambda: it.desk.connected == 0)
    await until(lambda: asyncio.all_tasks() == tasks)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_new_login_that_does_not_help_is_told(verb: Verb) -> None:
    async with served() as it:
        await ready_for(verb, it, warm=True)
        it.faults.plan(Wrong.EXPIRED, verb, times=2)
        with pytest.raises(AuthExpired):
            await VERBS[verb](it.lending)
        await VERBS[verb](it.lending)


@pytest.mark.parametrize("verb", [Verb.PLACE, Verb.FIND, Verb.CHECK_OUT, Verb.CHECK_IN])
async def test_what_is_refused_is_refused(verb: Verb) -> None:
    async with served() as it:
        await ready_for(verb, it, warm=False)
        it.faults.plan(Wrong.REFUSED, verb)
        with pytest.raises(Refused) as refused:
            await VERBS[verb](it.lending)
        assert not isinstance(refused.value, Duplicate)
        assert len(it.stock.holds) == (0 if verb is Verb.PLACE else 1)


async def test_what_is_refused_to_a_question_is_in_its_answer() -> None:
    async with served() as it:
        it.faults.plan(Wrong.REFUSED, Verb.PREPARE, times=2)
        quote = await it.lending.prepare(ORDER, ITEMS)
        assert (quote.possible, quote.reason) == (False, "NotOnShelf")
        await it.lending.place(QUOTE, key="K")
        it.faults.plan(Wrong.REFUSED, Verb.CANCEL)
        assert await it.lending.cancel("30001") is False


# --- one order, from beginning to end ----------------------------------------------------------------


async def test_an_order_goes_its_way() -> None:
    async with served() as it:
        quote = await it.lending.prepare(ORDER, ["39999", *ITEMS])
        assert quote == Quote(order=ORDER, possible=True, lendable=True, pickups=("C2",), queue=0, token="30001")
        assert "30001" not in repr(quote)
        receipt = await it.lending.place(quote, key="K")
        assert [hold.pickup for hold in it.stock.holds.values()] == ["C2"]
        assert await it.lending.status(receipt) == Standing(Answer.PROMISED, item="30001")
        await it.lending.check_out(PARCEL)
        await it.lending.check_out(PARCEL)
        assert await it.lending.status(receipt) == Standing(Answer.SHIPPED, item="30001")
        assert await it.lending.cancel(receipt) is False
        await it.lending.check_in(PARCEL)
        await it.lending.check_in(PARCEL)
        assert await it.lending.status(receipt) == Standing(Answer.RETURNED, item="30001")


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (ItemStatus.AVAILABLE, Answer.OPEN, None),
        (ItemStatus.IN_PROCESS, Answer.OPEN, None),
        (ItemStatus.UNKNOWN, Answer.OPEN, None),
        (ItemStatus.ON_LOAN, Answer.EXPECTED, None),
        (ItemStatus.HELD, Answer.PROMISED, None),
        (ItemStatus.IN_TRANSIT, Answer.PROMISED, None),
        (ItemStatus.MISSING, Answer.DECLINED, "NotOnShelf"),
    ],
)
async def test_a_hold_stands_as_its_item_does(status: ItemStatus, answer: Answer, reason: str | None) -> None:
    async with served() as it:
        await it.lending.place(QUOTE, key="K")
        it.stock.copies["30001"].status = status
        standing = await it.lending.status("30001")
        assert (standing.answer, standing.reason) == (answer, reason)


async def test_a_hold_that_ended_is_declined_where_the_item_is_missing_and_else_cancelled() -> None:
    async with served() as it:
        await it.lending.place(QUOTE, key="K")
        it.stock.decline_hold("1")
        assert await it.lending.status("30001") == Standing(Answer.DECLINED, "NotOnShelf")
        await it.lending.place(Quote(order=ORDER, possible=True, token="30002"), key="L")
        it.stock.cancel_hold("2")
        assert await it.lending.status("30002") == Standing(Answer.CANCELLED)


async def test_an_order_taken_back_is_gone_and_taking_it_back_again_changes_nothing() -> None:
    async with served() as it:
        await it.lending.place(QUOTE, key="K")
        assert await it.lending.cancel("30001")
        assert await it.lending.cancel("30001")
        assert await it.lending.status("30001") == Standing(Answer.CANCELLED)
        assert await it.lending.place(QUOTE, key="L") == "30001"  # for the next


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ItemStatus.ON_LOAN, "InUse"),
        (ItemStatus.HELD, "OnReserve"),
        (ItemStatus.ON_ORDER, "OnOrder"),
        (ItemStatus.MISSING, "NotOnShelf"),
        (ItemStatus.RECALLED, "InUse"),
    ],
)
async def test_what_cannot_be_held_is_quoted_with_why(status: ItemStatus, reason: str) -> None:
    async with served() as it:
        for copy in it.stock.copies.values():
            copy.status = status
        quote = await it.lending.prepare(ORDER, ITEMS)
        assert (quote.possible, quote.reason, quote.token) == (False, reason, None)


async def test_an_item_that_somebody_waits_for_is_passed_over() -> None:
    async with served() as it:
        await it.lending.place(QUOTE, key="K")
        it.stock.copies["30001"].status = ItemStatus.AVAILABLE  # as many systems say until it is fetched
        assert (await it.lending.prepare(ORDER, ITEMS)).token == "30002"
        assert (await it.lending.prepare(ORDER, ["30001"])).reason == "OnReserve"


async def test_nothing_known_there_is_not_found() -> None:
    async with served() as it:
        for items in ([], ["39999"]):
            with pytest.raises(NotFound):
                await it.lending.prepare(ORDER, items)
        with pytest.raises(NotFound):
            await it.lending.status("39999")


# --- never twice ---------------------------------------------------------------------------------------


async def test_the_same_order_again_is_a_duplicate_with_its_receipt_and_anothers_is_refused() -> None:
    async with served() as it:
        await it.lending.place(QUOTE, key="K")
        with pytest.raises(Duplicate) as duplicate:
            await it.lending.place(QUOTE, key="K")
        assert duplicate.value.receipt == "30001"
        with pytest.raises(Refused) as refused:
            await it.lending.place(QUOTE, key="L")
        assert not isinstance(refused.value, Duplicate)
        restarted = Sip2Lending(it.sip2, patron=PATRON, pin=PIN, pickups={})
        with pytest.raises(Duplicate) as unknown:
            await restarted.place(QUOTE, key="K")
        assert unknown.value.receipt is None  # it may be anybody's: `find` tells, by what is taken
        assert len(it.stock.holds) == 1


async def test_an_order_that_was_never_confirmed_is_found_and_one_that_is_anothers_is_not() -> None:
    async with served() as it:
        it.faults.plan(Wrong.UNHEARD, Verb.PLACE)
        with pytest.raises(OutcomeUnknown):
            await it.lending.place(QUOTE, key="K")
        assert await it.lending.find(ORDER, ITEMS, taken=["30001"]) is None
        assert await it.lending.find(ORDER, ["30002"], taken=()) is None
        assert await it.lending.find(ORDER, ITEMS, taken=["30002"]) == "30001"
        with pytest.raises(Duplicate) as duplicate:
            await it.lending.place(QUOTE, key="K")
        assert duplicate.value.receipt == "30001"
        assert len(it.stock.holds) == 1


async def test_many_orders_at_once_never_share_an_item() -> None:
    async with served() as it:

        async def order(key: str) -> str | None:
            try:
                return await it.lending.place(await it.lending.prepare(ORDER, ITEMS), key=key)
            except Refused:
                return None

        receipts = await asyncio.gather(*(order(str(number)) for number in range(6)))
        taken = [receipt for receipt in receipts if receipt is not None]
        assert len(taken) == len(set(taken)) == len(it.stock.holds) >= 1


async def test_all_steps_of_a_verb_share_one_deadline() -> None:
    async with served() as it:
        it.faults.plan(Wrong.SLOW, Verb.PREPARE, times=25, seconds=0.2)
        async with asyncio.timeout(SLOWEST_SECONDS):
            with pytest.raises(Unavailable):
                await it.lending.prepare(ORDER, [f"4{number:04}" for number in range(25)])
