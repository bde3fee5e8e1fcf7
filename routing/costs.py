"""What a supply costs the requesting side, part by part."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from routing.model import CostPart, Register, Tariff
from routing.register import Side, agency_in_force, find_location, side_of

NOBODY = Side()


class Charge(NamedTuple):
    """What crossing from one side to another costs, part by part and in all (euro cents), and in a sentence."""

    parts: tuple[CostPart, ...]
    cents: int
    told: str


def charge_between(supplying: Side, requesting: Side, tariff: Tariff) -> Charge:
    """The charge between two sides.

    Inside one agency or one province nothing is charged. Beyond, the supplier is paid, and the transport too
    once the item leaves its POI's area. A side that nobody registered has no tariff.
    Source: national agreement 2021-23; both Hollands are one area because one POI serves them.
    """
    if same_agency(supplying, requesting):
        return WITHIN_ONE_AGENCY
    if same_province(supplying, requesting):
        return _within(requesting.province)
    if NOBODY in (supplying, requesting):
        return NO_TARIFF
    inside, beyond = _charges(tariff.supplier_cents, tariff.transport_cents)
    one_area = supplying.poi is None or requesting.poi is None or supplying.poi == requesting.poi
    return inside if one_area else beyond


def charge_for_supply(
    register: Register, supplying_location: str, pickup_location: str, *, moment: datetime, tariff: Tariff
) -> tuple[CostPart, ...]:
    """The parts of the charge for an item from one location to another, as the register has them at a moment."""
    if supplying_location == pickup_location:
        return ()
    supplying, requesting = (
        side_of(location, agency_in_force(register, location.agency, moment))
        for location in (find_location(register, supplying_location), find_location(register, pickup_location))
    )
    return charge_between(supplying, requesting, tariff).parts


WITHIN_ONE_AGENCY = Charge((), 0, "Within one organisation, so no charge.")
NO_TARIFF = Charge((), 0, "No tariff applies.")


@cache
def _within(province: str | None) -> Charge:
    return Charge((), 0, f"Within one province ({province}), so no charge.")


@cache
def _charges(supplier_cents: int, transport_cents: int) -> tuple[Charge, Charge]:
    supplier = CostPart("supplier", supplier_cents)
    return charge_for(supplier), charge_for(supplier, CostPart("transport", transport_cents))


def charge_for(*parts: CostPart) -> Charge:
    """The charge that is made up of `parts`, of which there is at least one."""
    cents = sum(part.cents for part in parts)
    named = ", ".join(f"{part.what} {euros(part.cents)}" for part in parts)
    return Charge(parts, cents, f"Costs {euros(cents)}: {named}.")


def same_agency(one: Side, other: Side) -> bool:
    """Whether both sides are the same, known agency."""
    return one.agency is not None and one.agency == other.agency


def same_province(one: Side, other: Side) -> bool:
    """Whether both sides lie in the same, known province."""
    return one.province is not None and one.province == other.province


def euros(cents: float) -> str:
    """Cents as a person reads them: 1075 is "10.75 euro"."""
    return f"{cents / 100:.2f} euro"
