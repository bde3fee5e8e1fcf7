"""The vault: nothing opens what it sealed but its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.lending.vault import Vault, VaultClosed, own_key


def key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_sealed_is_opened_by_the_same_key_and_no_other() -> None:
    mine = key()
    sealed = Vault([mine]).seal("hush")
    assert b"hush" not in sealed
    assert Vault([mine]).unseal(sealed) == "hush"
    with pytest.raises(VaultClosed):
        Vault([key()]).unseal(sealed)


def test_a_vault_without_a_key_keeps_nothing() -> None:
    with pytest.raises(VaultClosed, match="LEENPAD_SECRETS_KEY"):
        Vault().seal("hush")


def test_a_key_can_be_followed_by_another() -> None:
    old, new = key(), key()
    sealed = Vault([old]).seal("hush")
    resealed = Vault([new, old]).reseal(sealed)
    assert Vault([new]).unseal(resealed) == "hush"
    with pytest.raises(VaultClosed):
        Vault([old]).unseal(resealed)


def test_the_key_of_an_embedded_database_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = own_key(tmp_path)
    assert own_key(tmp_path) == made
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    Vault([made]).seal("hush")
