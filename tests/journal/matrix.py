"""A run that is killed, or whose disk is full, at many moments and sizes: nothing that was seen is lost.

`make kill-matrix` plays all of it; the tests beside this file play a slice. Each run asks a simulator in another
process, so that what it was told is known from outside. A run asks one question after the other: when a request comes
in, the answer to the one before it is complete.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from runbooks.base import folders
from runbooks.evidence import bundle, journal
from runbooks.report import summary as contract
from runbooks.simulator.scenario import load_scenario
from runbooks.simulator.server import Simulator

SCENARIOS = ("vyx-missing-environment", "healthy", "vyx-image-missing")
SIZES = (1, 4, 15, 20, 21, 22, 23, 24, 26, 40)
"""Megabytes of a disk: too little to begin, enough for the evidence only, enough for the report, enough for all."""
KILLS = 20
SECONDS = 180.0


@dataclass(frozen=True)
class World:
    """A served scenario: the environment of a run that asks it."""

    simulator: Simulator
    environment: dict[str, str]
    parameters: list[str]

    @property
    def requests(self) -> int:
        """Those that a HAR would hold: a probe of the edge is no exchange."""
        asked = self.simulator.requests
        return sum(not entry["host"].partition(":")[0].endswith(".fly.dev") for entry in asked)


@contextlib.contextmanager
def world(name: str) -> Iterator[World]:
    scenario = load_scenario(name)
    with tempfile.TemporaryDirectory(prefix="fly-") as folder, Simulator(scenario, Path(folder)) as simulator:
        served = simulator.start()
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("FLY_", "RUNBOOKS_"))}
        own = {
            "FLY_API_TOKEN": scenario.token,
            "FLY_API_HOSTNAME": served.base_url,
            "FLY_API_BASE_URL": served.base_url,
            "RUNBOOKS_REGISTRIES": ",".join(f"{host}={url}" for host, url in served.registries.items()),
            "RUNBOOKS_CONNECT_TO": served.connect_to,
            "RUNBOOKS_RECORDS_URL": served.records_url,
            "RUNBOOKS_STATUS_URL": served.status_url,
            "SSL_CERT_FILE": str(served.ca_pem),
        }
        given = [text for name, value in scenario.parameters.items() for text in ("-p", name, value)]
        yield World(simulator, bare | own, given)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "runbooks", *arguments]


def started(world: World, root: Path, **more: Any) -> subprocess.Popen[str]:
    arguments = command("run", "machine_not_visible", "--output-root", str(root), *world.parameters)
    return subprocess.Popen(
        arguments,
        env=world.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def killed(process: subprocess.Popen[str]) -> None:
    """The command and its kernel at once, as a power cut does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        own = psutil.Process(process.pid)
        for one in (*own.children(recursive=True), own):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
    process.communicate()


def written(root: Path) -> int:
    """How many lines are in the journal of the run that is under way."""
    most = 0
    with contextlib.suppress(FileNotFoundError):  # the run has just ended, and its folder is elsewhere
        for path in root.glob(".staging/*/evidence/journal.jsonl"):
            most = max(most, path.read_bytes().count(b"\n"))
    return most


def kill_at(world: World, root: Path, line: int, later: float) -> list[str]:
    """Kill a run `later` seconds after this line of its journal was written; what is wrong with what it left."""
    before = world.requests
    process = started(world, root)
    end = time.monotonic() + SECONDS
    while written(root) < line and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(later)
    killed(process)
    answered = max(0, world.requests - before - 1)
    dead = folders.sweep(root)
    if not dead:
        return [] if list(root.glob("20*/*/summary.json")) else ["the run left nothing"]
    return left_whole(dead[0], answered, root)


def left_whole(folder: Path, answered: int, root: Path) -> list[str]:
    """What is wrong with the folder of a run that did not end: answers lost, no bundle, a report that is not so."""
    problems = []
    if json.loads((folder / "manifest.json").read_text())["status"] not in ("died", "failed"):
        problems.append("its manifest does not say that it died")
    try:
        saved = bundle.open_bundle(folder)
    except Exception as error:
        return [*problems, f"no bundle: {error}"]
    if len(saved.entries) < answered:
        problems.append(f"{answered} requests were answered, {len(saved.entries)} are in the bundle")
    told = bundle.what_is_left(folder)
    if saved.cut and ("died" not in told or "runbooks replay" not in told):
        problems.append(f"the next run would say: {told}")
    done = subprocess.run(
        command("replay", str(folder), "--output-root", str(root / "replayed"), "--json"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3, 4):
        return [*problems, f"its replay ended with {done.returncode}: {done.stderr[-300:]}"]
    report = json.loads(done.stdout)
    contract.check(report)
    if saved.cut.startswith("died at") and "not answered: the run died" not in json.dumps(report["not_checked"]):
        problems.append("its report does not say what the run did not come to")
    if saved.cut.startswith("died at") and report["verdict"] == "healthy":
        problems.append("half of a look is called healthy")
    return problems


def fill(world: World, size: int) -> list[str]:
    """A run on a disk of so many megabytes; needs the right to mount one."""
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", place], check=True)
        try:
            # What others left there: the room for the run is what is looked at first.
            before = world.requests
            process = started(world, Path(place) / "out")
            out, err = process.communicate(timeout=SECONDS)
            answered = world.requests - before
            problems = full(process.returncode, out + err, Path(place) / "out", answered)
        finally:
            subprocess.run(["umount", "-l", place], check=True)
    return problems


def full(code: int, told: str, root: Path, answered: int) -> list[str]:
    """What is wrong with how a run ended for which there was little room."""
    problems = []
    if "fault of the tool" in told or "Traceback" in told:
        problems.append(f"called a fault of the tool: {told[-300:]}")
    runs = [path.parent for path in root.glob("20*/*/manifest.json")]
    if code in (0, 3, 4):
        return problems
    if code != 1 or "disk" not in told:
        problems.append(f"ended with {code}: {told[-300:]}")
    if not answered:
        return problems
    runs = runs or folders.sweep(root)
    if not runs:
        return [*problems, f"{answered} requests were answered, and nothing is left"]
    try:
        saved = bundle.open_bundle(runs[0])
    except Exception as error:
        return [*problems, f"no bundle: {error}"]
    if len(saved.entries) < answered:
        problems.append(f"{answered} requests were answered, {len(saved.entries)} are in the bundle")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--no-disks", action="store_true", help="without the small disks, which root alone can mount")
    options = parser.parse_args()
    chance = random.Random(1)
    bad = 0
    for name in SCENARIOS:
        with world(name) as served:
            cells = [
                (f"kill at line {line} + {later:.3f} s", line, later) for line, later in moments(chance, options.kills)
            ]
            for label, line, later in cells:
                with tempfile.TemporaryDirectory() as root:
                    bad += shown(name, label, kill_at(served, Path(root), line, later))
            for size in () if options.no_disks else SIZES:
                bad += shown(name, f"disk of {size} MB", fill(served, size))
    print(f"{bad} of the runs lost something or said something that is not so")
    return bad > 0


def moments(chance: random.Random, count: int) -> list[tuple[int, float]]:
    return [(chance.randint(1, 45), chance.random() ** 3) for _ in range(count)]


def shown(name: str, label: str, problems: list[str]) -> int:
    print(f"{'FAIL' if problems else 'ok':4} {name:24} {label}", *problems, sep="\n       ", flush=True)
    return bool(problems)


__all__ = ["fill", "journal", "kill_at", "moments", "world"]

if __name__ == "__main__":
    sys.exit(main())
