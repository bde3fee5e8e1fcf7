"""The published schemas: they lie beside the repository, copied nowhere, and what we send is held against them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

FOLDER = Path(os.environ.get("LEENPAD_SCHEMAS") or Path(__file__).parents[3] / "shared" / "schemas")
ISO18626 = {"1.2": "ISO-18626-v1_2.xsd", "2021-2": "ISO-18626-v2021-2.xsd"}
NCIP = "ncip_v2_02.xsd"


@cache
def schema(name: str) -> etree.XMLSchema:
    """A schema by the name of its file; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not there: set LEENPAD_SCHEMAS to the folder of the published schemas")
    return etree.XMLSchema(etree.parse(str(path)))


def faults(document: bytes, name: str) -> list[str]:
    """What a schema finds wrong with a document."""
    found = schema(name)
    found.validate(etree.fromstring(document))
    return [error.message for error in found.error_log]  # type: ignore[attr-defined]  # it is a list
