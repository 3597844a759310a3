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
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_collecting(number: signal.Signals, silent: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    environment = {**os.environ, "FLY_API_TOKEN": "fo1_bm90LXJlYWw", "RUNBOOKS_CONNECT_TO": "*:*=nxdomain"}
    environment |= {"FLY_API_HOSTNAME": silent, "FLY_API_BASE_URL": silent, "RUNBOOKS_STATUS_URL": "off"}
    command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--output-root", str(out)]
    command += ["-p", "app_name", "vyx-app", "-p", "machine_id", "91850296bd4738", "-p", "caller_log", '{"ok": true}']
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    with socket.create_connection(("127.0.0.1", int(silent.rpartition(":")[2]))):
        assert process.stderr is not None
        while "2/" not in process.stderr.readline():
            assert process.poll() is None
        try:
            process.wait(8)  # long enough for the imports, shorter than the first question may take
        except subprocess.TimeoutExpired:
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
