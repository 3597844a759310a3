"""A fleet of 100,000 machines and 100,000 rows: CPU against decoding the same bytes, memory, growth, and wall time.

    python benchmarks/fleet.py [MACHINES] [--paced] [--rows ROWS]

The machines come over HTTP from a process of its own, page by page; the rows are in an SQLite file. Each measurement is
a process of its own. The limiter is off unless --paced is given: then a page a second is asked for, as documented.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "FlyV1 fm2_bWFkZS11cCB0b2tlbiBmb3IgdGhlIGJlbmNobWFyaw=="  # noqa: S105 - made up
PAGE = 1_000
CPU_RATIO, PEAK_MB, GROWTH, WALL_RATIO = 6.0, 1_024, 11.0, 1.3
"""What is to be reached."""
REGIONS = ("ams", "fra", "gru", "iad", "sin", "syd")
NEWEST = 1_779_270_000


def machine(number: int) -> dict[str, Any]:
    """One entry of the organisation's list; every fiftieth machine is destroyed, and its row still waits."""
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NEWEST - number * 20))
    return {
        "id": f"{number:013x}e",
        "app_name": f"harvest-{number % 3}",
        "name": f"job-{number:08x}",
        "state": "destroyed" if number % 50 == 0 else "started",
        "region": REGIONS[number % 6],
        "version": f"01K6HC126R8M4Q7ZV2T{number:07d}",
        "private_ip": f"fdaa:2b:1a2b:a7b:{number % 65536:x}:0:2ee8:2",
        "created_at": made,
        "updated_at": made,
        "config": {
            "image": f"registry.fly.io/harvest-{number % 3}:deployment-{number % 7}",
            "guest": {"cpu_kind": "shared", "cpus": 1 + number % 2, "memory_mb": 1024},
            "metadata": {"fly_platform_version": "v2", "fly_process_group": "app", "fly_release_version": "7"},
        },
    }


def row(number: int) -> tuple[Any, ...]:
    at = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(NEWEST - number * 20))
    key = f"{number:08x}-52c4-4e77-a9d0-6c1f3e8b7a21"
    app, status = f"harvest-{number % 3}", "starting" if number % 50 == 0 else "running"
    url = f"wss://{app}.fly.dev/live"
    return key, f"job-{number:08x}", f"{number:013x}e", status, REGIONS[number % 6], app, url, at, at


COLUMNS = "id, machine_id, fly_machine_id, status, region, fly_app_name, websocket_url, created_at, updated_at"


def pages(machines: int) -> list[bytes]:
    """The answers of the organisation's list."""
    found = []
    for begin in range(0, machines, PAGE):
        entries = [machine(number) for number in range(begin, min(machines, begin + PAGE))]
        cursor = str(begin + PAGE) if begin + PAGE < machines else ""
        found.append(json.dumps({"machines": entries, "next_cursor": cursor, "error_regions": []}).encode())
    return found


