"""Writes policies: a version that takes over from a day, by whoever may say which part of it. Says what applies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.database import Connection
from app.lending.ground import Ground
from app.lending.happen import LOAN_DAYS, MOST_RENEWALS
from app.lending.snapshot import State
from app.store.policies import Document, Row, add_version, find_version, hold_policies, list_begun_later
from routing import Asking, Floating, Lending, Version, era_on, names_of, standing_of

REQUESTING, SUPPLYING = names_of(Asking), names_of(Lending)
ROLES = ("central_holders",)
"""Of what supplying sides say, what their neighbours have to agree with: who holds a central collection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy that somebody writes, or tries out. `may_say` are the fields that are theirs; of others nothing is
    said, and what was said before stays.
    """

    province: str | None
    agency: str | None
    valid_from: date
    document: Document
    may_say: Collection[str]


async def write(ground: Ground, draft: Draft, *, by: str, note: str | None) -> Row:
    """Write a version. Whose fields it does not touch keep what they said in the version that it takes over from.

    Versions that begin later and did not say its fields themselves go by it too: it is said anew for their days.
    """
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await hold_policies(connection)
        document = await whole(connection, draft)
        later = await _carried(connection, draft)

        async def add(valid_from: date, document: Document, says: Collection[str]) -> Row:
            return await add_version(
                connection,
                province=draft.province,
                agency=draft.agency,
                valid_from=valid_from,
                document=document,
                says=says,
                by=by,
                at=at,
                note=note,
            )

        written = await add(draft.valid_from, document, draft.may_say)
        for day, carried in later:
            await add(day, carried, ())
        return written


async def whole(connection: Connection, draft: Draft) -> Document:
    """Return the document of a draft, with what stays of the version that it takes over from."""
    before = await find_version(connection, province=draft.province, agency=draft.agency, at=draft.valid_from)
    return _laid_over({} if before is None else before["document"], draft.document, draft.may_say)


async def _carried(connection: Connection, draft: Draft) -> list[tuple[date, Document]]:
    """Return by its day what each later version comes to that took a field of the draft from what was said before.

    A field goes as far as the first day for which somebody says it.
    """
    found: list[tuple[date, Document]] = []
    still = set(draft.may_say)
    for row in await list_begun_later(
        connection, province=draft.province, agency=draft.agency, after=draft.valid_from
    ):
        still.difference_update(row["says"])
        document = _laid_over(row["document"], draft.document, still)
        if document != row["document"]:
            found.append((row["valid_from"], document))
    return found


def _laid_over(before: Document, said: Document, names: Collection[str]) -> Document:
    """Return a document in which these fields say what `said` does of them, and all others what they said before."""
    found: dict[str, dict[str, Any]] = {}
    for side in ("requesting", "supplying"):
        stays = {name: value for name, value in before.get(side, {}).items() if name not in names}
        found[side] = stays | {name: value for name, value in said.get(side, {}).items() if name in names}
    return found


# --- what applies ---------------------------------------------------------------------------------


def effective(
    state: State, *, pickup_location: str | None, supplying_location: str | None, at: datetime
) -> dict[str, Any]:
    """Return what holds on the day of `at` for who asks at one location and who supplies from another, by field.

    Each value comes with the version that says so (None: nobody has said anything, and this is the default).
    """
    base = state.policy_at(at)
    asking = {
        "circles": base.circles,
        "central_collections": base.central_collections,
        "objective": base.objective,
        "cents_per_hour": base.weights.cents_per_hour,
        "cents_per_handling": base.weights.cents_per_handling,
        "cents_per_net_loan": base.weights.cents_per_net_loan,
        "cents_per_open_item": base.weights.cents_per_open_item,
        "horizon_days": base.horizon_days,
        "max_cost_cents": base.max_cost_cents,
        "rota_order": base.rota_order,
        "at_once": base.at_once,
    }
    lending = {
        "not_lent": (),
        "least_age_days": 0,
        "embargo_days": 0,
        "loan_days": LOAN_DAYS,
        "renewals": MOST_RENEWALS,
        "central_holders": (),
        "floating": Floating.NEVER,
        "floating_materials": None,
        "most_floating": None,
        "most_a_day": None,
        "most_a_day_per_location": None,
    }
    return {
        "at": at.astimezone(state.network.zone).date(),
        "pickup_location": pickup_location,
        "supplying_location": supplying_location,
        "requesting": _fields(state, pickup_location, at, "asking", asking),
        "supplying": _fields(state, supplying_location, at, "lending", lending),
    }


def _fields(
    state: State, location: str | None, at: datetime, part: str, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    found = {name: _from(value, None) for name, value in defaults.items()}
    for version in _versions(state, location, at):
        said = getattr(version, part)
        for name in defaults:
            value = getattr(said, name)
            if value is not None:
                found[name] = _from(value, version)
    return found


def _versions(state: State, location: str | None, at: datetime) -> list[Version]:
    """What is in force for a side, the widest first; for no location in particular: the network's."""
    era = era_on(state.agreement, at.astimezone(state.network.zone).date())
    scopes: list[tuple[str | None, str | None]] = [(None, None)]
    if location is not None:
        side = standing_of(state.register, location, at).side
        scopes += [(side.province, None), (None, side.agency)]
    return [era.of[scope] for scope in dict.fromkeys(scopes) if scope in era.of]


def _from(value: Any, version: Version | None) -> dict[str, Any]:
    shown = sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value
    return {
        "value": shown,
        "version": None if version is None else version.id,
        "of": "default" if version is None else _whose(version),
    }


def _whose(version: Version) -> str:
    if version.agency is not None:
        return "agency"
    return "network" if version.province is None else "province"
