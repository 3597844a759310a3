"""The caller's database: read as it is, whatever its columns are called, and never changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect.records import MAX_ROWS, RecordsReader
from runbooks.evidence.models import Outcome
from runbooks.evidence.redaction import Redactor
from runbooks.simulator import spec
from runbooks.simulator.records import write_records

ROW = {
    "id": "d3b1c4a2-7f5e-4c1b-8a60-51f0de7b9c34",
    "user_id": "63eea370-5c1d-4f0e-9b7a-2d64c80e9f13",
    "machine_id": "vyx-63eea370",
    "region": "sin",
    "status": "starting",
    "cpus": 1,
    "websocket_url": "wss://vyx-63eea370.fly.dev",
    "error_message": "asked for nadia@vyx.example with fm2_c29tZWJvZHkgZWxzZQ",
    "fly_app_name": "vyx-app",
    "created_at": datetime(2025, 10, 2, 3, 0, 10, 102_000, UTC),
    "started_at": datetime(2025, 10, 2, 3, 0, 11, 655_000, UTC),
    "error_count": 0,
}
EVENT = {
    "id": "1",
    "machine_id": ROW["id"],
    "event_type": "created",
    "details": {"fly_machine_id": "91850296bd4738", "api_key": "hunter2hunter2"},
}
WORDS = ("91850296bd4738", "vyx-63eea370")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return write_records(spec.Records(machines=[ROW], events=[EVENT]), tmp_path / "records.sqlite")


def reader(url: str, **columns: str) -> RecordsReader:
    return RecordsReader(url, RECORD_COLUMNS | columns, Redactor())


def test_the_row_is_found_by_the_machine_s_name(url: str) -> None:
    found = reader(url).rows("cloud_machines", WORDS)
    assert found.outcome is Outcome.SEEN
    assert found.reason == "1 row (cloud_machines searched for 91850296bd4738, vyx-63eea370): starting"
    (row,) = found.answer.rows
    assert (row.machine_id, row.status, row.region, row.app_name) == ("vyx-63eea370", "starting", "sin", "vyx-app")
    assert row.key == ROW["id"]
    assert row.fly_machine_id == ""
    assert row.created_at == ROW["created_at"]
    assert row.updated_at is None
    assert row.row["cpus"] == 1


def test_values_are_redacted_and_the_user_is_masked(url: str) -> None:
    found = reader(url).rows("cloud_machines", WORDS)
    assert found.answer.rows[0].error_message == "asked for <email#1> with <secret:fly-token#1>"
    assert found.answer.rows[0].row["user_id"] == "<user-id#1>"
    events = reader(url).events("cloud_events", (str(ROW["id"]),))
    assert "fly_machine_id" in events.answer.rows[0]["details"]
    for secret in ("nadia", "fm2_", "63eea370-5c1d", "hunter2"):
        assert secret not in repr((found, events))


def test_no_row_is_an_absence_that_says_what_was_searched(url: str) -> None:
    found = reader(url).rows("cloud_machines", ("other",))
    assert found.outcome is Outcome.ABSENT
    assert found.answer.searched == ("other",)
    events = reader(url).events("cloud_events", ("other",))
    assert (events.outcome, events.answer.rows) == (Outcome.ABSENT, ())


def make(path: Path, *statements: str) -> str:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)
    return f"sqlite:///{path}"


def test_other_names_of_columns(tmp_path: Path) -> None:
    url = make(
        tmp_path / "x.sqlite",
        "CREATE TABLE vms (pk INTEGER, vm TEXT, fly TEXT, state TEXT, since TEXT)",
        "INSERT INTO vms VALUES (7, 'vyx-1', '91850296bd4738', 'up', '2025-10-02 03:00:10')",
    )
    columns = {"key": "pk", "machine_id": "vm", "fly_machine_id": "fly", "status": "state", "created_at": "since"}
    found = reader(url, **columns).rows("vms", ("91850296bd4738",))
    (row,) = found.answer.rows
    assert (row.key, row.machine_id, row.fly_machine_id, row.status) == ("7", "vyx-1", "91850296bd4738", "up")
    assert row.created_at == datetime(2025, 10, 2, 3, 0, 10, tzinfo=UTC)
    assert len(reader(url, **columns).rows("vms", ("7",)).answer.rows) == 1
    strange = reader(url).rows("vms", WORDS)
    assert strange.outcome is Outcome.COULD_NOT_LOOK
    assert "vms has none of the columns machine_id, fly_machine_id, id, user_id" in strange.reason
    assert "RUNBOOKS_RECORDS_COLUMNS" in strange.reason


def test_odd_values_and_too_many_rows(tmp_path: Path) -> None:
    url = make(
        tmp_path / "x.sqlite",
        "CREATE TABLE t (id TEXT, machine_id TEXT, blob BLOB, number REAL, odd STRANGE_TYPE, created_at TIMESTAMP)",
        *(
            f"INSERT INTO t VALUES ('{n}', 'vyx-1', x'ff00', 9e999, 'x', '2025-10-02T03:00:{n}Z')"
            for n in range(10, 10 + MAX_ROWS + 5)
        ),
    )
    found = reader(url).rows("t", ("vyx-1",))
    assert len(found.answer.rows) == MAX_ROWS
    assert found.answer.rows[0].row["number"] == "inf"
    assert found.answer.rows[-1].created_at == datetime(2025, 10, 2, 3, 0, 24, tzinfo=UTC)


def test_a_foreign_key_to_what_nobody_may_see_does_not_matter(tmp_path: Path) -> None:
    url = make(
        tmp_path / "x.sqlite",
        "CREATE TABLE t (id TEXT, machine_id TEXT, user_id TEXT REFERENCES missing_users(id))",
        "INSERT INTO t VALUES ('1', 'vyx-1', 'u')",
    )
    assert reader(url).rows("t", ("vyx-1",)).outcome is Outcome.SEEN


@pytest.mark.parametrize(
    "table", ["nothing", "other.cloud_machines", "cloud_machines; DROP TABLE cloud_machines", '"', ""]
)
def test_a_table_that_is_missing(url: str, table: str) -> None:
    for found in (reader(url).rows(table, WORDS), reader(url).events(table, WORDS)):
        assert found.outcome is Outcome.COULD_NOT_LOOK
        assert found.answer is None
    assert reader(url).rows("cloud_machines", WORDS).outcome is Outcome.SEEN


@pytest.mark.parametrize(
    "form", ["sqlite:///{}", "sqlite:///file:{}", "sqlite:///file:{}?mode=rwc&uri=true", "sqlite+pysqlite:///{}"]
)
def test_a_file_that_is_missing_is_not_created(form: str, tmp_path: Path) -> None:
    path = tmp_path / "missing.sqlite"
    found = reader(form.format(path)).rows("cloud_machines", WORDS)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "unable to open database file" in found.reason
    assert not path.exists()


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% of #1, ä"
    folder.mkdir()
    url = write_records(spec.Records(machines=[ROW]), folder / "records.sqlite")
    assert reader(url).rows("cloud_machines", WORDS).outcome is Outcome.SEEN


@pytest.mark.parametrize("form", ["sqlite:///{}", "sqlite:///file:{}?mode=rwc&uri=true"])
def test_nothing_can_be_written(form: str, url: str) -> None:
    reading = reader(form.format(url.removeprefix("sqlite:///")))
    with reading._connected() as (connection, _), pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.execute(sa.text("UPDATE cloud_machines SET status = 'running'"))
    with reading._connected() as (connection, _), pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.execute(sa.text("CREATE TABLE x (y)"))
    assert reading.rows("cloud_machines", WORDS).answer.rows[0].status == "starting"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_text("this is no database at all, it is only a long enough text" * 20)
    found = reader(f"sqlite:///{path}").rows("cloud_machines", WORDS)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "not a database" in found.reason


@pytest.mark.parametrize(
    "url",
    [
        "hunter2hunter2",
        "://hunter2hunter2",
        "postgresql://app:hunter2hunter2@127.0.0.1:port/db",
        "postgresql://app:hunter2hunter2@127.0.0.1:1/db",
        "postgres://app:hunter2hunter2@127.0.0.1:1/db",
        "postgresql+asyncpg://app:hunter2hunter2@127.0.0.1:1/db",
        "mysql://app:hunter2hunter2@127.0.0.1:1/db",
        "oracle://app:hunter2hunter2@127.0.0.1:1/db",
        "nothing+known://app:hunter2hunter2@127.0.0.1:1/db",
        "sqlite://app:hunter2hunter2@host/x",
        "https://hunter2hunter2.supabase.co",
    ],
)
def test_a_wrong_url_never_shows_its_password(url: str) -> None:
    for found in (reader(url).rows("cloud_machines", WORDS), reader(url).events("cloud_events", WORDS)):
        assert found.outcome is Outcome.COULD_NOT_LOOK
        assert found.reason
        assert "hunter2" not in repr(found)


def test_nothing_configured_or_nothing_to_search_by(url: str) -> None:
    assert "RUNBOOKS_RECORDS_URL" in reader("").rows("cloud_machines", WORDS).reason
    assert "nothing is known to search" in reader(url).rows("cloud_machines", ()).reason
    assert "nothing is known to search" in reader(url).events("cloud_events", ()).reason


class Psycopg:
    """What the reader asks of PostgreSQL, without one."""

    def __init__(self) -> None:
        self.connect: dict[str, Any] = {}

    def engine(self, url: sa.URL, **more: Any) -> Any:
        self.connect = {"driver": url.drivername, **more["connect_args"]}
        raise sa.exc.OperationalError("", {}, Exception("connection refused"))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_postgres_is_always_asked_by_the_driver_that_is_installed(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Psycopg()
    monkeypatch.setattr(sa, "create_engine", asked.engine)
    found = reader(f"{scheme}://app:pw@db.example/x").rows("cloud_machines", WORDS)
    assert found.reason == "the database did not answer: connection refused"
    assert asked.connect["driver"] == "postgresql+psycopg"
    assert asked.connect["connect_timeout"] == 5
