"""A list of 100,000 machines: judged, within the memory and the time that are promised.

    python benchmarks/long_list.py [MACHINES]

Serves an app with so many machines on loopback, runs `runbooks run` against it, and prints time and peak memory of the
largest process. Ends with 1 where the list was not read, or more than 600 MB were needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LIMIT_MB = 600
LOOKED_FOR = "91850296bd4738"
TOKEN = "fo1_bm90LXJlYWw"  # noqa: S105 - of no account


def machine(number: int, state: str = "started") -> dict[str, Any]:
    """A machine as the API lists it (§1.4)."""
    return {
        "id": f"{number:014x}",
        "name": f"machine-{number}",
        "state": state,
        "region": "iad",
        "instance_id": "01K6HC126R8M4Q7ZV2TBN9XWYD",
        "private_ip": "fdaa:0:1:a7b:1::2",
        "created_at": f"2025-10-{number % 28 + 1:02d}T03:00:00Z",
        "updated_at": "2025-10-02T03:00:00Z",
        "config": {
            "env": {"LOG_LEVEL": "info"},
            "image": "registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD",
            "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
            "metadata": {"fly_process_group": "app"},
            "restart": {"policy": "on-failure", "max_retries": 3},
        },
        "image_ref": {"registry": "registry.fly.io", "repository": "vyx-app", "digest": "sha256:" + "a" * 64},
        "events": [{"id": "01K6HC", "type": "start", "status": "started", "timestamp": 1759374011250}],
    }


def answers(machines: int) -> dict[str, bytes]:
    """The answer of each path; every other path is one that the API does not know."""
    rows = [machine(number) for number in range(machines)]
    rows.insert(machines // 2, machine(0, "stopped") | {"id": LOOKED_FOR, "name": "wanted"})
    app = {"id": "x", "name": "vyx-app", "status": "deployed", "organization": {"slug": "vyx", "name": "Vyx"}}
    told: dict[str, Any] = {
        "/v1/tokens/current": {"tokens": [{"organization": "vyx", "org_slug": "vyx", "apps": []}]},
        "/v1/apps/vyx-app": app | {"machine_count": len(rows)},
        "/v1/apps/vyx-app/machines": rows,
        "/v1/orgs/vyx/machines": {"machines": [row | {"app_name": "vyx-app"} for row in rows]},
        "/v1/apps/vyx-app/ip_assignments": {"ips": []},
    }
    return {path: json.dumps(value).encode() for path, value in told.items()}


def served(bodies: dict[str, bytes]) -> ThreadingHTTPServer:
    """A server of these answers, which runs in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = bodies.get(path, b'{"error": "not found"}')
            self.send_response(200 if path in bodies else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def serve(machines: int, told: Connection) -> None:
    """Serve until the other end hangs up. A process of its own: its memory is none of the run's."""
    server = served(answers(machines))
    told.send(server.server_address[1])
    with contextlib.suppress(EOFError):
        told.recv()
    server.shutdown()


def environment(port: int) -> dict[str, str]:
    """The settings with which everything is asked of this server, and nothing of the network."""
    address = f"http://127.0.0.1:{port}"
    own = {"FLY_API_TOKEN": TOKEN, "FLY_API_HOSTNAME": address, "FLY_API_BASE_URL": address}
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("FLY_", "RUNBOOKS_"))}
    return bare | own | {"RUNBOOKS_CONNECT_TO": "*:*=nxdomain", "RUNBOOKS_STATUS_URL": "off"}


def main(machines: int) -> int:
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    server = spawning.Process(target=serve, args=(machines, theirs), daemon=True)
    server.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--json"]
        command += ["--output-root", folder, "-p", "app_name", "vyx-app", "-p", "machine_id", LOOKED_FOR]
        begun = time.monotonic()
        done = subprocess.run(command, env=environment(port), capture_output=True, text=True, check=False)  # noqa: S603
        seconds = time.monotonic() - begun
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
    ours.close()
    server.terminate()
    if done.returncode not in (0, 3, 4):
        print(done.stderr)
        return 1
    views = {view["view"]: view["sees"] for view in json.loads(done.stdout)["visibility"]}
    print(f"{machines:,} machines: {seconds:.1f} s, peak {peak:.0f} MB, {written:.1f} MB written; views: {views}")
    return 0 if views.get("list of vyx-app") == "yes" and peak <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
