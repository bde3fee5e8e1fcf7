"""The OpenAPI document is complete, true, and the one that is kept in docs/openapi.json."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from app.main import create_app
from app.problems import MEDIA_TYPE, PROBLEMS
from app.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
SLUGS = {row.slug: row for row in PROBLEMS.values()}
# What whole files are: nothing to show on a page.
BINARY = {"application/pdf", "application/x-protobuf", "application/zip", "text/html"}

Operation = tuple[str, dict[str, Any]]


def operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def media_of(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body that goes in ("request") or comes out (its status), its media type and what is said of it."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", media_type, media
    for status, response in operation["responses"].items():
        for media_type, media in response.get("content", {}).items():
            yield status, media_type, media


def examples_of(media: dict[str, Any]) -> list[Any]:
    shown = [entry["value"] for entry in media.get("examples", {}).values()]
    return shown + ([media["example"]] if "example" in media else [])


each_operation = pytest.mark.parametrize("operation", [pytest.param(entry, id=entry[0]) for entry in operations()])


def test_the_kept_document_is_the_one_that_is_served() -> None:
    kept = ROOT / "docs" / "openapi.json"
    served = orjson.dumps(DOCUMENT, option=orjson.OPT_INDENT_2) + b"\n"
    assert kept.read_bytes() == served, (
        "The API differs from docs/openapi.json. If that is meant: ./run openapi > docs/openapi.json, and say in "
        "CHANGELOG.md what changed for callers."
    )


@each_operation
def test_every_operation_says_what_it_does(operation: Operation) -> None:
    _, described = operation
    assert described["summary"]
    assert len(described["description"]) > 30
    (tag,) = described["tags"]
    assert tag in {entry["name"] for entry in DOCUMENT["tags"]}
    for parameter in described.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]


def test_every_tag_is_used_and_tells_the_reader_where_to_begin() -> None:
    used = {operation["tags"][0] for _, operation in operations()}
    named = [tag["name"] for tag in DOCUMENT["tags"]]
    assert set(named) == used
    assert named[:2] == ["Start here", "Decide"]


@each_operation
def test_every_body_has_an_example_that_keeps_to_its_schema(operation: Operation) -> None:
    _, described = operation
    assert any(status.startswith("2") for status in described["responses"])
    for where, media_type, media in media_of(operation[1]):
        examples = examples_of(media)
        assert examples or media_type in BINARY, f"{where} {media_type} has no example"
        schema = {**media["schema"], "components": DOCUMENT["components"]}
        if media_type.endswith("json"):
            for example in examples:
                jsonschema_rs.validate(schema, example, validate_formats=True)


@each_operation
def test_every_problem_that_is_named_exists(operation: Operation) -> None:
    _, described = operation
    for status, response in described["responses"].items():
        if status.startswith("2") or MEDIA_TYPE not in response.get("content", {}):
            continue
        for slug, entry in response["content"][MEDIA_TYPE]["examples"].items():
            assert SLUGS[slug].status == int(status) == entry["value"]["status"]
            assert entry["value"]["type"] == f"/problems/{slug}"


def test_every_kind_of_problem_is_named_by_some_operation_or_can_befall_all() -> None:
    named = {
        slug
        for _, operation in operations()
        for response in operation["responses"].values()
        for slug in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    }
    assert set(SLUGS) - named == {"internal-error", "method-not-allowed"}


def test_names_of_operations_are_unique() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)


def test_no_address_of_another_host_is_in_it() -> None:
    # The second is nobody's for good (RFC 2606), and the third the name of a namespace.
    known = (b"postgresql://", b"https://library.example/", b"http://illtransactions.org/2013/iso18626")
    text = orjson.dumps(DOCUMENT)
    for address in known:
        text = text.replace(address, b"")
    assert b"://" not in text


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == project["version"]


def test_every_operation_of_v1_and_of_the_protocol_takes_a_key_and_no_other_does() -> None:
    for name, operation in operations():
        # Whoever signs in at the provider has no key yet.
        asks = ("/v1/" in name or name.endswith("/iso18626")) and "/v1/sessions/provider" not in name
        assert (operation.get("security") == [{"key": []}]) == asks, name
