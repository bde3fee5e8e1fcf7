"""Threads for our own work that takes a while, apart from those in which names are looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# asyncio looks up names of hosts in the threads that `asyncio.to_thread` takes too. A few systems whose names are not
# answered for would fill them all, and no import or decision would get one.
_threads = ThreadPoolExecutor(thread_name_prefix="leenpad-aside")


async def aside(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, called in a thread; raise what it raises."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, call)
