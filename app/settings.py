"""What the surroundings say: environment variables that begin with LEENPAD_.

They are read here and nowhere else, but for LEENPAD_POSTGRES_BIN, which `app.embedded` reads in its small processes.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, time
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_HOST = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]*)(:(?P<port>.*))?")
_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
_SUCH_AS = "; an address looks like postgresql://user@host:5432/name"


def default_data_dir() -> Path:
    """Return the user's state folder for Leenpad (XDG base directory specification); without a home, the system's."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # a user without a home
        state = Path()
    return (state if state.is_absolute() else Path("/var/lib")) / "leenpad"


def _hours(value: object) -> object:
    """Read hours of the day by comma."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """Made once at start and handed down; every field is described in docs/operations.md."""

    # What was given may hold a password: errors do not repeat it.
    model_config = SettingsConfigDict(env_prefix="LEENPAD_", frozen=True, hide_input_in_errors=True)

    database_url: str | None = Field(
        default=None, description="PostgreSQL address (postgresql://…). Unset: the embedded one."
    )
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Where the embedded PostgreSQL keeps its data."
    )
    admin_key: SecretStr | None = Field(default=None, description="A bootstrap API key with every scope.")
    # One listens for as long as the process works, one may be in a long import: the third answers.
    pool_size: int = Field(default=8, ge=3, le=200, description="Database connections per process.")
    statement_cache_size: int = Field(
        default=100, ge=0, description="Prepared statements per connection; 0 behind pgbouncer."
    )
    horizon_days: int = Field(
        default=35, ge=1, le=366, description="How far ahead of the request a van may still arrive, in days."
    )
    sweep_cache_mib: int = Field(default=768, ge=16, description="Memory for kept sweeps per process, in MiB.")
    import_max_mib: int = Field(
        default=1024, ge=1, description="Largest body an import takes, in MiB, before unpacking."
    )
    import_max_seconds: int = Field(default=900, ge=1, description="Longest an import may take, in seconds.")
    lease_seconds: float = Field(
        default=60.0, ge=2.0, le=3600.0, description="How long a worker has for a task before another may take it."
    )
    private_receivers: bool = Field(
        default=False, description="Whether webhooks may go to private, loopback or link-local addresses."
    )
    retention_days: int = Field(
        default=365, ge=1, le=36_500, description="How long ended loan requests keep what could point at a person."
    )
    changes_days: int = Field(
        default=730, ge=1, le=36_500, description="How long the log of changes goes back, in days."
    )
    responses_least: int = Field(
        default=200,
        ge=1,
        description="How many answers of suppliers there must be for something to be learned of them.",
    )
    secrets_key: SecretStr | None = Field(
        default=None, description="Keys that secrets are sealed with, by comma: the first seals, each opens."
    )
    items_per_crate: int = Field(
        default=20, ge=1, le=1000, description="How many items a crate holds, where loads are reckoned in crates."
    )
    improve_at: Annotated[tuple[time, ...], NoDecode, BeforeValidator(_hours)] = Field(
        default=(),
        description="Local hours by comma (`06:30,11:00`) at which all loan requests that nobody has answered yet "
        "are chosen again together; none: never.",
    )
    scan_grace_minutes: int = Field(
        default=15, ge=0, le=240, description="How long after its van should have left an item is still put on it."
    )
    live_deadline_ms: int = Field(
        default=800, ge=0, le=10_000, description="How long a decision waits for library systems; 0: none is asked."
    )
    oidc_issuer: str | None = Field(
        default=None, description="The OpenID Connect provider where people sign in. Unset: with keys only."
    )
    oidc_client_id: str = Field(default="leenpad", description="What this service is called there.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Its secret there, if it has one.")
    oidc_claim: str = Field(default="leenpad", description="The claim that says what a person may do here.")
    session_hours: float = Field(default=10.0, gt=0, le=720, description="How long a person stays signed in.")
    clock_since: datetime | None = Field(
        default=None, description="From this moment on the loan requests' clock runs at another speed."
    )
    clock_speed: float = Field(default=1.0, ge=1.0, le=1_000_000.0, description="How many times as fast it runs.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")

    @field_validator("secrets_key")
    @classmethod
    def _secrets_key(cls, value: SecretStr | None) -> SecretStr | None:
        keys = keys_in(value)
        if not all(_FERNET_KEY.fullmatch(key) for key in keys):
            raise ValueError("a key is 32 bytes in URL-safe base64: make one with `./run secret key`")
        return value if keys else None

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        check_address(value)
        return value


def keys_in(value: SecretStr | None) -> list[str]:
    """Return the keys in LEENPAD_SECRETS_KEY, in order."""
    return [] if value is None else [key.strip() for key in value.get_secret_value().split(",") if key.strip()]


def check_address(url: str) -> None:
    """Raise ValueError, without a part of it, for what is no address of a PostgreSQL server (or several)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"its host cannot be read{_SUCH_AS}") from None
    if parts.scheme not in ("postgres", "postgresql") or not url.partition(":")[2].startswith("//"):
        raise ValueError(f"does not begin with postgresql://{_SUCH_AS}")
    ports = [port for given in parse_qs(parts.query).get("port", ()) for port in given.split(",")]
    for host in parts.netloc.rpartition("@")[2].split(","):
        found = _HOST.fullmatch(host)
        if found is None:
            raise ValueError(f"its host cannot be read{_SUCH_AS}")
        if found["port"] is not None:
            ports.append(found["port"])
    if not all(port.isascii() and port.isdigit() and 0 < int(port) < 2**16 for port in ports):
        raise ValueError(f"its port is no number from 1 to 65535{_SUCH_AS}")
