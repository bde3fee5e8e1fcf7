"""The embedded PostgreSQL in real processes: shared, kept between runs, gone with its users, killed or not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.embedded import EmbeddedUnavailable, running
from tests.platform.server_users import ROOT, ask, eventually, keeper_of, owner_of, postmaster_of, processes_of, user

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
READABLE = {"PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"}  # for an interpreter from outside .venv
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder for a server of which nothing may be left after the test."""
    folder = tmp_path / "data"
    yield folder
    assert eventually(lambda: not processes_of(folder)), processes_of(folder)


async def test_data_is_kept_between_runs_and_the_server_stops_with_its_user(data_dir: Path) -> None:
    with running(data_dir) as url:
        await ask(url, "create table book (title text)", "insert into book values ('Max Havelaar')")
    assert processes_of(data_dir) == {}, "the last user waits until the server has stopped"
    with running(data_dir) as url:
        assert await ask(url, "select title from book") == "Max Havelaar"


def test_programs_that_are_not_there_are_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEENPAD_POSTGRES_BIN", "/nowhere")
    with pytest.raises(EmbeddedUnavailable, match="/nowhere/postgres cannot be run"), running(data_dir):
        pass


async def test_text_is_utf8_and_sorted_the_same_everywhere(data_dir: Path) -> None:
    with running(data_dir, durable=False) as url:
        assert await ask(url, "show server_encoding") == "UTF8"
        assert await ask(url, "select lower('ÉÜ') || upper('ß')") == "éüß"
        assert await ask(url, "select string_agg(w, '' order by w) from unnest(array['b','a','B','é']) w") == "Babé"


async def test_real_data_is_synced_and_thrown_away_data_is_not(tmp_path: Path) -> None:
    with running(tmp_path / "kept") as url:
        assert await ask(url, "show fsync") == "on"
    with running(tmp_path / "thrown", durable=False) as url:
        assert await ask(url, "show fsync") == "off"


def test_psql_and_a_stray_pgport_reach_the_same_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with running(data_dir, durable=False) as url:
        answer = subprocess.run(
            ["psql", url, "-Atc", "select current_user"], capture_output=True, text=True, check=True
        )
    assert answer.stdout == "leenpad\n"


async def test_it_listens_on_nothing_but_a_private_socket(data_dir: Path) -> None:
    with running(data_dir, durable=False) as url:
        assert await ask(url, "show listen_addresses") == ""
        assert (data_dir / "socket").stat().st_mode & 0o777 == 0o700


async def test_the_second_user_goes_on_when_the_first_leaves(data_dir: Path) -> None:
    with user(data_dir) as (first, url), running(data_dir, durable=False) as same:
        assert same == url
        first.communicate("")
        assert first.returncode == 0
        assert await ask(url, "select pg_sleep(0.5)", "select 1") == 1


async def test_the_second_user_goes_on_when_the_first_is_killed(data_dir: Path) -> None:
    with user(data_dir) as (first, url), running(data_dir, durable=False):
        first.kill()
        first.wait()
        assert await ask(url, "select pg_sleep(0.5)", "select 1") == 1


async def test_users_that_arrive_together_share_one_server(data_dir: Path) -> None:
    with user(data_dir) as (_, one), user(data_dir) as (_, two), running(data_dir, durable=False) as three:
        assert one == two == three
        keeper_of(data_dir)  # one, or this fails
        assert await ask(one, "select 1") == 1


def test_users_come_and_go_without_a_gap(data_dir: Path) -> None:
    for _ in range(4):
        with user(data_dir) as (_, url):
            assert url.startswith("postgresql://")


def test_killing_the_only_user_leaves_no_process(data_dir: Path) -> None:
    with user(data_dir) as (process, _):
        assert len(processes_of(data_dir)) > 3
        process.kill()
        process.wait()
        assert eventually(lambda: not processes_of(data_dir), seconds=20), processes_of(data_dir)


async def test_killing_the_keeper_leaves_no_process_and_the_data_whole(data_dir: Path) -> None:
    with user(data_dir, durable=True) as (_, url):
        await ask(url, "create table book (title text)", "insert into book values ('Turks fruit')")
        os.kill(keeper_of(data_dir), signal.SIGKILL)
        assert eventually(lambda: not processes_of(data_dir), seconds=20), processes_of(data_dir)
        with running(data_dir) as again:  # while a user of the dead keeper is still there
            assert await ask(again, "select title from book") == "Turks fruit"


async def test_a_killed_server_comes_back_while_it_is_used(data_dir: Path) -> None:
    with running(data_dir) as url:
        await ask(url, "create table book (title text)", "insert into book values ('De aanslag')")
        os.kill(postmaster_of(data_dir), signal.SIGKILL)
        assert await title_in(url) == "De aanslag"


async def test_a_server_killed_in_the_middle_of_work_does_not_wait_for_what_it_left(data_dir: Path) -> None:
    with running(data_dir) as url:
        await ask(url, "create table book (title text)", "insert into book values ('Eline Vere')")
        busy = await asyncpg.connect(url)
        work = asyncio.create_task(busy.fetchval("select count(*) from generate_series(1, 10000000000)"))
        left = await ask(url, "select pid from pg_stat_activity where query like 'select count%'")
        os.kill(postmaster_of(data_dir), signal.SIGKILL)
        assert await title_in(url) == "Eline Vere"
        assert left not in processes_of(data_dir)
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await work


async def test_a_killed_server_is_tried_until_it_can_start_again(data_dir: Path) -> None:
    control = data_dir / "cluster" / "global" / "pg_control"
    with running(data_dir) as url:
        await ask(url, "create table book (title text)", "insert into book values ('Kees de jongen')")
        control.rename(control.with_name("away"))
        os.kill(postmaster_of(data_dir), signal.SIGKILL)
        await asyncio.sleep(4)
        control.with_name("away").rename(control)
        assert await title_in(url) == "Kees de jongen"


