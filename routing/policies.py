"""What applies to a question, of all that was agreed: the network's, the province's and the agency's, field by field.

Who asks goes by the policies of the pickup location's side, and who supplies by those of the supplying side. Of each
the version in force on the day counts; what one of them does not say, the wider one says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from routing.costs import same_agency, same_province
from routing.model import (
    Central,
    Circle,
    Holding,
    LapseRule,
    Lending,
    LendingBook,
    Objective,
    Policy,
    RotaOrder,
    Weights,
)
from routing.register import Side


@dataclass(frozen=True, slots=True)
class Asking:
    """What one side has said of how its questions are decided; None: nothing."""

    circles: tuple[Circle, ...] | None = None
    central_collections: Central | None = None
    objective: Objective | None = None
    cents_per_hour: float | None = None
    cents_per_handling: float | None = None
    cents_per_net_loan: float | None = None
    cents_per_open_item: float | None = None
    horizon_days: int | None = None
    max_cost_cents: int | None = None
    rota_order: RotaOrder | None = None
    at_once: int | None = None
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A policy as it was written: of an agency, of a province, or (both None) of the network, from a day on.

    Of two from the same day, the one that was written later (the higher `id`) counts.
    """

    id: int
    valid_from: date
    province: str | None = None
    agency: str | None = None
    asking: Asking = field(default_factory=Asking)
    lending: Lending = field(default_factory=Lending)

    @property
    def scope(self) -> tuple[str | None, str | None]:
        """Whose it is."""
        return self.province, self.agency


@dataclass(frozen=True, slots=True, eq=False)
class Era:
    """What is in force between two days on which anything changes."""

    of: Mapping[tuple[str | None, str | None], Version] = field(default_factory=dict)
    book: LendingBook | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """All that was agreed: `eras[i]` begins on `since[i]`; before the first one nothing was.

    `weighs` says whether anybody has agreed anything by which it matters what suppliers bear.
    """

    versions: tuple[Version, ...] = ()
    since: tuple[date, ...] = ()
    eras: tuple[Era, ...] = ()
    weighs: bool = False


def agree(versions: Iterable[Version]) -> Agreement:
    """Put versions in order, and cut time where one takes over."""
    ordered = tuple(sorted(versions, key=lambda version: (version.valid_from, version.id)))
    since = tuple(sorted({version.valid_from for version in ordered}))
    eras = tuple(
        _era({version.scope: version for version in ordered if version.valid_from <= first}) for first in since
    )
    return Agreement(ordered, since, eras, any(_weighs(version) for version in ordered))


def _weighs(version: Version) -> bool:
    asking, lending = version.asking, version.lending
    limits = lending.most_a_day, lending.most_a_day_per_location
    return bool(asking.cents_per_net_loan or asking.cents_per_open_item) or limits != (None, None)


def unsaid(agreement: Agreement, names: Collection[str]) -> Agreement:
    """The agreement as if nobody who asks had said anything in these fields."""
    if not names or not agreement.versions:
        return agreement
    nothing: dict[str, Any] = dict.fromkeys(names)
    return agree(replace(version, asking=replace(version.asking, **nothing)) for version in agreement.versions)


def _era(of: Mapping[tuple[str | None, str | None], Version]) -> Era:
    nothing = Lending()
    said = {
        scope: replace(version.lending, versions=(version.id,))
        for scope, version in of.items()
        if replace(version.lending, versions=()) != nothing
    }
    if not said:
        return Era(of)
    provinces = {province: lending for (province, _), lending in said.items() if province is not None}
    agencies = {agency: lending for (_, agency), lending in said.items() if agency is not None}
    return Era(of, LendingBook(said.get((None, None), nothing), provinces, agencies))


NOTHING_YET = Era()


def era_on(agreement: Agreement, day: date) -> Era:
    """What is in force on a day."""
    at = bisect_right(agreement.since, day)
    return agreement.eras[at - 1] if at else NOTHING_YET


def policy_on(agreement: Agreement, policy: Policy, side: Side, day: date) -> Policy:
    """What holds for a question from this side on a day: `policy`, where nothing else was agreed."""
    if not agreement.since:
        return policy
    era = era_on(agreement, day)
    # Most sides say nothing of their own, and share one policy.
    province = side.province if (side.province, None) in era.of else None
    agency = side.agency if (None, side.agency) in era.of else None
    return _laid_over(era, policy, province, agency)


@lru_cache(maxsize=4096)
def _laid_over(era: Era, policy: Policy, province: str | None, agency: str | None) -> Policy:
    scopes = dict.fromkeys(((None, None), (province, None), (None, agency)))
    asking = Asking()
    for version in (era.of[scope] for scope in scopes if scope in era.of):
        asking = overlaid(asking, replace(version.asking, versions=(version.id,)))
    weights = policy.weights
    return replace(
        policy,
        circles=_or(asking.circles, policy.circles),
        central_collections=_or(asking.central_collections, policy.central_collections),
        objective=_or(asking.objective, policy.objective),
        weights=Weights(
            _or(asking.cents_per_hour, weights.cents_per_hour),
            _or(asking.cents_per_handling, weights.cents_per_handling),
            _or(asking.cents_per_net_loan, weights.cents_per_net_loan),
            _or(asking.cents_per_open_item, weights.cents_per_open_item),
        ),
        horizon_days=_or(asking.horizon_days, policy.horizon_days),
        max_cost_cents=_or(asking.max_cost_cents, policy.max_cost_cents),
        rota_order=_or(asking.rota_order, policy.rota_order),
        at_once=_or(asking.at_once, policy.at_once),
        lending=era.book,
        versions=tuple(sorted(asking.versions)),
    )


