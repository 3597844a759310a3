"""A million rows of a real PostgreSQL, streamed: memory and time of a hundred thousand, and of ten times as many.

python -m tests.real.million_rows [ROWS]
"""

from __future__ import annotations

import resource
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from urllib.parse import quote

import psycopg

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.evidence.redaction import Redactor

from .postgres import OWNER, PASSWORD, running

MOST_GROWTH = 1.1
"""Peak memory with ten times the rows, divided by that without."""


def read(url: str, told: Connection) -> None:
    """Join the rows with no machine, as a fleet does that could list none."""
    from runbooks.collect.fleet import MachineTable, _Joiner
    from runbooks.collect.row_stream import SqlRows
    from runbooks.definitions.fleet import FleetParameters
    from runbooks.evidence.fleet import Folder

    joiner = _Joiner(MachineTable(), Folder(FleetParameters(org_slug="x").thresholds.row_phases))
    begun = time.monotonic()
    for row in SqlRows(url, RECORD_COLUMNS, Redactor()).rows("cloud_machines", ()):
        joiner.row(row)
    told.send((joiner.rows, time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main(rows: int) -> int:
    peaks = []
    with running("wheel") as server:
        for count in (rows // 10, rows):
            with psycopg.connect(server.owner(), autocommit=True) as connection:
                connection.execute("DROP TABLE IF EXISTS cloud_machines")
                connection.execute(
                    "CREATE TABLE cloud_machines AS SELECT gen_random_uuid() AS id, 'job-' || n AS machine_id, "
                    "'running' AS status, 'fra' AS region, 'app' AS fly_app_name, "
                    "'wss://app.fly.dev' AS websocket_url, "
                    "to_timestamp(1700000000 + n) AS created_at, to_timestamp(1700000000 + n) AS updated_at "
                    f"FROM generate_series(1, {int(count)}) n"
                )
            ours, theirs = get_context("spawn").Pipe()
            url = f"postgresql://{OWNER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/postgres"
            child = get_context("spawn").Process(target=read, args=(url, theirs))
            child.start()
            seen, seconds, peak = ours.recv()
            child.join()
            peaks.append(peak)
            print(f"{seen:,} rows: {seconds:.1f} s, peak {peak:.0f} MB")
    print(f"memory with ten times the rows: {peaks[1] / peaks[0]:.2f} (≤ {MOST_GROWTH})")
    return 0 if peaks[1] / peaks[0] <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
