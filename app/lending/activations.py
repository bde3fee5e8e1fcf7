"""Carries out activations of the network that were put down for a moment, each exactly once."""

from __future__ import annotations

import structlog

from app.database import Connection
from app.lending.ground import Ground
from app.store.network_changes import NotYours
from app.store.network_versions import activate, find_active, lock_network
from app.store.schedules import UnknownActivation, end_scheduled, get_scheduled
from app.store.tasks import Task, finish

log = structlog.get_logger()


class BaseNotActive(Exception):  # noqa: N818 - named as the problem it becomes
    """Another version became active than the one that was changed: what that one changed would be undone."""


async def activate_on(
    connection: Connection, version: str, *, own: frozenset[str] | None, expected: str | None
) -> bool:
    """Make a version the active one, where `expected` (None: whichever) is; False when it was active already.

    Raises VersionUnknown, NotYours or BaseNotActive.
    """
    await lock_network(connection)
    active = await find_active(connection)
    if expected is not None and active not in (expected, version):
        raise BaseNotActive(
            f"It was made from {expected}, and {active or 'no version'} is active now: what that one changed would "
            "be undone. Put the draft on the version that is active, and look at it again."
        )
    return await activate(connection, version, own=own)


async def activate_scheduled(ground: Ground, task: Task) -> None:
    """Make a version active because its moment has come; the task ends in the same transaction."""
    async with ground.database.transaction() as connection:
        await finish(connection, task)
        try:
            scheduled = await get_scheduled(connection, int(task.subject))
        except UnknownActivation:
            return
        if scheduled.state != "waiting":
            return
        state, reason = "done", None
        try:
            # What was written before it was refused is taken back.
            async with connection.transaction():
                await activate_on(connection, scheduled.version, own=scheduled.own, expected=scheduled.expected)
        except (NotYours, BaseNotActive) as refused:
            state, reason = "refused", str(refused)
        await end_scheduled(connection, scheduled.id, state, reason=reason, now=ground.clock.now())
    log.info("a scheduled activation", version=scheduled.version, state=state)
