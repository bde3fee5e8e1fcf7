"""Agrees with agencies after how many days without an answer a loan request passes on."""

from __future__ import annotations

from typing import Any

from app.lending.ground import Ground
from app.lending.stop import EVERYTHING, RECOUNT
from app.store.epochs import bump
from app.store.lapse_rules import drop_rule, list_rules, put_rule
from app.store.tasks import AT_ONCE, schedule


async def agree(
    ground: Ground, *, agency: str | None, service_level: str | None, open_days: int | None
) -> list[dict[str, Any]]:
    """Set a rule, or (no `open_days`) take it away, and return all that hold.

    What has been asked already is counted again: it lapses by the rule as it is now.
    """
    async with ground.database.transaction() as connection:
        if open_days is None:
            await drop_rule(connection, agency=agency, service_level=service_level)
        else:
            await put_rule(connection, agency=agency, service_level=service_level, open_days=open_days)
        await bump(connection, "register")  # promises go by it too
        await schedule(connection, RECOUNT, EVERYTHING if agency is None else f"agency:{agency}", AT_ONCE)
        return await list_rules(connection)
