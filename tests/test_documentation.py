"""What can be set, called or gone wrong is documented, and the documents point at what exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic_core import PydanticUndefined

from app.__main__ import main
from app.commands.serve import WORKING
from app.embedded.cluster import OTHER_BINARIES
from app.problems import PROBLEMS
from app.settings import Settings
from app.telemetry import DEAD_LETTERS, DECISION_SECONDS, IMPORTED_ROWS, REQUEST_SECONDS, REQUESTS

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def rows_of(heading: str) -> dict[str, list[str]]:
    """The cells of the first table under a heading of operations.md, by their first cell."""
    section = re.split(r"^## ", OPERATIONS.partition(f"## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {first: rest for first, *rest in cells}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = rows_of("Settings")
    expected = {f"`LEENPAD_{name.upper()}`": field for name, field in Settings.model_fields.items()}
    assert documented.pop(f"`{OTHER_BINARIES}`")[0] == "unset"  # the one that is read elsewhere
    assert set(documented) == set(expected)
    for name, field in expected.items():
        default = field.get_default()
        if field.default_factory is not None:
            assert documented[name][0] == "`~/.local/state/leenpad`"
        else:
            assert default is not PydanticUndefined
            assert documented[name][0] == ("unset" if default is None else str(default)), name


def test_no_setting_is_read_that_is_not_documented() -> None:
    files = [file for folder in ("app", "migrations") for file in (ROOT / folder).rglob("*.py")]
    named = {name for file in files for name in re.findall(r"LEENPAD_[A-Z_]*[A-Z]", file.read_text())}
    named.discard(WORKING)  # from `serve` to its own workers
    assert {f"`{name}`" for name in named} <= set(rows_of("Settings"))


def commands_of(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


@pytest.mark.parametrize(("name", "command"), list(commands_of(main, "./run")))
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    (row,) = (row for row in OPERATIONS.splitlines() if row.startswith(("| `" + name + "`", "| `" + name + " ")))
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.opts[0] in row, f"{name} {option.opts[0]} is not in {row}"


def test_no_command_is_documented_that_does_not_exist() -> None:
    known = {name for name, _ in commands_of(main, "./run")} | {"./run test", "./run COMMAND"}
    for page in PAGES:
        for called in re.findall(r"\./run [A-Za-z]+(?: [a-z]+)?", page.read_text()):
            words = called.split()
            assert {" ".join(words[:2]), " ".join(words[:3])} & known, f"{page.relative_to(ROOT)}: {called}"


def test_every_kind_of_problem_is_listed_with_its_status() -> None:
    documented = {slug: cells[0] for slug, cells in rows_of("When something is wrong").items()}
    assert documented == {f"`{row.slug}`": str(row.status) for row in PROBLEMS.values()}


def test_every_metric_is_listed() -> None:
    named = {name.strip("`") for name in rows_of("Health and metrics")}
    exported = {DEAD_LETTERS}
    for metric in (REQUESTS, REQUEST_SECONDS, IMPORTED_ROWS, DECISION_SECONDS):
        (family,) = metric.collect()
        exported.add(family.name + ("_total" if family.type == "counter" else ""))
    assert named == exported


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} points at {target}"
