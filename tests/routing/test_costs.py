"""What a supply costs, as a table."""

from __future__ import annotations

import pytest

from routing import CostPart, Tariff
from routing.costs import charge_between, euros
from routing.register import Side

SUPPLIER, TRANSPORT = CostPart("supplier", 675), CostPart("transport", 400)

HAARLEM = Side("NL-HLM", "Noord-Holland", "probiblio")
ALKMAAR = Side("NL-ALK", "Noord-Holland", "probiblio")
LEIDEN = Side("NL-LEI", "Zuid-Holland", "probiblio")
ZWOLLE = Side("NL-ZWO", "Overijssel", "rijnbrink")
ARNHEM = Side("NL-ARN", "Gelderland", "rijnbrink")
NOBODY = Side()


@pytest.mark.parametrize(
    ("supplying", "requesting", "parts"),
    [
        (HAARLEM, HAARLEM, ()),
        (HAARLEM, ALKMAAR, ()),
        (HAARLEM, LEIDEN, (SUPPLIER,)),
        (ZWOLLE, ARNHEM, (SUPPLIER,)),
        (HAARLEM, ZWOLLE, (SUPPLIER, TRANSPORT)),
        (ZWOLLE, HAARLEM, (SUPPLIER, TRANSPORT)),
        # One agency that works in two provinces.
        (Side("NL-X", "Overijssel", "rijnbrink"), Side("NL-X", "Drenthe", "drenthe"), ()),
        # Nobody registered either side: no tariff.
        (NOBODY, HAARLEM, ()),
        (HAARLEM, NOBODY, ()),
        (NOBODY, NOBODY, ()),
        # Half known: what is unknown is not the same, and not another area either.
        (Side("NL-X"), HAARLEM, (SUPPLIER,)),
        (Side("NL-X"), Side("NL-Y"), (SUPPLIER,)),
        (Side(None, "Utrecht", None), Side(None, "Utrecht", "bisc"), ()),
        (Side(None, None, "bisc"), ZWOLLE, (SUPPLIER, TRANSPORT)),
    ],
)
def test_cost_between_two_sides(supplying: Side, requesting: Side, parts: tuple[CostPart, ...]) -> None:
    assert charge_between(supplying, requesting, Tariff()).parts == parts


def test_another_tariff() -> None:
    tariff = Tariff(supplier_cents=100, transport_cents=20)
    assert charge_between(HAARLEM, ZWOLLE, tariff).parts == (CostPart("supplier", 100), CostPart("transport", 20))


def test_euros() -> None:
    assert [euros(0), euros(5), euros(1075)] == ["0.00 euro", "0.05 euro", "10.75 euro"]
