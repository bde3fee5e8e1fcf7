"""An installation as data: its addresses, secrets, branch map, dialect and limits; and what each kind asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from adapters.contract import LibrarySystem

Clock = Callable[[], datetime]

WEB = frozenset({"http", "https"})
SIP2 = frozenset({"sip2", "sip2s"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # a URL's reader drops some of them, and then leads elsewhere


def utc_now() -> datetime:
    """Return the moment it is."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard a process may ask a system, and how long it is waited for."""

    calls_per_second: float = 20.0
    calls_at_once: int = 8
    deadline_seconds: float = 5.0  # for one call, all its attempts and redirects included
    answer_bytes: int = 8 * 2**20  # of one answer; more is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One installation. Addresses, secrets and options go by the names that its kind describes.

    `branches` leads from what the system calls a branch to our location; `clock` is asked wherever it matters when.
    """

    system: str
    addresses: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    branches: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    clock: Clock = utc_now


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that an installation can be given: what it is for, and what it is where nothing is given.

    `pattern` is what a value must match as a whole; `default` None: it must be given. Of an address, `schemes` are
    what it may begin with: each leads to one interface, and what speaks to that speaks no other.
    One that is a `base` has paths and parameters put behind it, and can bring none of its own.
    """

    description: str
    default: str | None = ""
    pattern: str = r".*"
    schemes: frozenset[str] = WEB
    base: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of system: what its installations must or may be given, and what opens one. `addresses` are URLs."""

    name: str
    open: Callable[[Installation], LibrarySystem]
    addresses: Mapping[str, Entry] = field(default_factory=dict)
    secrets: Mapping[str, Entry] = field(default_factory=dict)
    options: Mapping[str, Entry] = field(default_factory=dict)


def faults_of(kind: Kind, installation: Installation) -> list[tuple[str, str]]:
    """Return what is wrong with what an installation was given, each with a JSON pointer.

    No value is repeated, and secrets are only looked at for being there.
    """
    found: list[tuple[str, str]] = []
    parts = (("addresses", kind.addresses), ("secrets", kind.secrets), ("options", kind.options))
    for part, entries in parts:
        given: Mapping[str, str] = getattr(installation, part)
        found += [(f"/{part}/{name}", f"a {kind.name} system has no such entry") for name in given.keys() - entries]
        for name, entry in entries.items():
            if name not in given:
                if entry.default is None:
                    found.append((f"/{part}/{name}", f"is missing: {entry.description}"))
            elif part != "secrets" and re.fullmatch(entry.pattern, given[name], re.DOTALL) is None:
                found.append((f"/{part}/{name}", f"is not of the form {entry.pattern}"))
    found += [
        (f"/addresses/{name}", wrong)
        for name, url in installation.addresses.items()
        if name in kind.addresses and (wrong := _wrong(kind.addresses[name], url))
    ]
    return sorted(found)


def option(kind: Kind, installation: Installation, name: str) -> str:
    """Return an option, or what it is by default."""
    return installation.options.get(name, kind.options[name].default or "")


def _wrong(entry: Entry, url: str) -> str | None:
    if _CONTROL.search(url):
        return "holds a line break or another control character"
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return "cannot be read as an address"
    if parts.scheme == "fake" and "fake" in entry.schemes:
        return None  # a desk in this process: what follows is its name
    if parts.scheme not in entry.schemes:
        return f"begins with none of {', '.join(sorted(f'{scheme}://' for scheme in entry.schemes))}"
    if parts.username or parts.password:
        return "holds a name or password: those are secrets"
    if entry.base and ("?" in url or "#" in url):
        return "holds ? or #: what is asked for is put behind this address"
    return None if parts.hostname and port_is_fine else "names no host"
