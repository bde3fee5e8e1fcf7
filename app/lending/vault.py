"""Keeps secrets sealed: what lies in the database can be opened only with a key that does not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEY_FILE = "secrets.key"


class VaultClosed(Exception):  # noqa: N818 - says what it is
    """There is no key to seal or open secrets with, or not the right one."""


class Vault:
    """Seals and opens with Fernet keys: the first seals, each of them opens. Raises ValueError for what is none."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def seal(self, secret: str) -> bytes:
        """Return a secret sealed. Raises VaultClosed."""
        return self._open_vault().encrypt(secret.encode())

    def unseal(self, sealed: bytes) -> str:
        """Return what was sealed. Raises VaultClosed."""
        try:
            return self._open_vault().decrypt(sealed).decode()
        except InvalidToken:
            raise VaultClosed("A secret was sealed with a key that is not among those of this process.") from None

    def reseal(self, sealed: bytes) -> bytes:
        """Return a secret sealed with the first key. Raises VaultClosed."""
        try:
            return self._open_vault().rotate(sealed)
        except InvalidToken:
            raise VaultClosed("A secret was sealed with a key that is not among those of this process.") from None

    def _open_vault(self) -> MultiFernet:
        if self._fernet is None:
            raise VaultClosed("LEENPAD_SECRETS_KEY is not set: no secret can be kept or opened.")
        return self._fernet


def own_key(folder: Path) -> str:
    """Return the key in the folder of the embedded database, made the first time; only its owner reads it."""
    path = folder / KEY_FILE
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=folder) as file:  # readable by its owner alone
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            with suppress(FileExistsError):  # of two processes at once one is first, and its key is whole
                os.link(file.name, path)
    return path.read_text(encoding="ascii").strip()
