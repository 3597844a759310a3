"""Play a bad input, here or in a process of its own, and say what is wrong with how it ended."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from runbooks.base.facets import Facet
from runbooks.base.settings import load_settings
from runbooks.collect.collector import Collector
from runbooks.collect.context import Target
from runbooks.collect.source import Source
from runbooks.evidence.models import Outcome
from tests.bad_inputs.table import ANSWERS, COMMANDS

MOST_MB = 400
SECONDS = 60.0


def ended_well(code: int, out: str, err: str) -> str:
    """What is wrong with the end of a command that was given a bad input, or ""."""
    if code != 2:
        return f"exit code {code}: {(out + err)[-300:]}"
    if "Traceback" in out + err or "fault of the tool" in out + err:
        return f"not one paragraph: {err[-300:]}"
    paragraphs = [part for part in re.split(r"\n\s*\n", err.strip()) if part]
    return "" if len(paragraphs) == 1 and len(err) < 4_000 and not out else f"not one paragraph: {err[-300:]}"


@contextmanager
def served(name: str) -> Iterator[str]:
    headers, make = ANSWERS[name]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self.send_response(200)
            for header, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(header, value)
            self.end_headers()
            try:
                for part in make():
                    self.wfile.write(part)
            except OSError:
                pass  # it was enough for the client

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def looked(address: str, registries: Mapping[str, str] | None = None) -> str:
    """Ask for the list; what is wrong with the outcome, or ""."""
    columns = load_settings().columns
    source = Source("live", "fo1_x", address, address, registries or {}, {"*:*": "nxdomain"}, "", columns, "", "")
    target = Target(app_name="vyx-app", machine_id="91850296bd4738")
    begun = time.monotonic()
    found = Collector(target, source, facets=[Facet.LIST], seconds=SECONDS).run().observations[Facet.LIST.value]
    seconds = time.monotonic() - begun
    if found.outcome is not Outcome.COULD_NOT_LOOK or "the runbook itself failed" in found.reason:
        return f"{found.outcome.value}: {found.reason[:300]}"
    return "" if seconds < SECONDS else f"it took {seconds:.0f} s"


def alone(name: str) -> tuple[str, float]:
    """Play one row in a process of its own: what is wrong, and its peak memory in megabytes."""
    if name in ANSWERS:
        with served(name) as address:
            done = _measured([sys.executable, "-P", str(Path(__file__)), "--ask", address])
        trouble = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-300:]
        told = json.loads(trouble)
        return told["trouble"], told["peak"]
    with tempfile.TemporaryDirectory() as folder:
        arguments = COMMANDS[name](Path(folder))
        root = [] if arguments[0] == "share" else ["--output-root", str(Path(folder) / "out")]
        done = _measured([sys.executable, "-P", str(Path(__file__)), "--run", *arguments, *root])
    peak = float(done.stderr.rpartition("peak=")[2] or 0)
    return ended_well(done.returncode, done.stdout, done.stderr.rpartition("peak=")[0]), peak


def _measured(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _peak() -> float:
    """Of this process alone, in megabytes; what `getrusage` tells begins with the peak of the one that made it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000


def main() -> int:
    bad = 0
    for name in [*COMMANDS, *ANSWERS]:
        trouble, peak = alone(name)
        wrong = bool(trouble) or peak > MOST_MB
        bad += wrong
        print(f"{'FAIL' if wrong else 'ok':4} {peak:6.0f} MB  {name}  {trouble}", flush=True)
    print(f"{bad} of {len(COMMANDS) + len(ANSWERS)} ended otherwise than they should")
    return bad > 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        print(json.dumps({"trouble": looked(sys.argv[2]), "peak": _peak()}))
    elif sys.argv[1:2] == ["--run"]:
        from runbooks import cli

        sys.argv = ["runbooks", *sys.argv[2:]]
        try:
            cli.main()
        finally:
            print(f"peak={_peak()}", end="", file=sys.stderr)
    else:
        sys.exit(main())
