"""What the operations on titles and holdings answer, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TITLE_EXAMPLE = {
    "isbns": ["9789000000005"],
    "ppns": ["398765432"],
    "title": "De ontdekking van de hemel",
    "author": "Harry Mulisch",
    "volume": "",
    "locations": 212,
    "systems": 9,
}
HOLDING_EXAMPLE = {
    "location": "NL-0800070001",
    "agency": "NL-0800070000",
    "province": "UT",
    "system": "wise-midden",
    "isbns": ["9789000000005"],
    "ppns": ["398765432"],
    "title": "De ontdekking van de hemel",
    "author": "Harry Mulisch",
    "material": "book",
    "copies": 2,
    "available": 1,
    "loanable": True,
}
GROUP_EXAMPLE = {
    "group": "wise-midden",
    "locations": 31,
    "copies": 40,
    "available_known": 22,
    "unknown_locations": 4,
    "loanable_locations": 30,
    "loanable_copies": 38,
}
REPORT_EXAMPLE = {
    "read": 4,
    "created": 2,
    "updated": 0,
    "unchanged": 1,
    "removed": 0,
    "rejected": 1,
    "superseded": 0,
    "rejects": [{"line": 4, "field": "isbn", "reason": '"9789000000006": the check digit of this ISBN is wrong'}],
    "notes": ["columns that are not known were left aside: shelf"],
}


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class CataloguedShape(BaseModel):
    """A work as catalogued."""

    model_config = _example(TITLE_EXAMPLE)

    isbns: list[str] = Field(description="Its ISBNs, in thirteen digits.")
    ppns: list[str] = Field(description="Its number in the joint catalogue; none where only an ISBN is known.")
    title: str = Field(description="As the last file that named it had it, or else the first record of a system.")
    author: str
    volume: str = Field(
        description="Which volume of a work it is, or which special form, in small letters; empty: the whole, or not "
        "known."
    )
    locations: int = Field(description="How many locations hold it.")
    systems: int = Field(description="How many library systems those use today.")


class HoldingShape(BaseModel):
    """A location has copies of a title."""

    model_config = _example(HOLDING_EXAMPLE)

    location: str
    agency: str | None
    province: str | None = Field(description="The location's, or else its agency's.")
    system: str | None = Field(description="The location's, or else the one that its agency uses today.")
    isbns: list[str]
    ppns: list[str]
    title: str
    author: str
    material: str
    copies: int
    available: int | None = Field(description="How many are on the shelf; null: nobody knows.")
    loanable: bool


class GroupShape(BaseModel):
    """The holdings of a title in one system, agency or province, counted."""

    model_config = _example(GROUP_EXAMPLE)

    group: str | None = Field(description="Its id, ISIL or code; null: the locations that have none.")
    locations: int
    copies: int
    available_known: int = Field(description="Copies on the shelf, as far as they are known.")
    unknown_locations: int = Field(description="Locations of which nobody knows how many are on the shelf.")
    loanable_locations: int = Field(description="Locations that lend it.")
    loanable_copies: int


class RefusedRowShape(BaseModel):
    """A row that did not land."""

    line: int = Field(description="The line on which it starts; the header is line 1.")
    field: str | None = Field(description="The column at fault; null: the row as a whole.")
    reason: str


class ReportShape(BaseModel):
    """What became of the rows: `read` = `created` + `updated` + `unchanged` + `rejected`."""

    model_config = _example(REPORT_EXAMPLE)

    read: int
    created: int
    updated: int
    unchanged: int
    removed: int = Field(description="Holdings taken away by `replace`.")
    rejected: int
    superseded: int = Field(description="Of the unchanged: rows that a later line of the same file spoke over.")
    rejects: list[RefusedRowShape] = Field(description="The first hundred.")
    notes: list[str] = Field(description="What was left aside or joined, in sentences.")
