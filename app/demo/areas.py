"""Gives the demonstration's provinces and POIs their names, and the provinces their roles in the collection plan."""

from __future__ import annotations

from app.database import Database
from app.demo import facts
from app.store.agencies import put_collection_roles, put_poi, put_province


async def put_areas(database: Database) -> None:
    """Write POIs, provinces and roles, all or nothing; what is there already stays or is put right."""
    roles: dict[str, list[str]] = {province.code: [] for province in facts.provinces()}
    for province, role in facts.collection_roles():
        roles[province].append(role)
    async with database.transaction() as connection:
        for poi in facts.pois():
            await put_poi(connection, poi.code, name=poi.name)
        for area in facts.provinces():
            await put_province(connection, area.code, name=area.name, poi=area.poi)
            await put_collection_roles(connection, area.code, plan_year=facts.PLAN_YEAR, roles=roles[area.code])
