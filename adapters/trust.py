"""Which certificates are trusted: by all that speaks TLS the same, on whatever machine."""

from __future__ import annotations

import ssl
from functools import cache

import certifi


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted, read once a process: to read them takes longer than most calls."""
    return ssl.create_default_context(cafile=certifi.where())