Said = TypeVar("Said", Asking, Lending)
Value = TypeVar("Value")


def overlaid(wide: Said, narrow: Said) -> Said:
    """Lay what a narrower side says over what a wider one said, field by field."""
    said: dict[str, Any] = {name: getattr(narrow, name) for name in names_of(narrow)}
    given = {name: value for name, value in said.items() if value is not None}
    if not given:
        return wide
    return replace(wide, **given, versions=(*wide.versions, *narrow.versions))


def names_of(said: Asking | Lending | type[Asking] | type[Lending]) -> tuple[str, ...]:
    """The fields in which something may be said."""
    return tuple(each.name for each in fields(said) if each.name != "versions")


def _or(said: Value | None, otherwise: Value) -> Value:
    return otherwise if said is None else said


# --- what suppliers lend --------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def lending_of(book: LendingBook, agency: str | None, province: str | None) -> Lending:
    """What holds for what a side lends."""
    lending = book.network
    if province is not None and province in book.provinces:
        lending = overlaid(lending, book.provinces[province])
    if agency is not None and agency in book.agencies:
        lending = overlaid(lending, book.agencies[agency])
    return lending


def lent_from(holding: Holding, lending: Lending, *, to_others: bool) -> date | None:
    """The first day on which copies may leave their location: for another agency, or for another of its own.

    date.min: they always might, as where nobody knows how old they are. None: never.
    """
    if to_others and holding.material in (lending.not_lent or ()):
        return None
    days = max(lending.embargo_days or 0, (lending.least_age_days or 0) if to_others else 0)
    if holding.added_on is None or not days:
        return date.min
    try:
        return holding.added_on + timedelta(days=days)
    except OverflowError:
        return None


def is_central(lending: Lending, location: str, agency: str | None) -> bool:
    """Whether a location holds a central collection, by itself or as all of its agency."""
    holders = lending.central_holders
    return holders is not None and (location in holders or agency in holders)


# --- who comes first ------------------------------------------------------------------------------


def orders(policy: Policy) -> bool:
    """Whether a policy puts anyone before others."""
    return bool(policy.circles) or policy.central_collections is not Central.NEUTRAL


def circle_rank(policy: Policy, supplying: Side, requesting: Side) -> int:
    """Which of the policy's circles a supplier belongs to, from 0; behind them all where it belongs to none."""
    own = same_agency(supplying, requesting)
    near = own or same_province(supplying, requesting)
    for rank, circle in enumerate(policy.circles):
        if circle is Circle.NATIONAL or (near if circle is Circle.PROVINCE else own):
            return rank
    return len(policy.circles)


def central_rank(policy: Policy, location: str, side: Side) -> int:
    """0 for those whom the policy puts first for their collection's sake, 1 for the others."""
    if policy.central_collections is Central.NEUTRAL or policy.lending is None:
        return 0
    central = is_central(lending_of(policy.lending, side.agency, side.province), location, side.agency)
    return int(central is (policy.central_collections is Central.LAST))


def precedence(policy: Policy, location: str, supplying: Side, requesting: Side) -> int:
    """What puts a supplier before others whatever the objective: less comes first."""
    return 2 * circle_rank(policy, supplying, requesting) + central_rank(policy, location, supplying)


def precedence_told(policy: Policy, location: str, supplying: Side, requesting: Side) -> tuple[str, ...]:
    """The same in sentences."""
    told = []
    if policy.circles:
        rank, count = circle_rank(policy, supplying, requesting), len(policy.circles)
        told.append(
            f"{_WHERE[policy.circles[rank]]}: circle {rank + 1} of {count}."
            if rank < count
            else f"Outside the {count} circles that come first."
        )
    if policy.lending is not None and policy.central_collections is not Central.NEUTRAL:
        lending = lending_of(policy.lending, supplying.agency, supplying.province)
        if is_central(lending, location, supplying.agency):
            told.append(f"Holds a central collection, which comes {policy.central_collections}.")
    return tuple(told)


_WHERE = {
    Circle.OWN: "In the own organisation",
    Circle.PROVINCE: "In the own province",
    Circle.NATIONAL: "In the country",
}


def lapses(policy: Policy, service_level: str) -> tuple[int, Mapping[str, int]]:
    """Return after how many open days silence is a no at a service level: in general, and by agency where it differs.

    The agency counts before the level: what it has agreed for all its answers beats what holds for everyone's at that
    level.
    """
    if not policy.lapse_rules:
        return policy.lapse_days, {}
    general, own = _lapses(policy.lapse_rules, service_level)
    return policy.lapse_days if general is None else general, own


@lru_cache(maxsize=64)
def _lapses(rules: tuple[LapseRule, ...], service_level: str) -> tuple[int | None, Mapping[str, int]]:
    found: dict[str, int] = {}
    for rule in sorted(rules, key=lambda rule: rule.service_level != ""):  # the more particular one comes last
        if rule.service_level in ("", service_level):
            found[rule.agency] = rule.open_days
    return found.pop("", None), found
