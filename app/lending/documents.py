"""Writes decisions and events as JSON: what is answered, kept of a loan request, and told to others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson

from routing import Decision, Leg, RotaEntry


def written(decision: Decision) -> bytes:
    """Write a decision as docs/openapi.json says; orjson writes parts and refusals field by field."""
    document = {
        "network_version": decision.network_version,
        "requested_at": decision.requested_at,
        "objective": decision.objective,
        "promise": _promise(decision.rota[0]) if decision.rota else None,
        "rota": [_entry(entry) for entry in decision.rota],
        "refusals": decision.refusals,
        "policy": _policy(decision),
        "response_model": decision.response_model,
        "opening_hours": decision.opening_hours,
    }
    return _dumps(document, decision.requested_at)


def _policy(decision: Decision) -> dict[str, Any]:
    """What the decision went by, so that it can be read back when the policies are others."""
    policy = decision.policy
    return {
        "versions": decision.policy_versions,
        "circles": policy.circles,
        "central_collections": policy.central_collections,
        "cents_per_hour": policy.weights.cents_per_hour,
        "cents_per_handling": policy.weights.cents_per_handling,
        "cents_per_net_loan": policy.weights.cents_per_net_loan,
        "cents_per_open_item": policy.weights.cents_per_open_item,
        "horizon_days": policy.horizon_days,
        "max_cost_cents": policy.max_cost_cents,
        "rota_order": policy.rota_order,
        "at_once": policy.at_once,
        "lapse_days": policy.lapse_days,
        "supplier_cents": policy.tariff.supplier_cents,
        "transport_cents": policy.tariff.transport_cents,
    }


def written_event(event: dict[str, Any]) -> bytes:
    """Write an event of the store as the API shows it, on one line."""
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z)  # the driver has a UUID of its own


def _entry(entry: RotaEntry) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "supplying_agency": entry.supplying_agency,
        "supplying_location": entry.supplying_location,
        "ready_at": entry.ready_at,
        "arrives_at": _arrival(entry),
        "promise": _promise(entry),
        "response": None if entry.response is None else entry.response._asdict(),
        "burden": None if entry.burden is None else entry.burden._asdict(),
        "cost_cents": entry.cost_cents,
        "cost_parts": entry.cost_parts,
        "handlings": entry.handlings,
        "precedence": entry.precedence,
        "legs": [_leg(leg) for leg in entry.legs],
        "reasons": entry.reasons,
    }


def _promise(entry: RotaEntry) -> dict[str, Any] | None:
    return None if entry.promise is None else entry.promise._asdict()


# The engine keeps the legs that it has rebuilt, as most requests share their last rides; so are their bytes kept.
_KEPT_LEGS = 32_768
_legs: dict[int, tuple[Leg, orjson.Fragment]] = {}


def _leg(leg: Leg) -> orjson.Fragment:
    kept = _legs.get(id(leg))
    if kept is not None and kept[0] is leg:
        return kept[1]
    if len(_legs) >= _KEPT_LEGS:
        _legs.clear()
    fragment = orjson.Fragment(_dumps(leg, leg.departs_at))
    _legs[id(leg)] = (leg, fragment)
    return fragment


_arrivals: dict[int, tuple[datetime, orjson.Fragment]] = {}


def _arrival(entry: RotaEntry) -> datetime | orjson.Fragment:
    """The moment of the last leg, which is kept with it: to write the offset of a zone takes longer than the rest."""
    if not entry.legs:
        return entry.arrives_at
    kept = _arrivals.get(id(entry.arrives_at))
    if kept is not None and kept[0] is entry.arrives_at:
        return kept[1]
    if len(_arrivals) >= _KEPT_LEGS:
        _arrivals.clear()
    fragment = orjson.Fragment(_dumps(entry.arrives_at, entry.arrives_at))
    _arrivals[id(entry.arrives_at)] = (entry.arrives_at, fragment)
    return fragment


def _dumps(document: object, moment: datetime) -> bytes:
    offset = moment.utcoffset()
    if offset is not None and offset.seconds % 60:
        # Local mean time, long ago: RFC 3339 has no seconds in an offset.
        return orjson.dumps(document, default=_in_utc, option=orjson.OPT_PASSTHROUGH_DATETIME)
    return orjson.dumps(document)


def _in_utc(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
