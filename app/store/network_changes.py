"""What a network version changes for whom: operator by operator, so that a planner can be held to its own."""

from __future__ import annotations

import asyncpg


class NotYours(Exception):  # noqa: N818 - named as the problem it becomes
    """Another network version would change what others drive."""


# Everything that a call, a trip, a route and its service days say, as one digest for each operator. What is said of a
# stop (where it is, what it is called, how long items take there) is in it for every operator that calls there.
_DIGESTS = """
with called as (
    select trip, md5(string_agg(concat_ws(',', told, arrival, departure, pickup_type, drop_off_type),
                                ';' order by sequence)) as calls
      from timetable_stop_time call
           join (select position, md5(jsonb_build_array(id, name, lat, lon, handling_seconds)::text) as told
                   from timetable_stop where version = $1) stop on stop.position = call.stop
     where call.version = $1 group by trip),
served as (
    select position, md5(concat_ws(',', weekdays, start_date, end_date,
               (select string_agg(concat_ws(' ', day, added), ';' order by day) from timetable_service_date date
                 where date.version = $1 and date.service = service.position))) as days
      from timetable_service service where version = $1),
driven as (
    select route, md5(string_agg(md5(concat_ws(',', to_jsonb(trip.id), to_jsonb(headsign), to_jsonb(short_name),
                                               crate_capacity is null, crate_capacity, days, calls)),
                                 ';' order by trip.id)) as trips
      from timetable_trip trip
           join served on served.position = trip.service
           left join called on called.trip = trip.position
     where trip.version = $1 group by route)
select operator.id, operator.name,
       md5(coalesce(string_agg(concat_ws(',', to_jsonb(route.id), to_jsonb(short_name), to_jsonb(long_name),
                                         route_type, trips), ';' order by route.id), '')) as digest
  from timetable_operator operator
       left join timetable_route route on route.version = $1 and route.operator = operator.position
       left join driven on driven.route = route.position
 where operator.version = $1 group by operator.id, operator.name
"""


async def check_changes(
    connection: asyncpg.Connection, before: int | None, after: int | None, *, own: frozenset[str]
) -> None:
    """Hold a change from one version to another to the operators `own`, by id or name. Raises NotYours.

    Which operators there are, what they are called and the timezone are nobody's own. Where no version was active
    (None) nothing is taken from anyone; to take the last one away is everybody's.
    """
    if before is None or before == after:
        return
    if after is None:
        raise NotYours("No network would be left. That takes a key with the scope admin.")
    old, new = await _digests(connection, before), await _digests(connection, after)
    zones = await connection.fetchval(
        "select count(distinct timezone) from network_version where number = any($1)", [before, after]
    )
    if old.keys() != new.keys() or zones != 1:
        raise NotYours("Its operators or its timezone are others. That takes a key with the scope admin.")
    theirs = sorted(
        name for (id, name), digest in new.items() if digest != old[id, name] and own.isdisjoint((id, name))
    )
    if theirs:
        raise NotYours(f"It changes what others drive: {', '.join(theirs)}. That takes a key with the scope admin.")


async def _digests(connection: asyncpg.Connection, version: int) -> dict[tuple[str, str], str]:
    # A version that was only just written has no statistics: taken for empty, everything would be compared with
    # everything (half a minute for 300 trips and 1,320 stops; so it takes 0.02 s).
    async with connection.transaction():
        await connection.execute("set local enable_nestloop = off")
        rows = await connection.fetch(_DIGESTS, version)
        await connection.execute("set local enable_nestloop = on")
    return {(row["id"], row["name"]): row["digest"] for row in rows}
