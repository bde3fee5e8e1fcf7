"""Keeps what was worked out lately, within a number of bytes, for more than one thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any


class Cache:
    """Values by key, the least recently used thrown out first once they weigh more than `limit_bytes`.

    Values must be immutable: what one thread has taken, another may push out meanwhile. A value heavier
    than the whole limit is not kept, and whoever needs it works it out again.
    """

    __slots__ = ("_lock", "_used_bytes", "_values", "limit_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._used_bytes = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    @property
    def used_bytes(self) -> int:
        """What is kept now, in bytes."""
        return self._used_bytes

    def __len__(self) -> int:
        return len(self._values)

    def find(self, key: Hashable) -> Any | None:
        """The value kept under `key`, or None."""
        with self._lock:
            kept = self._values.get(key)
            if kept is None:
                return None
            self._values.move_to_end(key)
            return kept[0]

    def keep(self, key: Hashable, value: Any, *, size_bytes: int) -> None:
        """Keep `value` under `key`, and let go of the oldest until everything fits."""
        if size_bytes > self.limit_bytes:
            return
        with self._lock:
            before = self._values.pop(key, None)
            if before is not None:
                self._used_bytes -= before[1]
            self._values[key] = (value, size_bytes)
            self._used_bytes += size_bytes
            while self._used_bytes > self.limit_bytes:
                _, (_, dropped_bytes) = self._values.popitem(last=False)
                self._used_bytes -= dropped_bytes
