"""The command line as people use it, on an embedded database: what it prints, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner

from app.__main__ import COMMANDS, main
from app.commands.ground import place_of
from app.embedded import running
from app.settings import Settings
from tests.platform.processes import free_port
from tests.platform.server_users import ROOT

HEADER = "isil,name,kind,parent,province,poi,system,lat,lon,handling_minutes,opening_hours\n"
AGENCY = "NL-1,Library One,agency,,GR,,,,,,\n"
BRANCH = "NL-1-A,Branch A,location,NL-1,GR,,,53.2,6.5,30,\n"
NOWHERE = "NL-1-B,Branch B,location,NL-1,GR,,,553.2,6.5,30,\n"
Run = Callable[..., tuple[int, str, str]]
FEED = ROOT / "tests" / "data" / "caltrain-2009.zip"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose server is kept running, so that commands need not start it."""
    folder = tmp_path_factory.mktemp("line") / "data"
    with running(folder, durable=False):
        yield folder


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process and return its exit code, its output and what it said on stderr."""

    def run_here(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
        surroundings = {"LEENPAD_DATA_DIR": str(data_dir), "COLUMNS": "120"} | environment
        answer = CliRunner(env=surroundings).invoke(main, list(map(str, arguments)), prog_name="./run")
        if answer.exception is not None and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer.exit_code, answer.stdout, answer.stderr

    for name in [name for name in os.environ if name.startswith("LEENPAD_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level, on_end = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    yield run_here
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    signal.signal(signal.SIGTERM, on_end)


def test_help_names_every_command(run: Run) -> None:
    code, output, said = run("--help")
    assert (code, said) == (0, "")
    listed = output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    named = [line.split()[0] for line in listed]
    assert named == [*COMMANDS, "test"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_upgrading_twice_is_no_different_from_once(run: Run) -> None:
    for _ in range(2):
        assert run("db", "upgrade") == (0, "", "The database is up to date.\n")


def test_the_openapi_document_is_printed_without_a_database(run: Run, tmp_path: Path) -> None:
    code, output, said = run("openapi", LEENPAD_DATA_DIR=str(tmp_path / "untouched"))
    assert (code, said) == (0, "")
    assert json.loads(output)["info"]["title"] == "Leenpad"
    assert not (tmp_path / "untouched").exists()


def test_an_import_tells_what_it_did_and_names_what_it_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + AGENCY + BRANCH + NOWHERE)
    code, output, said = run("import", "agencies", file)
    assert (code, said) == (0, "")
    assert output.startswith("read 3, created 2, updated 0, unchanged 0, removed 0, rejected 1\n")
    reject = next(line for line in output.splitlines() if "lat" in line)
    assert reject.split()[1:4:2] == ["4", "lat"]
    code, output, _ = run("import", "agencies", file)
    assert (code, output.splitlines()[0]) == (
        0,
        "read 3, created 0, updated 0, unchanged 2, removed 0, rejected 1",
    )


def test_keys_are_listed_rotated_and_revoked(run: Run) -> None:
    options = ("--agency", "NL-1", "--scope", "planner", "--poi", "DR", "--expires-in-days", "30")
    code, first, said = run("key", "create", *options)
    assert (code, first.count("\n"), first[:3]) == (0, 1, "lp_")
    (number,) = re.findall(r"Key (\d+) for NL-1 \(planner\)", said)
    code, second, _ = run("key", "rotate", number, "--overlap-hours", "1")
    assert (code, second.count("\n"), second != first) == (0, 1, True)
    code, listed, _ = run("key", "list")
    rows = [line.split("\t") for line in listed.splitlines()]
    assert [row[1:4] for row in rows if row[0] >= number] == [["NL-1", "planner", "DR"]] * 2
    assert all(row[4].startswith("until 20") for row in rows if row[0] >= number)
    assert run("key", "revoke", number) == (0, f"Key {number} works no longer.\n", "")
    assert run("key", "revoke", number) == (1, "", f"leenpad: There is no key {number}.\n")
    assert run("key", "rotate", number) == (1, "", f"leenpad: There is no key {number}.\n")


def test_a_strict_import_with_a_bad_row_fails_and_says_that_nothing_changed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + AGENCY.replace("NL-1", "NL-2") + NOWHERE)
    code, output, said = run("import", "agencies", file, "--strict")
    assert code == 1
    assert "rejected 1" in output
    assert said.startswith("leenpad: ")
    assert said.endswith("nothing was changed.\n")
    assert said.count("\n") == 1
    file.write_text(HEADER + AGENCY.replace("NL-1", "NL-2"))
    assert "created 1," in run("import", "agencies", file)[1], "the strict import had not made it"


def test_an_import_of_nothing_but_bad_rows_fails(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + NOWHERE)
    code, _, said = run("import", "agencies", file)
    assert (code, said) == (1, "leenpad: nothing could be imported\n")


def test_an_import_names_a_hundred_rejects_and_counts_the_others_and_the_lines_spoken_over(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + AGENCY.replace("NL-1", "NL-3") * 3 + NOWHERE * 104)
    code, output, said = run("import", "agencies", file)
    assert (code, said) == (0, "")
    first, *others = output.splitlines()
    assert first == "read 107, created 1, updated 0, unchanged 2, removed 0, rejected 104, superseded 2"
    assert sum("lat" in line for line in others) == 100
    assert others[-1] == "and 4 more"


def test_an_import_tells_how_far_it_is_where_no_terminal_shows_a_bar(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.commands.imports.LINE_SECONDS", 0.0)
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + NOWHERE * 4000)
    said = run("import", "agencies", file)[2]
    assert said.splitlines()[-2] == "importing agencies: 0.2 of 0.2 MB read"


def test_a_file_that_is_something_else_is_refused_in_a_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "network.zip"
    file.write_text("not a zip")
    code, output, said = run("import", "network", file)
    assert (code, output) == (1, "")
    assert said.startswith("leenpad: Nothing was imported: this is not a whole zip archive")
    assert said.count("\n") == 1


def test_exporting_where_no_network_is_active_says_how_to_have_one(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    code, output, said = run("export", "network", tmp_path / "out.zip", LEENPAD_DATA_DIR=str(folder))
    assert (code, output) == (1, "")
    line = (
        f"leenpad: no network version is active in {folder}: `./run import network FILE --activate` brings one, or"
        " name one with --version"
    )
    assert said == f"{line}\n"
    (folder / "demo").mkdir()
    code, _, said = run("export", "network", tmp_path / "out.zip", LEENPAD_DATA_DIR=str(folder))
    demo = f"LEENPAD_DATA_DIR={folder}/demo ./run export network FILE"
    assert (code, said) == (1, f"{line}; for the network of `./run demo`: {demo}\n")


def test_a_database_is_named_without_its_password() -> None:
    there = Settings(database_url="postgresql://ann:secret@db.example:5432/loans")
    assert place_of(there) == "the database loans at db.example"


def test_a_key_for_an_agency_that_is_not_there_yet_comes_with_a_warning(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + AGENCY.replace("NL-1", "NL-4"))
    assert run("import", "agencies", file)[0] == 0
    _, output, said = run("key", "create", "--agency", "NL-4", "--scope", "reader")
    assert (output.count("\n"), said.count("\n"), "No agency" in said) == (1, 1, False)
    _, output, said = run("key", "create", "--agency", "NL-NOPE", "--scope", "reader")
    assert output.count("\n") == 1
    assert said.startswith("No agency NL-NOPE is known yet; the key waits for it to be imported.\n")


def test_the_limits_of_an_import_hold_here_too(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agencies.csv"
    file.write_text(HEADER + AGENCY + "#" * 1024 * 1024)
    assert run("import", "agencies", file, LEENPAD_IMPORT_MAX_MIB="1") == (
        1,
        "",
        "leenpad: An import takes at most 1 MiB; split the file.\n",
    )
    with file.open("w") as large:
        large.write(HEADER)
        large.writelines(AGENCY.replace("NL-1", f"NL-{number}") for number in range(200_000))
    code, _, said = run("import", "agencies", file, LEENPAD_IMPORT_MAX_SECONDS="1")
    assert (code, said) == (1, "leenpad: The import took longer than 1 seconds; nothing was changed.\n")


def test_a_network_goes_out_and_comes_back_the_same(run: Run, tmp_path: Path) -> None:
    code, output, _ = run("import", "network", FEED, "--activate")
    assert code == 0
    version = output.split("version ")[1].split(",")[0]
    out = tmp_path / "out.zip"
    assert run("export", "network", out) == (0, "", f"Version {version} is in {out}.\n")
    code, output, _ = run("import", "network", out)
    assert (code, output.count(f"version {version}"), "created 0," in output) == (0, 1, True)
    code, _, said = run("export", "network", out, "--version", "nv-none")
    assert (code, said.count("\n"), said.startswith("leenpad: ")) == (1, 1, True)
    code, _, said = run("export", "network", tmp_path / "missing" / "out.zip")
    assert (code, said.count("\n"), str(tmp_path / "missing") in said) == (1, 1, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import", "agencies", "/nowhere.csv"], "File '/nowhere.csv' does not exist"),
        (["import", "vans", str(FEED)], "'vans' is not one of 'agencies', 'network', 'holdings'"),
        (["import", "network", str(FEED), "--replace"], "--replace goes with holdings"),
        (["import", "agencies", str(FEED), "--activate"], "--activate goes with network"),
        (["key", "create", "--agency", "NL-1", "--scope", "king"], "'king' is not one of"),
        (["key", "create", "--scope", "admin"], "Missing option '--agency'"),
        (
            ["key", "create", "--agency", "NL-1", "--scope", "reader", "--poi", "DR"],
            "--poi goes with --scope planner",
        ),
        (["key", "create", "--agency", "NL-1: x", "--scope", "reader"], "has a colon"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_how_to_say_it(
    run: Run, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    code, output, said = run(*arguments, LEENPAD_DATA_DIR=str(tmp_path / "untouched"))
    assert (code, output) == (2, "")
    assert complaint in said
    assert "Usage: ./run" in said
    assert not (tmp_path / "untouched").exists()


def test_a_database_that_cannot_be_reached_is_named_without_its_password(run: Run) -> None:
    url = f"postgresql://leenpad:hunter2@127.0.0.1:{free_port()}/books"
    code, output, said = run("db", "upgrade", LEENPAD_DATABASE_URL=url)
    assert (code, output, said.count("\n")) == (1, "", 1)
    assert said.startswith("leenpad: the database books at 127.0.0.1 cannot be used: ")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("nonsense", "does not begin with postgresql://"),
        ("mysql://x:hunter2@y/z", "does not begin with postgresql://"),
        ("postgresql:x:hunter2@y/z", "does not begin with postgresql://"),
        ("[bad", "does not begin with postgresql://"),
        ("postgresql://x:hunter2@[bad/z", "its host cannot be read"),
        ("postgresql://x:hunter2@a]b/z", "its host cannot be read"),
        ("postgresql://x:hunter2@y:99999/z", "its port is no number from 1 to 65535"),
        ("postgresql://x:hunter2/@y/z", "its port is no number from 1 to 65535"),
        ("postgresql://x:hunter2@y/z?port=0", "its port is no number from 1 to 65535"),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_its_password(run: Run, url: str, fault: str) -> None:
    code, output, said = run("db", "upgrade", LEENPAD_DATABASE_URL=url)
    assert (code, output) == (1, "")
    assert said == (
        f"leenpad: LEENPAD_DATABASE_URL: {fault}; an address looks like postgresql://user@host:5432/name\n"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgres://host/name",
        "postgresql://x:p%40:w@host:5432/name?sslmode=require",
        "postgresql://x@[::1]:5432,host,10.0.0.1:1/name",
        "postgresql://leenpad@/leenpad?host=%2Ftmp%2Fsocket&port=5432",
    ],
)
def test_any_form_of_address_that_the_driver_takes_is_taken(url: str) -> None:
    assert Settings(database_url=url).database_url == url


def test_an_empty_address_is_none(run: Run) -> None:
    assert run("db", "upgrade", LEENPAD_DATABASE_URL="") == (0, "", "The database is up to date.\n")


def test_settings_at_fault_are_named_one_by_one(run: Run) -> None:
    code, _, said = run("db", "upgrade", LEENPAD_POOL_SIZE="many", LEENPAD_HORIZON_DAYS="0")
    assert (code, said.count("\n")) == (1, 1)
    assert "LEENPAD_POOL_SIZE: " in said
    assert "LEENPAD_HORIZON_DAYS: " in said
    code, _, said = run("db", "upgrade", LEENPAD_LOG_LEVEL="loud")
    assert (code, said) == (
        1,
        "leenpad: LEENPAD_LOG_LEVEL: the log level is one of debug, info, warning, error, not 'loud'\n",
    )


def test_a_data_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, said = run("db", "upgrade", LEENPAD_DATA_DIR=str(tmp_path / "file" / "data"))
    assert (code, said.count("\n")) == (1, 1)
    assert "Point LEENPAD_DATA_DIR at a folder" in said


def test_the_demonstration_stays_out_of_a_database_that_is_in_use(data_dir: Path, run: Run, tmp_path: Path) -> None:
    assert run("import", "network", FEED, "--activate")[0] == 0
    with running(data_dir, durable=False) as url:
        code, output, said = run("demo", "--once", LEENPAD_DATABASE_URL=url, LEENPAD_DATA_DIR=str(tmp_path))
    assert (code, output) == (1, "")
    assert said.splitlines()[-1] == (
        "leenpad: LEENPAD_DATABASE_URL names a database that is in use; the demonstration needs its own"
    )
