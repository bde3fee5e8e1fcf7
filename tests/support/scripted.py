"""A library system that answers about its shelves as a test says, and as late as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.contract import Capabilities, ItemStatus, Lacking, Scheme, Snapshot, SystemFault, Title, Verb


@dataclass(slots=True)
class Scripted(Lacking):
    """`shelves` are copies on the shelf by location; None: the system does not know. `fault` is raised instead."""

    shelves: dict[str, int | None] = field(default_factory=dict)
    seconds: float = 0.0
    fault: SystemFault | None = None
    fresh_seconds: int = 60
    lendable: bool | None = None
    knows: bool = True
    verbs: frozenset[Verb] = frozenset({Verb.RESOLVE, Verb.AVAILABILITY})
    calls: list[str] = field(default_factory=list)
    closed: bool = False

    def capabilities(self) -> Capabilities:
        return Capabilities(
            verbs=self.verbs, schemes=frozenset({Scheme.ISBN}), batch=10, fresh_seconds=self.fresh_seconds
        )

    async def resolve(self, title: Title) -> list[str]:
        self.calls.append(f"resolve {title.isbn}")
        return ["record"] if self.knows else []

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        self.calls.append("availability")
        await asyncio.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault
        return [
            Snapshot(
                reference="record",
                branch=location,
                location=location,
                status=ItemStatus.UNKNOWN if count is None else ItemStatus.AVAILABLE,
                count=count,
                lendable=self.lendable,
                observed_at=datetime.now(UTC),
            )
            for location, count in self.shelves.items()
        ]

    async def close(self) -> None:
        self.closed = True
