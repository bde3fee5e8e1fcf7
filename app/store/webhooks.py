"""Webhooks: where an agency wants to be told, and how far it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

DELIVER = "deliver"
"""The task that tells a receiver of a loan request; its subject is `<webhook>:<loan request>`."""


class UnknownWebhook(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no webhook of this id, or it is another agency's."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook, and how far it was told of one loan request: up to the event with sequence `delivered`.

    `requests`: the loan request is its agency's own, so that all of it is told.
    """

    id: int
    url: str
    secret: str
    delivered: int
    agency: str = ""
    requests: bool = True

    def __repr__(self) -> str:
        """Leave the secret and the address out, wherever this is shown: a traceback may."""
        return f"Receiver({self.id}, delivered={self.delivered})"


async def add_webhook(connection: asyncpg.Connection, *, agency: str, url: str, secret: str) -> dict[str, Any]:
    """Keep a webhook and return it as it is listed, which is without the secret."""
    row = await connection.fetchrow(
        "insert into webhook (agency, url, secret) values ($1, $2, $3) returning id, agency, url, created_at",
        *(agency, url, secret),
    )
    return dict(row)


async def count_webhooks(connection: asyncpg.Connection, agency: str) -> int:
    """Return how many an agency has."""
    found: int = await connection.fetchval("select count(*) from webhook where agency = $1", agency)
    return found


async def list_webhooks(
    connection: asyncpg.Connection, *, agency: str | None, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """Return webhooks by id; `agency` narrows them to its own."""
    rows = await connection.fetch(
        "select id, agency, url, created_at from webhook"
        " where ($1::text is null or agency = $1) and id > $2 order by id limit $3",
        *(agency, after or 0, limit),
    )
    return [dict(row) for row in rows]


async def remove_webhook(connection: asyncpg.Connection, webhook: int, *, agency: str | None) -> None:
    """Take a webhook away with all that it was still to be told. Raises UnknownWebhook.

    `agency`: whose it must be (None: anyone's).
    """
    found = await connection.fetchval(
        "select true from webhook where id = $1 and ($2::text is null or agency = $2)", webhook, agency
    )
    if not found:
        raise UnknownWebhook(f"There is no webhook {webhook}.")
    # Tasks first, as whoever delivers locks its task before the rest.
    await connection.execute(
        "delete from task where kind = $1 and split_part(subject, ':', 1) = $2", DELIVER, str(webhook)
    )
    await connection.execute("delete from webhook where id = $1", webhook)


async def find_receiver(connection: asyncpg.Connection, webhook: int, loan: UUID) -> Receiver | None:
    """Return a webhook as it stands with a loan request; None where either is gone."""
    row = await connection.fetchrow(
        "select webhook.id, url, secret, coalesce(delivered, 0), agency, agency = requesting_agency from webhook"
        " join loan_request on loan_request.id = $2"
        " left join webhook_progress on webhook = webhook.id and webhook_progress.loan_request = $2"
        " where webhook.id = $1",
        *(webhook, loan),
    )
    return None if row is None else Receiver(*row)


async def note_delivered(connection: asyncpg.Connection, webhook: int, loan: UUID, sequence: int) -> None:
    """Remember that a receiver has confirmed the event with this sequence."""
    await connection.execute(
        "insert into webhook_progress (webhook, loan_request, delivered) values ($1, $2, $3)"
        " on conflict (webhook, loan_request) do update set delivered = excluded.delivered",
        *(webhook, loan, sequence),
    )


async def hurry(connection: asyncpg.Connection, webhook: int, *, now: datetime) -> None:
    """Have everything that waits for a receiver tried now: it answers again."""
    await connection.execute(
        "update task set due_at = $3 where id in (select id from task where kind = $1"
        " and split_part(subject, ':', 1) = $2 and dead_at is null and leased_until is null and due_at > $3"
        " for update skip locked)",
        *(DELIVER, str(webhook), now),
    )
