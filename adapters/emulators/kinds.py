"""The systems that can be emulated, each with the stock of the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapters.emulators.serve import Emulator
from adapters.emulators.wise import WiseEmulator

EMULATORS: Mapping[str, Callable[[], Emulator]] = {"wise": WiseEmulator}
"""By the name of the kind of system that they stand for."""
