"""What a supply costs the requesting side, part by part."""

from __future__ import annotations

from functools import cache

from routing.model import CostPart, Tariff
from routing.register import Side

NOBODY = Side()


def cost_parts(supplying: Side, requesting: Side, tariff: Tariff) -> tuple[CostPart, ...]:
    """The parts of the cost between two sides; no parts is no charge.

    Inside one agency or one province nothing is charged. Beyond, the supplier is paid, and the transport too
    once the item leaves its POI's area. A side that nobody registered has no tariff.
    Source: national agreement 2021-23; both Hollands are one area because one POI serves them.
    """
    if same_agency(supplying, requesting) or same_province(supplying, requesting):
        return ()
    if NOBODY in (supplying, requesting):
        return ()
    inside, beyond = _parts(tariff)
    one_area = supplying.poi is None or requesting.poi is None or supplying.poi == requesting.poi
    return inside if one_area else beyond


@cache
def _parts(tariff: Tariff) -> tuple[tuple[CostPart, ...], tuple[CostPart, ...]]:
    supplier = CostPart("supplier", tariff.supplier_cents)
    return (supplier,), (supplier, CostPart("transport", tariff.transport_cents))


def total_cents(parts: tuple[CostPart, ...]) -> int:
    """What the parts come to."""
    return sum([part.cents for part in parts]) if parts else 0


def same_agency(one: Side, other: Side) -> bool:
    """Whether both sides are the same, known agency."""
    return one.agency is not None and one.agency == other.agency


def same_province(one: Side, other: Side) -> bool:
    """Whether both sides lie in the same, known province."""
    return one.province is not None and one.province == other.province


def euros(cents: float) -> str:
    """Cents as a person reads them: 1075 is "10.75 euro"."""
    return f"{cents / 100:.2f} euro"
