"""Opens the library systems that placements go to, each once a process."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters import SYSTEMS
from adapters.contract import LibrarySystem
from adapters.installation import Installation
from app.database import Connection
from app.store.systems import find_system


@dataclass(slots=True)
class Systems:
    """Installations by address. What has no address or no adapter answers by hand."""

    opened: dict[tuple[str, str], LibrarySystem] = field(default_factory=dict)

    async def find(self, connection: Connection, system: str | None) -> LibrarySystem | None:
        """Return what speaks to a system; None where people answer for it."""
        known = None if system is None else await find_system(connection, system)
        if known is None or known.address is None or known.kind not in SYSTEMS:
            return None
        key = (known.kind, known.address)
        if key not in self.opened:
            installation = Installation(system=str(system), addresses={"desk": known.address})
            self.opened[key] = SYSTEMS[known.kind].open(installation)
        return self.opened[key]
