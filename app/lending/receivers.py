"""Speaks to the receivers of webhooks: signed, bounded in time and size, and patient where no answer comes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from app.lending.addresses import CONNECT_SECONDS, AddressRefused, CheckedTransport
from app.store.webhooks import Receiver

ANSWER_SECONDS = 10.0  # from looking up the name to the end of the answer
MOST_ANSWER_BYTES = 4096  # of an answer that are read, so that who answers is not cut off; what it says is not used
MOST_AT_ONCE = 4  # requests to one receiver, per process
LONGEST_REST = timedelta(minutes=1)


class ReceiverFailed(Exception):  # noqa: N818 - says what happened
    """A receiver did not confirm; the message says what it did, without naming its address."""


class ReceiverBusy(Exception):  # noqa: N818 - says what happened
    """As much as may be is on its way to a receiver already."""


def make_secret() -> str:
    """Return a new secret of a webhook."""
    return "whsec_" + secrets.token_urlsafe(32)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what `Leenpad-Signature` says of a body sent at `timestamp` (seconds since 1970)."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return "sha256=" + signed.hexdigest()


@dataclass(slots=True)
class _Health:
    """How it goes with one receiver: failures in a row, until when it is left alone, and requests on their way."""

    failures: int = 0
    said: str = ""  # what went wrong the last time
    rests_until: datetime | None = None
    under_way: int = 0


@dataclass(slots=True)
class Receivers:
    """One HTTP client for all of them, and how it goes with each; once a process."""

    private: bool = False
    transport: httpx.AsyncBaseTransport | None = None
    _client: httpx.AsyncClient | None = None
    _health: dict[int, _Health] = field(default_factory=dict)

    @contextmanager
    def turn(self, receiver: int, *, now: datetime) -> Iterator[None]:
        """Take part in what is sent to one receiver; one that fails is spoken to by one at a time, after a rest.

        So it holds up nobody else. Raises ReceiverFailed while it rests, in the words of its last
        failure, and ReceiverBusy.
        """
        health = self._health.setdefault(receiver, _Health())
        rests = health.rests_until is not None and now < health.rests_until
        if rests or (health.failures and health.under_way):
            raise ReceiverFailed(health.said)
        if health.under_way >= MOST_AT_ONCE:
            raise ReceiverBusy
        health.under_way += 1
        try:
            yield
        finally:
            health.under_way -= 1
            if not health.failures and not health.under_way:
                self._health.pop(receiver, None)

    def failed(self, receiver: int, said: str, *, now: datetime) -> None:
        """Let a receiver rest, the longer the more often it has failed."""
        health = self._health.setdefault(receiver, _Health())
        health.failures += 1
        health.said = said
        health.rests_until = now + min(LONGEST_REST, timedelta(seconds=2 ** min(health.failures - 1, 10)))

    def confirmed(self, receiver: int) -> bool:
        """Note that a receiver confirmed; return whether it had failed before."""
        health = self._health.setdefault(receiver, _Health())
        failures, health.failures, health.rests_until = health.failures, 0, None
        return failures > 0

    async def post(self, receiver: Receiver, body: bytes, *, event: int) -> None:
        """Send one event and have it confirmed. Raises ReceiverFailed."""
        timestamp = str(int(time.time()))  # the world's clock: receivers compare it with theirs
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "leenpad",
            "Leenpad-Event-Id": str(event),
            "Leenpad-Timestamp": timestamp,
            "Leenpad-Signature": signature(receiver.secret, timestamp, body),
        }
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status = await self._status(receiver, body, headers)
        except TimeoutError:
            raise ReceiverFailed(f"it did not answer within {ANSWER_SECONDS:g} seconds") from None
        except AddressRefused as error:
            raise ReceiverFailed(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error may say the address, and addresses may hold what only its owner should know.
            raise ReceiverFailed(f"it could not be reached: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise ReceiverFailed(f"it answered {status}")

    async def _status(self, receiver: Receiver, body: bytes, headers: dict[str, str]) -> int:
        async with self._open().stream("POST", receiver.url, content=body, headers=headers) as answer:
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read >= MOST_ANSWER_BYTES:
                    break
            return answer.status_code

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self.transport or CheckedTransport(private=self.private),
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            )
        return self._client

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
