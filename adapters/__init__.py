"""The library systems that agencies run: which kinds there are, and what speaks to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapters.contract import LibrarySystem
from adapters.fake import FakeSystem

SYSTEM_KINDS = frozenset({"wise", "vubis", "concerto", "brocade", "manual", "fake", "unknown"})
"""`manual` answers by hand; `unknown` is an installation of which nobody has said yet what it is."""

SYSTEMS: Mapping[str, Callable[[str], LibrarySystem]] = {"fake": FakeSystem.at}
"""By kind, what opens an installation at its address. A kind that is not here answers by hand, like `manual`."""
