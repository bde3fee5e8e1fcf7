"""`./run` in a small project of its own, with a registry that is a folder: no network, a real .venv."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAY = """
import json, os, sys
import parcel
print(json.dumps({"arguments": sys.argv[1:], "parcel": parcel.WEIGHT, "cwd": os.getcwd(),
                  "prefix": sys.prefix, "numba": os.environ["NUMBA_CACHE_DIR"], "path": os.environ["PYTHONPATH"],
                  "bytecode": None if sys.dont_write_bytecode else sys.pycache_prefix}))
"""
NPM = """#!/bin/sh
if [ "$1" = --version ]; then echo 10.0.0; exit; fi
echo "$@" >> npm-was-asked
mkdir -p node_modules
"""


class Project:
    """A folder with the real `run`, an app that tells how it was started, and locks on a package made here."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.registry = folder / "registry"
        self.bin = folder / "bin"
        for made in (self.root / "app", self.registry, self.bin):
            made.mkdir(parents=True)
        shutil.copy(ROOT / "run", self.root / "run")
        (self.root / "app" / "__init__.py").touch()
        (self.root / "app" / "__main__.py").write_text(SAY)
        (self.root / "package-lock.json").write_text("{}")
        (self.root / "requirements-npm.lock").touch()
        (self.bin / "npm").write_text(NPM)
        (self.bin / "npm").chmod(0o755)
        self.publish("1")

    def publish(self, version: str) -> None:
        """Put a version of the package in the registry, and in the locks."""
        wheel = self.registry / f"parcel-{version}-py3-none-any.whl"
        info = f"parcel-{version}.dist-info"
        files = {
            "parcel.py": f"WEIGHT = {version}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: parcel\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        digests = {name: hashlib.sha256(text.encode()).digest() for name, text in files.items()}
        record = "".join(
            f"{name},sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')},{len(files[name])}\n"
            for name, digest in digests.items()
        )
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
                archive.writestr(name, text)
        self.lock(version, hashlib.sha256(wheel.read_bytes()).hexdigest())

    def lock(self, version: str, digest: str) -> None:
        """Write both locks."""
        for name in ("requirements.lock", "requirements-dev.lock"):
            (self.root / name).write_text(f"parcel=={version} \\\n    --hash=sha256:{digest}\n")

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start `./run` with surroundings that could lead it astray."""
        return subprocess.Popen(
            [sys.executable, self.root / "run", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.root,
            env={
                "HOME": str(self.root.parent),
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.registry),
                "PIP_USER": "1",
                "PIP_TARGET": str(self.root / "elsewhere"),
                "PYTHONPATH": str(self.root / "astray"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PIP_NO_CACHE_DIR": "1",
            },
            start_new_session=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Run `./run` and return its exit code, output and what it said to the person."""
        process = self.start(*arguments, cwd=cwd)
        output, said = process.communicate(timeout=120)
        return process.returncode, output, said


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("run"))


def test_the_first_time_installs_and_says_so_the_second_time_is_quiet(project: Project, tmp_path: Path) -> None:
    told = {
        "arguments": ["import", "agencies", "file.csv"],
        "parcel": 1,
        "cwd": str(tmp_path),
        "prefix": str(project.root / ".venv"),
        "numba": str(project.root / ".venv" / "numba" / hashlib.sha256().hexdigest()[:16]),
        "path": str(project.root),
        "bytecode": str(project.root / ".venv" / "bytecode"),
    }
    code, output, said = project.run("import", "agencies", "file.csv", cwd=tmp_path)
    assert (code, json.loads(output)) == (0, told)
    assert said == (
        "· making .venv\n· installing Python packages (requirements.lock)\n"
        "· installing the documentation page (package-lock.json)\n"
    )
    asked = (project.root / "npm-was-asked").read_text()
    assert asked.startswith("ci --ignore-scripts --no-audit --no-fund")
    code, output, said = project.run("import", "agencies", "file.csv", cwd=tmp_path)
    assert (code, json.loads(output), said) == (0, told, "")
    assert (project.root / "npm-was-asked").read_text() == asked


def test_kernels_are_compiled_anew_for_another_engine(project: Project) -> None:
    """Numba keeps a kernel for as long as its own file stays the same, whatever it calls in others."""
    kept = []
    for text in ("one = 1\n", "one = 2\n", "one = 1\n"):
        (project.root / "routing").mkdir(exist_ok=True)
        (project.root / "routing" / "sweep.py").write_text(text, encoding="utf-8")
        kept.append(json.loads(project.run("keys", "list")[1])["numba"])
    shutil.rmtree(project.root / "routing")
    assert kept[0] == kept[2] != kept[1]


def test_the_browser_comes_with_the_tools_and_stays(project: Project) -> None:
    for command in ("serve", "bench", "serve", "bench"):
        assert project.run(command)[0] == 0
    first, second = (project.root / "npm-was-asked").read_text().splitlines()
    assert first == f"{second} --omit=dev"


def test_no_command_is_a_question_for_help(project: Project) -> None:
    _, output, _ = project.run()
    assert json.loads(output)["arguments"] == ["--help"]


def test_a_new_lock_is_installed_and_the_old_packages_go(project: Project) -> None:
    project.run()
    project.publish("2")
    (project.root / ".venv" / "left-over").touch()
    code, output, said = project.run()
    assert (code, json.loads(output)["parcel"]) == (0, 2)
    assert "installing Python packages" in said
    assert not (project.root / ".venv" / "left-over").exists()


def test_a_package_with_another_hash_is_refused_and_the_next_run_tries_again(project: Project) -> None:
    project.publish("2")
    project.lock("2", "0" * 64)
    code, output, said = project.run()
    assert (code, output) == (1, "")
    assert "DO NOT MATCH THE HASHES" in said, said
    assert said.endswith(
        "The packages in requirements.lock could not be installed: is the package registry within reach?\n"
    )
    project.publish("3")
    code, output, _ = project.run()
    assert (code, json.loads(output)["parcel"]) == (0, 3)


def test_an_install_that_was_killed_is_done_again(project: Project) -> None:
    project.publish("4")
    process = project.start()
    while (project.root / ".venv" / "leenpad-installed.json").exists():  # the old one goes first
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, output, said = project.run()
    assert (code, json.loads(output)["parcel"]) == (0, 4)
    assert "making .venv" in said


def test_two_at_once_install_once(project: Project) -> None:
    project.publish("5")
    first, second = project.start(), project.start()
    said = [process.communicate(timeout=120) for process in (first, second)]
    assert [json.loads(output)["parcel"] for output, _ in said] == [5, 5]
    assert sorted("making .venv" in words for _, words in said) == [False, True]


def test_an_npm_that_is_too_old_is_passed_over_for_the_locked_one(project: Project) -> None:
    (project.bin / "npm").write_text("#!/bin/sh\necho 6.14.0\n")
    (project.root / "package-lock.json").write_text('{"changed": true}')
    code, _, said = project.run()
    assert code == 1, "the lock for npm is empty here, and pip says so"
    assert "installing Python packages (requirements-npm.lock)" in said


@pytest.mark.parametrize("old", ["3.8", "3.10"])
def test_an_older_python_is_told_what_is_needed(old: str, tmp_path: Path) -> None:
    pretend = (
        f"import sys; sys.version_info = ({old.replace('.', ', ')}, 0); exec(open({str(ROOT / 'run')!r}).read())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", pretend], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == f"Leenpad needs Python 3.11 or newer, and this machine's `python3` is {old}.\n"
