"""`serve` as a process: who may, how many workers, and how it ends."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import pytest

from tests.platform.processes import answer, free_port, run_process, serving
from tests.platform.server_users import eventually, processes_of
from tests.support.made import copy_made


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A data folder in which the database is made already; the first test makes its own."""
    return copy_made(tmp_path_factory, tmp_path / "data")


def test_serving_the_world_takes_a_key_first(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    code, output, said = run_process(data_dir, "serve", "--host", "0.0.0.0", "--port", str(free_port()))
    assert (code, output, said.count("\n")) == (1, "", 1)
    assert "set LEENPAD_ADMIN_KEY or make a key" in said
    code, output, _ = run_process(
        data_dir, "key", "create", "--agency", "NL-1", "--scope", "reader", "--scope", "planner"
    )
    assert code == 0
    key = output.splitlines()[-1]
    assert output == f"{key}\n", "the key stands alone"
    with serving(data_dir, "--host", "0.0.0.0") as (process, port):
        assert answer(port, "/v1/decisions", body=b"{}") == 401
        assert answer(port, "/v1/decisions", body=b"{}", key=key) == 422
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert processes_of(data_dir) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_well_and_takes_the_database_with_it(data_dir: Path, number: signal.Signals) -> None:
    with serving(data_dir) as (process, port):
        code, _, said = run_process(data_dir, "serve", "--port", str(port))
        assert (code, said) == (
            1,
            f"leenpad: cannot listen on 127.0.0.1:{port} (Address already in use); choose another --port or --host\n",
        )
        process.send_signal(number)
        assert process.wait(60) == 0
    assert processes_of(data_dir) == {}


def test_workers_share_port_database_and_counts_and_end_together(data_dir: Path) -> None:
    with serving(data_dir, "--workers", "2") as (process, port):
        assert run_process(data_dir, "db", "upgrade")[0] == 0, "other commands work beside it"
        assert {answer(port, "/healthz") for _ in range(30)} == {200}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            told = reply.read().decode()
        count = 'leenpad_http_requests_total{method="GET",route="/healthz",status="200"} '
        assert float(told.split(count)[1].split()[0]) >= 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert processes_of(data_dir) == {}


def test_workers_do_not_outlive_a_parent_that_is_killed(data_dir: Path) -> None:
    with serving(data_dir, "--workers", "2") as (process, port):
        process.kill()
        process.wait()
        assert eventually(lambda: answer(port, "/healthz") == 0, seconds=60), "the port is free again"
    assert eventually(lambda: processes_of(data_dir) == {}, seconds=60), processes_of(data_dir)
