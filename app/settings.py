"""The one place where the surroundings are read: environment variables that begin with LEENPAD_."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """Return the user's state folder for Leenpad (XDG base directory specification); without a home, the system's."""
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # a user without a home
        state = Path()
    return (state if state.is_absolute() else Path("/var/lib")) / "leenpad"


class Settings(BaseSettings):
    """Made once at start and handed down; every field is described in docs/operations.md."""

    model_config = SettingsConfigDict(env_prefix="LEENPAD_", frozen=True)

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
    sweep_cache_mib: int = Field(default=512, ge=16, description="Memory for kept sweeps per process, in MiB.")
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
    clock_since: datetime | None = Field(
        default=None, description="From this moment on the loan requests' clock runs at another speed."
    )
    clock_speed: float = Field(default=1.0, ge=1.0, le=1_000_000.0, description="How many times as fast it runs.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
