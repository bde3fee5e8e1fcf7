"""The library systems that agencies run: which kinds there are, and what speaks to each."""

from __future__ import annotations

from collections.abc import Mapping

from adapters import brocade, concerto, fake, vubis, wise
from adapters.installation import Kind

SYSTEMS: Mapping[str, Kind] = {
    kind.name: kind for kind in (wise.KIND, vubis.KIND, concerto.KIND, brocade.KIND, fake.KIND)
}
"""By name, every kind that has an adapter. One that is not here answers by hand, like `manual`."""

SYSTEM_KINDS = frozenset({*SYSTEMS, "manual", "unknown"})
"""`manual` answers by hand; `unknown` is an installation of which nobody has said yet what it is."""
