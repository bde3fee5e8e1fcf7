"""Tells the receivers of webhooks what has happened: each event of a loan request, in order, until confirmed."""

from __future__ import annotations

import time
from uuid import UUID

from app.lending.documents import written_event
from app.lending.ground import Ground, LookAgain
from app.lending.receivers import ReceiverBusy, ReceiverFailed
from app.store.events import Supplier, list_events
from app.store.tasks import Task, finish, hold, postpone
from app.store.webhooks import Receiver, find_receiver, hurry, note_delivered

TURN_SECONDS = 25.0  # how long one task goes on before others have their turn; less than its lease by far
MOST_EVENTS = 50  # read at once


async def deliver(ground: Ground, task: Task) -> None:
    """Send a receiver what it was not yet told of a loan request, one after the other: a supplier what is its own.

    What is confirmed is kept before the next is sent: after a crash an event may come twice, never out of order.
    Raises ReceiverFailed, LookAgain or LeaseLost.
    """
    webhook, _, subject = task.subject.partition(":")
    loan = UUID(subject)
    async with ground.database.connection() as connection:
        receiver = await find_receiver(connection, int(webhook), loan)
    if receiver is None:
        async with ground.database.transaction() as connection:
            await finish(connection, task)
        return
    try:
        with ground.receivers.turn(receiver.id, now=ground.clock.now()):
            await _send_all(ground, task, receiver, loan)
    except ReceiverBusy:
        raise LookAgain from None


async def _send_all(ground: Ground, task: Task, receiver: Receiver, loan: UUID) -> None:
    until = time.monotonic() + TURN_SECONDS
    delivered = receiver.delivered
    told = None if receiver.requests else Supplier(receiver.agency)
    while True:
        async with ground.database.connection() as connection:
            events = await list_events(connection, loan, after=delivered, limit=MOST_EVENTS, told=told)
        if not events:
            break
        for event in events:
            await _send(ground, receiver, written_event(event), event=event["id"])
            delivered = event["sequence"]
            async with ground.database.transaction() as connection:
                await hold(connection, task)
                await note_delivered(connection, receiver.id, loan, delivered)
            if time.monotonic() > until:
                async with ground.database.transaction() as connection:
                    await postpone(connection, task, ground.clock.now())
                return
    async with ground.database.transaction() as connection:
        await finish(connection, task)


async def _send(ground: Ground, receiver: Receiver, body: bytes, *, event: int) -> None:
    try:
        await ground.receivers.post(receiver, body, event=event)
    except ReceiverFailed as error:
        ground.receivers.failed(receiver.id, str(error), now=ground.clock.now())
        raise
    if ground.receivers.confirmed(receiver.id):
        async with ground.database.transaction() as connection:
            await hurry(connection, receiver.id, now=ground.clock.now())
