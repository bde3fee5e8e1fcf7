"""Commands as processes of their own, and what their service answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.platform.server_users import ROOT, eventually


def start(data_dir: Path, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a command with nothing but the data folder (and `environment`) set."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEENPAD_")}
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=inherited | {"LEENPAD_DATA_DIR": str(data_dir), "COLUMNS": "120"} | environment,
    )


def run_process(data_dir: Path, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Run a command in a process of its own and return its exit code, its output and what it said on stderr."""
    process = start(data_dir, *arguments, **environment)
    output, said = process.communicate(timeout=300)
    return process.returncode, output, said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, path: str, *, body: bytes | None = None, key: str | None = None) -> int:
    """Return the status that the service answers with, 0 while it does not answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@contextmanager
def serving(data_dir: Path, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = start(data_dir, "serve", "--port", str(port), *options, **environment)
    try:
        assert eventually(lambda: answer(port, "/healthz") == 200, seconds=90), "it does not answer"
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
