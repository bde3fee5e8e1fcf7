"""What locations are called: read from the document of the map, which the API keeps ready."""

from __future__ import annotations

from typing import Any

from app.console.api import Refused
from app.console.visitor import Visitor


async def active_version(looking: Visitor) -> str | None:
    """Return the id of the active network version; None where there is none."""
    try:
        network = await looking.api.get("/v1/network")
    except Refused as refused:
        if refused.status not in (404, 503):
            raise
        return None
    return str(network["id"])


async def places(looking: Visitor) -> dict[str, dict[str, Any]]:
    """Return the locations by id, as the map has them; none without an active network."""
    version = await active_version(looking)
    if version is None:
        return {}
    found = await looking.api.get(f"/v1/network/versions/{version}/map")
    return {place["id"]: place for place in found["locations"]}


async def names(looking: Visitor) -> dict[str, str]:
    """Return what each location is called, by id."""
    return {id_: place["name"] for id_, place in (await places(looking)).items()}
