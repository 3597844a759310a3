"""Sweeps that are killed, that have no room, that lose their database, and two at once: real processes, real runs.

`make sweep-matrix` plays all of it, in a quarter of an hour. Each sweep asks a simulator in this process. Whatever
happened, the next sweep has to be right: each suspect published once, no half report, nothing left over.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from runbooks.base import folders
from runbooks.execution.sweep import EACH, FLEET, LOCK, STATE, SUMMARIES
from runbooks.report import summary as contract
from runbooks.simulator import fleet
from tests.journal.matrix import SECONDS, World, command, killed, shown, world
from tests.real import postgres

SUSPECTS, MACHINES = 4, 260
SIZES = (1, 6, 20, 30, 45)
"""Megabytes of a disk: no room to begin, and for the fleet and some of the investigations."""
REPORT = ("report.html", "report.md", "summary.json", "report.ipynb", "manifest.json")


def sweep(served: World, root: Path, *options: str) -> subprocess.Popen[str]:
    arguments = ("sweep", "-p", "org_slug", fleet.ORG, "--output-root", str(root), "--investigate", str(SUSPECTS))
    return subprocess.Popen(
        command(*arguments, *options),
        env=served.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=3 * SECONDS)
    return process.returncode, out + err


def state(root: Path) -> dict[str, Any]:
    """What the sweep has noted, or nothing."""
    try:
        told: dict[str, Any] = json.loads((root / STATE).read_text())
    except (OSError, ValueError):
        return {}
    return told


def journals(root: Path) -> int:
    return len(list(root.glob(f"{folders.STAGING}/*/evidence/journal.jsonl")))


def done(root: Path) -> int:
    return len(state(root).get("done", {}))


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the fleet is read": lambda root: journals(root) > 0,
    "the fleet is published": lambda root: bool(state(root).get("fleet")),
    "the first investigations are under way": lambda root: bool(state(root).get("fleet")) and journals(root) > 0,
    "one is published": lambda root: done(root) > 0,
    "all are published": lambda root: done(root) == SUSPECTS,
}


def wait_for(moment: Callable[[Path], bool], root: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + SECONDS
    while not moment(root) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)


def wrong_in(root: Path) -> Iterator[str]:
    """What is wrong with the runs that are there, whatever happened before."""
    for folder in sorted(path.parent for path in root.glob("20*/*/manifest.json")):
        manifest = json.loads((folder / "manifest.json").read_text())
        if manifest["status"] in ("died", "failed"):
            # Killed behind its last cell: what the notebook published is whole.
            whole = all((folder / name).is_file() for name in REPORT[:3])
            if (folder / "summary.json").exists() and not whole:
                yield f"{folder.name} is {manifest['status']} and has half a report"
            continue
        if lacks := [name for name in REPORT if not (folder / name).is_file()]:
            yield f"{folder.name} is {manifest['status']} and lacks {lacks}"
            continue
        contract.check(json.loads((folder / "summary.json").read_text()))
    if unlisted := [path for path in root.glob("20*/*/") if not (path / "manifest.json").is_file()]:
        yield f"folders without a manifest: {[path.name for path in unlisted]}"


def wrong_after(root: Path, code: int, told: str) -> Iterator[str]:
    """What is wrong when a sweep has ended that nothing disturbed."""
    yield from wrong_in(root)
    if code != 3 or "Traceback" in told:
        yield f"the next sweep ended with {code}: {told[-400:]}"
        return
    complete = [path for path in root.glob(f"{SUMMARIES}/*.json") if json.loads(path.read_text())["complete"]]
    if not complete:
        yield "no complete summary"
        return
    newest = json.loads(max(complete).read_text())
    runs = [one["run"] for one in newest["investigated"]]
    if len(runs) != SUSPECTS or not all(run and (root / run / "report.html").is_file() for run in runs):
        yield f"its summary names {runs}"
    if journals(root) or (root / STATE).exists() or list(root.glob(f"{folders.STAGING}/*/")):
        yield "something is left over"
    index = (root / "index.html").read_text()
    if missing := [run for run in runs if run and run not in index]:
        yield f"the list of all runs lacks {missing}"


def twice(root: Path) -> Iterator[str]:
    """Subjects with more than one complete run."""
    manifests = [json.loads(path.read_text()) for path in root.glob(f"20*/{EACH}--*/manifest.json")]
    complete = Counter(str(one["parameters"]) for one in manifests if one["status"] == "completed")
    for subject, count in complete.items():
        if count > 1:
            yield f"published {count} times: {subject}"


def kill_when(served: World, moment: str, root: Path) -> Iterator[str]:
    first = sweep(served, root)
    wait_for(MOMENTS[moment], root, first)
    killed(first)
    yield from wrong_in(root)
    code, told = ended(sweep(served, root))
    yield from wrong_after(root, code, told)
    yield from twice(root)


def at_once(served: World, root: Path) -> Iterator[str]:
    first = sweep(served, root)
    wait_for(lambda root: (root / LOCK).exists() and journals(root) > 0, root, first)
    code, told = ended(sweep(served, root))
    if code != 75 or f"process {first.pid}" not in told:
        yield f"the second ended with {code}: {told[-300:]}"
    yield from wrong_after(root, *ended(first))
    yield from twice(root)
    first, second = sweep(served, root, "--wait"), sweep(served, root, "--wait")
    code, told = ended(first)
    if code != 3:
        yield f"the first of two that wait ended with {code}: {told[-300:]}"
    yield from wrong_after(root, *ended(second))


def small_disk(served: World, size: int, place: Path) -> Iterator[str]:
    """A sweep on a disk of so many megabytes, which then gets room; needs the right to mount one."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", place], check=True)
    try:
        root = place / "out"
        code, told = ended(sweep(served, root))
        if "Traceback" in told or "fault of the tool" in told:
            yield f"called a fault of the tool: {told[-300:]}"
        if code not in (1, 3) or (code == 1 and "disk" not in told):
            yield f"ended with {code}: {told[-300:]}"
        yield from wrong_in(root)
        subprocess.run(["mount", "-o", "remount,size=400m", place], check=True)
        yield from wrong_after(root, *ended(sweep(served, root)))
        yield from twice(root) if code == 1 else ()  # one that is complete is not continued
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def in_postgres(served: World) -> Iterator[tuple[World, postgres.Server]]:
    """The same world with its rows in a PostgreSQL."""
    with postgres.running("wheel") as server:
        with closing(sqlite3.connect(served.environment["RUNBOOKS_RECORDS_URL"].removeprefix("sqlite:///"))) as rows:
            found = rows.execute("select * from cloud_machines")
            columns = [column[0] for column in found.description]
            with psycopg.connect(server.owner()) as database:
                database.execute(f"create table cloud_machines ({', '.join(f'{name} text' for name in columns)})")
                with database.cursor() as cursor:
                    marks = ", ".join(["%s"] * len(columns))
                    cursor.executemany(f"insert into cloud_machines values ({marks})", found.fetchall())
        user, password = (postgres.OWNER, "Ow-ner%3Ap%40ss%2Fw%25rd9")
        url = f"postgresql://{user}:{password}@127.0.0.1:{server.port}/postgres"
        yield replace(served, environment={**served.environment, "RUNBOOKS_RECORDS_URL": url}), server


