"""Which planners drive for whom."""

from __future__ import annotations

import asyncpg


async def plans_for(connection: asyncpg.Connection, agency: str, operator: str) -> bool:
    """Return whether an agency plans for an operator: is the POI of that name, or belongs to it."""
    found: bool = await connection.fetchval(
        "select $1 = $2 or exists (select from poi where name = $2 and (code = $1 or code ="
        " (select coalesce(agency.poi, province.poi)"
        "    from agency left join province on province.code = agency.province where isil = $1)))",
        *(agency, operator),
    )
    return found