def serve(machines: int, told: Connection) -> None:
    """Serve until the other end hangs up."""
    bodies = pages(machines)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            body = bodies[int(query.get("cursor", ["0"])[0]) // PAGE]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.send((server.server_address[1], sum(map(len, bodies))))
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.suppress(EOFError):
        told.recv()


def database(path: Path, rows: int) -> None:
    """A table of rows, as many as machines."""
    with contextlib.closing(sqlite3.connect(path)) as made, made:
        made.execute(f"CREATE TABLE cloud_machines ({COLUMNS})")
        made.executemany(f"INSERT INTO cloud_machines VALUES ({','.join('?' * 9)})", map(row, range(rows)))  # noqa: S608


def baseline(machines: int, rows: int) -> float:
    """Seconds of decoding the same bytes with json: the pages, and the rows as REST would give them."""
    bodies = pages(machines)
    names = COLUMNS.split(", ")
    bodies += [
        json.dumps([dict(zip(names, row(n), strict=True)) for n in range(begin, min(rows, begin + PAGE))]).encode()
        for begin in range(0, rows, PAGE)
    ]
    begun = time.process_time()
    for body in bodies:
        json.loads(body)
    return time.process_time() - begun


def measure(port: int, records: str, size: tuple[int, int], paced: bool, told: Connection) -> None:
    """Collect, join and judge, with the baseline before and after it, since the machine is shared; then the report."""
    os.environ |= {"FLY_API_TOKEN": TOKEN, "FLY_API_HOSTNAME": f"http://127.0.0.1:{port}"}
    os.environ |= {"RUNBOOKS_STATUS_URL": "off", "RUNBOOKS_RECORDS_URL": records, "RUNBOOKS_CONNECT_TO": "*:*=nxdomain"}
    os.environ["RUNBOOKS_OUTPUT_ROOT"] = tempfile.mkdtemp(prefix="runbooks-bench-")
    from runbooks import case, definitions
    from runbooks.base.facets import Facet
    from runbooks.base.settings import load_settings
    from runbooks.collect import client, collector
    from runbooks.source import collect

    if not paced:
        collector.RateBudget = lambda sleep: client.RateBudget(sleep=lambda seconds: None)  # type: ignore[misc, assignment]
    given = definitions.validate("fleet", {"org_slug": "harvest"})
    runbook = definitions.find("fleet")
    facets = (Facet.FLEET_MACHINES, Facet.FLEET_ROWS)
    stages: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        cpu, wall = time.process_time(), time.monotonic()
        done = work()
        stages[name], stages[f"{name} wall"] = time.process_time() - cpu, time.monotonic() - wall
        return done

    times = [] if paced else [baseline(*size), baseline(*size)]
    seen = stage("collect", lambda: collect(given, load_settings(), facets=facets, seconds=3_600))
    found = stage("judge", lambda: runbook.judge(seen.evidence, given, {}))
    stages["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if not paced:
        stages["json"] = sum([*times, baseline(*size), baseline(*size)]) / 4
        opened = stage("case", lambda: case.open_case(None, "fleet", org_slug="harvest"))
        stage("publish", opened.publish)
        root = Path(os.environ["RUNBOOKS_OUTPUT_ROOT"])
        stages["written"] = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / 1e6
        stages["peak of all"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    classes = {one.value: number for one, number in found.fleet.classes.items()}
    told.send((stages, classes, found.fleet.machines, found.fleet.rows))


def in_process(work: Callable[..., None], *arguments: Any) -> Any:
    """What a process of its own tells."""
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=work, args=(*arguments, theirs))
    process.start()
    theirs.close()
    told = ours.recv()
    process.join()
    return told


def run(machines: int, rows: int, paced: bool) -> dict[str, float]:
    """One fleet: its stages, with the baseline and the bytes of the pages among them."""
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    server = spawning.Process(target=serve, args=(machines, theirs), daemon=True)
    server.start()
    port, size = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.sqlite"
        database(path, rows)
        stages, classes, seen, read = in_process(measure, port, f"sqlite:///{path}", (machines, rows), paced)
    ours.close()
    server.terminate()
    print(f"{seen:,} machines ({size / 1e6:.0f} MB in pages), {read:,} rows: {classes}")
    if (seen, read) != (machines, rows):
        raise SystemExit("not everything was read")
    return dict(stages)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("machines", nargs="?", type=int, default=100_000)
    told.add_argument("--rows", type=int, default=0)
    told.add_argument("--paced", action="store_true")
    given = told.parse_args()
    rows = given.rows or given.machines
    if given.paced:
        stages = run(given.machines, rows, paced=True)
        # Three pages at once, then one a second.
        least = max(0, -(-given.machines // PAGE) - 3)
        wall = stages["collect wall"] + stages["judge wall"]
        print(f"wall {wall:.1f} s ÷ paging at the documented rate {least} s = {wall / least:.2f} (≤ {WALL_RATIO})")
        return 0 if wall / least <= WALL_RATIO else 1
    small = run(given.machines // 10, rows // 10, paced=False)
    large = run(given.machines, rows, paced=False)
    cpu, before = (stages["collect"] + stages["judge"] for stages in (large, small))
    whole = large["case"] + large["publish"]
    ratios = (
        ("CPU ÷ json", cpu / large["json"], CPU_RATIO),
        ("peak MB", large["peak"], PEAK_MB),
        ("growth × 10", cpu / before, GROWTH),
    )
    print("  ".join(f"{name} {value:.2f}" for name, value in large.items()))
    for name, value, limit in ratios:
        print(f"{name}: {value:.2f} (≤ {limit})")
    print(f"with the report: CPU ÷ json {whole / large['json']:.2f}, peak {large['peak of all']:.0f} MB")
    print(f"written: {large['written']:.1f} MB")
    return 0 if all(value <= limit for _, value, limit in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
