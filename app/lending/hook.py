"""Makes webhooks and takes them away."""

from __future__ import annotations

from typing import Any

from app.lending.addresses import check_addresses, check_url, resolve_host
from app.lending.ground import Ground
from app.lending.receivers import make_secret
from app.store.webhooks import add_webhook, count_webhooks, remove_webhook

MOST_WEBHOOKS = 20  # of one agency: every event is sent to each


class TooManyWebhooks(Exception):  # noqa: N818 - says what happened
    """The agency has as many webhooks as it may have."""


async def add_hook(ground: Ground, *, agency: str, url: str) -> dict[str, Any]:
    """Make a webhook and return it with its secret: the only time that it can be seen.

    Raises AddressRefused or TooManyWebhooks.
    """
    read = check_url(url)
    if not ground.receivers.private:
        await check_addresses(read, resolve_host, private=False)
    secret = make_secret()
    async with ground.database.transaction() as connection:
        if await count_webhooks(connection, agency) >= MOST_WEBHOOKS:
            raise TooManyWebhooks(f"{agency} has {MOST_WEBHOOKS} webhooks already: take one away first.")
        made = await add_webhook(connection, agency=agency, url=url, secret=secret)
    return {**made, "secret": secret}


async def remove_hook(ground: Ground, webhook: int, *, agency: str | None) -> None:
    """Take a webhook away; `agency`: whose it must be (None: anyone's). Raises UnknownWebhook."""
    async with ground.database.transaction() as connection:
        await remove_webhook(connection, webhook, agency=agency)
