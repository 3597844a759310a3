"""A run that is told to stop while it collects publishes what it knows, and says what it did not get to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        server.settimeout(120)
        yield server


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_collecting(number: signal.Signals, silent: socket.socket, tmp_path: Path) -> None:
    out, address = tmp_path / "out", f"http://127.0.0.1:{silent.getsockname()[1]}"
    environment = {**os.environ, "FLY_API_TOKEN": "fo1_bm90LXJlYWw", "RUNBOOKS_CONNECT_TO": "*:*=nxdomain"}
    environment |= {"FLY_API_HOSTNAME": address, "FLY_API_BASE_URL": address, "RUNBOOKS_STATUS_URL": "off"}
    command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--output-root", str(out)]
    command += ["-p", "app_name", "vyx-app", "-p", "machine_id", "91850296bd4738", "-p", "caller_log", '{"ok": true}']
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    asked, _ = silent.accept()
    with asked:
        assert asked.recv(65536).startswith(b"GET "), "the first question, which will not be answered"
        process.send_signal(number)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 128 + number, told
    assert "Traceback" not in told
    (folder,) = out.glob("*/machine_not_visible--*")
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["verdict"] == "inconclusive"
    assert "interrupted" in json.dumps(summary["not_checked"])
    assert json.loads((folder / "manifest.json").read_text())["status"] == "cancelled"
    assert (folder / "report.html").read_text().rstrip().endswith("</html>")