def database_lost(served: World, server: postgres.Server, moment: str, root: Path) -> Iterator[str]:
    first = sweep(served, root)
    wait_for(MOMENTS[moment], root, first)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    code, told = ended(first)
    if code not in (3, 4) or "Traceback" in told:
        yield f"without its database it ended with {code}: {told[-300:]}"
    yield from wrong_in(root)
    for path in root.glob("20*/*/summary.json"):
        report = json.loads(path.read_text())
        classes = report.get("fleet", {}).get("classes", {})
        if moment == "the fleet is read" and report["runbook"] == FLEET and classes.get("machine-without-row"):
            yield "machines were called without row, and no row could be read"
        index = json.loads((path.parent / "evidence" / "index.json").read_text())
        rows = [look for look in index["looks"] if look["facet"] == "record"]
        if any(look["outcome"] == "absent" for look in rows):
            yield f"{path.parent.name}: a row was called absent, and none could be read"
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(str(server.process.args[2])).parent  # type: ignore[index]
    (Path(folder) / "data" / "postmaster.pid").unlink(missing_ok=True)
    again = subprocess.Popen(server.process.args, user=user, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        postgres._wait(replace(server, process=again), folder / "log")
        yield from wrong_after(root, *ended(sweep(served, root)))
    finally:
        again.send_signal(signal.SIGINT)
        again.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name matches this expression")
    wanted = re.compile(parser.parse_args().only)
    fleet.SIZE = MACHINES
    bad = 0
    with world("fleet-planted") as served:

        def play(label: str, case: Callable[[Path], Iterator[str]]) -> None:
            nonlocal bad
            if wanted.search(label):
                with tempfile.TemporaryDirectory(prefix="fly-sweep-") as place:
                    bad += shown("sweep", label, list(case(Path(place))))

        for moment in MOMENTS:
            play(f"killed when {moment}", lambda root, moment=moment: kill_when(served, moment, root))
        play("two at once", lambda root: at_once(served, root))
        for size in SIZES if os.geteuid() == 0 else ():
            play(f"disk of {size} MB", lambda place, size=size: small_disk(served, size, place))
        for moment in ("the fleet is read", "the first investigations are under way"):
            with in_postgres(served) as (with_rows, server):
                play(
                    f"database killed when {moment}",
                    lambda root, moment=moment: database_lost(with_rows, server, moment, root),
                )
    print(f"{bad} of the sweeps lost, doubled or broke something")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