async def test_a_server_that_cannot_start_again_is_given_up_with_its_last_user(data_dir: Path) -> None:
    with running(data_dir, durable=False):
        (data_dir / "cluster" / "global" / "pg_control").unlink()
        os.kill(postmaster_of(data_dir), signal.SIGKILL)
        await asyncio.sleep(3)
    assert processes_of(data_dir) == {}


async def title_in(url: str) -> object:
    """Return the one title in the table `book` once the server answers, or None if it does not for long."""
    for _ in range(100):
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return await ask(url, "select title from book")
        await asyncio.sleep(0.2)
    return None


async def test_what_a_power_cut_leaves_behind_does_not_keep_it_from_starting(data_dir: Path) -> None:
    with running(data_dir) as url:
        await ask(url, "create table book (title text)", "insert into book values ('Het diner')")
    # The files name a process number that is in use again: this test's own.
    pid_file = f"{os.getpid()}\n{data_dir / 'cluster'}\n1\n5432\n{data_dir / 'socket'}\n\n     1  1\nready   \n"
    (data_dir / "cluster" / "postmaster.pid").write_text(pid_file)
    (data_dir / "socket" / ".s.PGSQL.5432.lock").write_text(pid_file)
    (data_dir / "socket" / ".s.PGSQL.5432").touch()
    with running(data_dir) as url:
        assert await ask(url, "select title from book") == "Het diner"


async def test_a_cluster_that_was_half_made_is_made_anew(data_dir: Path) -> None:
    half = data_dir / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with running(data_dir, durable=False) as url:
        assert await ask(url, "select count(*) from pg_database where datname = 'leenpad'") == 1
    assert not half.exists()


async def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with running(deep, durable=False) as url:
        assert await ask(url, "select 1") == 1


def test_data_of_another_major_version_is_left_alone_and_named(data_dir: Path) -> None:
    cluster = data_dir / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("11\n")
    with (
        pytest.raises(EmbeddedUnavailable, match="was made by PostgreSQL 11, and this installation has"),
        running(data_dir),
    ):
        pass
    assert [entry.name for entry in cluster.iterdir()] == ["PG_VERSION"]


def test_a_server_that_cannot_start_says_what_postgresql_said(data_dir: Path) -> None:
    with running(data_dir, durable=False):
        pass
    (data_dir / "cluster" / "global" / "pg_control").unlink()
    with (
        pytest.raises(EmbeddedUnavailable, match=r"could not (find the database system|open file)"),
        running(data_dir),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedUnavailable, match="Point LEENPAD_DATA_DIR at a folder"),
        running(tmp_path / "file" / "data"),
    ):
        pass


def test_a_socket_folder_open_to_others_is_refused(data_dir: Path) -> None:
    (data_dir / "socket").mkdir(parents=True)
    (data_dir / "socket").chmod(0o755)
    with pytest.raises(EmbeddedUnavailable, match="mode 0700"), running(data_dir):
        pass


@pytest.fixture
def python_of_nobody() -> str:
    """An interpreter that an ordinary user can run, with our sources within reach."""
    probe = (
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import asyncpg, app.embedded']))"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run([*AS_NOBODY, python, "-c", probe], env=READABLE, capture_output=True, check=False)
        if tried.returncode == 0:
            return python
    pytest.skip("the interpreter or the sources lie in a folder that is closed to ordinary users")


@pytest.fixture
def folder_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that an ordinary user may write: outside pytest's own, which is closed to others."""
    folder = Path("/tmp") / f"leenpad-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    assert eventually(lambda: not processes_of(folder / "data")), processes_of(folder / "data")
    shutil.rmtree(folder)


@ROOT_ONLY
async def test_an_ordinary_user_needs_no_detour_and_root_may_visit(
    folder_of_nobody: Path, python_of_nobody: str
) -> None:
    data_dir = folder_of_nobody / "data"
    with user(data_dir, prefix=AS_NOBODY, python=python_of_nobody, environment=READABLE) as (_, url):
        await ask(url, "create table book (title text)", "insert into book values ('Karakter')")
        assert {owner_of(number) for number in processes_of(data_dir)} == {NOBODY}
    with running(data_dir) as url:
        assert await ask(url, "select title from book") == "Karakter"
    with user(data_dir, prefix=AS_NOBODY, python=python_of_nobody, environment=READABLE) as (
        process,
        url,
    ):  # root left nothing that is closed to the owner
        assert await ask(url, "select title from book") == "Karakter"
        process.kill()
        process.wait()
        assert eventually(lambda: not processes_of(data_dir), seconds=20), processes_of(data_dir)


@ROOT_ONLY
async def test_root_without_user_namespaces_lends_the_server_to_nobody(data_dir: Path, tmp_path: Path) -> None:
    refusing = tmp_path / "bin"
    refusing.mkdir()
    (refusing / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    (refusing / "unshare").chmod(0o755)
    path = {"PATH": f"{refusing}:{os.environ['PATH']}"}
    with running(data_dir) as url:  # made in a user namespace
        await ask(url, "create table book (title text)", "insert into book values ('Oeroeg')")
    with user(data_dir, environment=path) as (process, url):
        assert await ask(url, "select title from book") == "Oeroeg"
        assert owner_of(postmaster_of(data_dir)) == NOBODY
        os.kill(keeper_of(data_dir), signal.SIGKILL)
        assert eventually(lambda: not processes_of(data_dir), seconds=20), "the leash holds for another user too"
        process.kill()
    with running(data_dir) as url:  # and back where namespaces are allowed
        assert await ask(url, "select title from book") == "Oeroeg"
