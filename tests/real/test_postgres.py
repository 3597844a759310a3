"""The caller's database as it really is: types, rights, row-level security, time-outs."""

from __future__ import annotations

import signal
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect.fleet import MachineTable, Short, _Joiner
from runbooks.collect.records import RecordsReader
from runbooks.collect.row_stream import NotStreamed, SqlRows
from runbooks.diagnose.fleet import review
from runbooks.diagnose.fleet_pairs import PairClass, Thresholds
from runbooks.evidence.fleet import Fleet, Folder, Phase
from runbooks.evidence.models import Outcome, RecordEvents, Records
from runbooks.evidence.redaction import Redactor

from .postgres import Server, running

PASSWORDS = {
    "reader": "Re-ader:s3cret@word%1",
    "visitor": "Vi-sitor:s3cret@word%2",
    "member": "Me-mber:s3cret@word%3",
    "stranger": "Str-anger:s3cret@word%4",
}
NAME, FLY_ID = "vyx-63eea370", "91850296bd4738"
PHASES = {"running": Phase.RUNS}
KEY = "0f4c9a52-6a0d-4b52-8d5e-3c9f0a1b2c3d"


@pytest.fixture(scope="module", params=["wheel", "debian"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param) as started:
        with psycopg.connect(started.owner(), autocommit=True) as connection:
            connection.execute((Path(__file__).parent / "schema.sql").read_text())  # type: ignore[arg-type]
        yield started


def url_of(server: Server, role: str, password: str = "") -> str:
    return f"postgresql://{role}:{quote(password or PASSWORDS[role], safe='')}@127.0.0.1:{server.port}/postgres"


def reader(server: Server, role: str = "reader", seconds: int = 5, **columns: str) -> RecordsReader:
    return RecordsReader(url_of(server, role), RECORD_COLUMNS | columns, Redactor(), seconds)


def test_a_row_with_its_real_types(server: Server) -> None:
    found = reader(server).rows("cloud_machines", (NAME, FLY_ID))
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, Records)
    row = found.answer.rows[0]
    assert (row.key, row.machine_id, row.status, row.region, row.app_name) == (KEY, NAME, "starting", "sin", "vyx-app")
    assert row.created_at is not None
    assert row.created_at.isoformat() == "2025-11-24T20:05:31+00:00"
    assert row.row["user_id"] == "<user-id#1>"
    assert row.row["error_count"] == 0
    assert row.row["stopped_at"] is None


@pytest.mark.parametrize("word", [KEY, KEY.upper(), "63eea370-13d5-4a55-bdf5-62d3b5e30f3f"])
def test_a_uuid_finds_the_row_in_any_spelling(server: Server, word: str) -> None:
    assert reader(server).rows("cloud_machines", (word,)).outcome is Outcome.SEEN


def test_the_fly_id_is_found_inside_of_the_details(server: Server) -> None:
    """The seed's function writes the machine's name where a uuid belongs; only the details name the machine."""
    found = reader(server).events("cloud_events", (KEY, FLY_ID))
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, RecordEvents)
    assert found.answer.rows[0]["details"] == {"fly_machine_id": FLY_ID, "region": "sin"}
    assert reader(server).events("cloud_events", ("e286e4eb7f5078",)).outcome is Outcome.ABSENT


def test_no_row_is_an_absence_for_who_sees_all(server: Server) -> None:
    found = reader(server).rows("cloud_machines", ("vyx-00000000", "%", "_"))
    assert found.outcome is Outcome.ABSENT
    assert "cloud_machines searched for vyx-00000000" in found.reason
    assert reader(server, "visitor").rows("empty_open", (NAME,)).outcome is Outcome.ABSENT


def test_other_schemas_names_and_types(server: Server) -> None:
    found = reader(server).rows("tenant.Cloud Machines", (NAME,))
    assert found.outcome is Outcome.SEEN, found.reason
    assert found.answer.rows[0].row["spare"] == "(1,2)"


# Row-level security


@pytest.mark.parametrize("table", ["cloud_machines", "cloud_events"])
def test_an_anonymous_role_that_sees_nothing_has_not_looked(server: Server, table: str) -> None:
    asks = reader(server, "visitor")
    found = (asks.rows if table == "cloud_machines" else asks.events)(table, (NAME, FLY_ID))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "row-level security lets the role visitor see no row of it at all" in found.reason


def test_a_role_that_sees_some_rows_has_not_looked_either(server: Server) -> None:
    found = reader(server, "member").rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "lets the role member see only some rows" in found.reason
    assert reader(server, "member").rows("cloud_machines", ("vyx-6a5d0c1e",)).outcome is Outcome.SEEN


def test_a_policy_that_hides_nothing_proves_an_absence(server: Server) -> None:
    assert reader(server, "member").events("cloud_events", ("e286e4eb7f5078",)).outcome is Outcome.ABSENT


def test_a_view_over_a_table_with_row_level_security_proves_nothing(server: Server) -> None:
    found = reader(server, "visitor").rows("machines_of_all", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "or the tables behind it" in found.reason


# Rights


def test_a_role_without_rights(server: Server) -> None:
    found = reader(server, "stranger").rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the database does not let this role read: permission denied for table cloud_machines" in found.reason


def test_the_connection_cannot_write(server: Server) -> None:
    """The role may insert; the reader's own connection may not."""
    asks = reader(server)
    with (
        pytest.raises(sa.exc.InternalError, match="read-only transaction"),
        asks._connected() as (connection, _),
    ):
        connection.execute(sa.text("INSERT INTO cloud_events (event_type) VALUES ('written')"))
    found = asks.rows("writing_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "cannot execute INSERT in a read-only transaction" in found.reason
    with psycopg.connect(server.owner()) as connection:
        row = connection.execute("SELECT count(*) FROM cloud_events WHERE event_type IN ('written', 'read')").fetchone()
        assert row == (0,)


def test_a_missing_table_and_missing_columns_are_said(server: Server) -> None:
    found = reader(server).rows("cloud_machine", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the database was asked: there is no table cloud_machine" in found.reason
    found = reader(server, machine_id="fly", fly_machine_id="fly_id", key="k", user_id="u").rows(
        "cloud_machines", (NAME,)
    )
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "RUNBOOKS_RECORDS_COLUMNS maps them" in found.reason


# Time


def test_a_slow_statement_is_ended(server: Server) -> None:
    found = reader(server, seconds=1).rows("slow_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "no answer within 1 s" in found.reason


def test_a_locked_table_does_not_hold_the_run(server: Server) -> None:
    with psycopg.connect(server.owner()) as connection:
        connection.execute("LOCK TABLE cloud_machines IN ACCESS EXCLUSIVE MODE")
        found = reader(server, seconds=1).rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "no answer within 1 s" in found.reason


def test_a_server_that_falls_silent_is_left_behind(server: Server) -> None:
    """Connections are accepted by the system as long as the process stands still."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        found = reader(server, seconds=1).rows("cloud_machines", (NAME,))
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the database" in found.reason


def test_nobody_listens(server: Server) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://reader:Un-used:s3cret@127.0.0.1:{unused.getsockname()[1]}/postgres"
        found = RecordsReader(url, RECORD_COLUMNS, Redactor()).rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the database did not answer" in found.reason
    assert "Un-used" not in found.reason


# Passwords


@pytest.mark.parametrize("wrong", ["Wr-ong:s3cret@word%5", "short", "with spaces and 'quotes'", "a?b#c&d=e"])
def test_a_wrong_password_is_never_shown(server: Server, wrong: str) -> None:
    redactor = Redactor()
    found = RecordsReader(url_of(server, "reader", wrong), RECORD_COLUMNS, redactor).rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert 'password authentication failed for user "reader"' in found.reason
    for form in (wrong, quote(wrong), quote(wrong, safe="")):
        assert form not in found.reason


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:Re-ader:s3cret@word%1@127.0.0.1:1/postgres",
        "postgresql://reader@127.0.0.1:1/postgres?password=Re-ader%3As3cret",
        "postgresql://reader:Re-ader@127.0.0.1:port/postgres",
        "Re-ader:s3cret@word%1",
    ],
)
def test_a_mistyped_address_does_not_show_its_password(url: str) -> None:
    redactor = Redactor()
    found = RecordsReader(url, RECORD_COLUMNS, redactor).rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    for part in ("s3cret", "Re-ader", "word%1"):
        assert part not in found.reason


def test_secrets_in_rows_are_masked(server: Server) -> None:
    secret: dict[str, Any] = {"token": "sbp_0123456789abcdef0123456789abcdef01234567"}
    with psycopg.connect(server.owner(), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO cloud_events (machine_id, event_type, details) VALUES (%s, 'leak', %s)",
            (KEY, psycopg.types.json.Jsonb(secret)),
        )
        try:
            found = reader(server).events("cloud_events", (KEY,))
        finally:
            connection.execute("DELETE FROM cloud_events WHERE event_type = 'leak'")
    assert found.outcome is Outcome.SEEN
    assert secret["token"] not in repr(found)
    assert found.answer.rows[0]["details"]["token"].startswith("<secret:")


# All rows, one after the other


def stream(server: Server, role: str = "reader", seconds: int = 5, **columns: str) -> SqlRows:
    return SqlRows(url_of(server, role), RECORD_COLUMNS | columns, Redactor(), seconds)


@pytest.fixture(scope="module")
def many(server: Server) -> int:
    """A table of its own with many rows; how many."""
    rows = 30_000
    with psycopg.connect(server.owner(), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE many_machines AS SELECT gen_random_uuid() AS id, 'job-' || n AS machine_id, "
            "'running' AS status, 'fra' AS region, 'app-' || n % 2 AS fly_app_name, now() AS created_at "
            "FROM generate_series(1, 30000) n"
        )
        connection.execute("GRANT SELECT ON many_machines TO reader")
        connection.execute(
            "CREATE VIEW its_transaction AS SELECT gen_random_uuid() AS id, "
            "current_setting('transaction_read_only') AS machine_id, current_setting('statement_timeout') AS status"
        )
        connection.execute("GRANT SELECT ON its_transaction TO reader")
    return rows


def test_all_rows_are_streamed_with_their_types(server: Server) -> None:
    reading = stream(server)
    rows = {row[0]: row for row in reading.rows("cloud_machines", ())}
    _, machine_id, fly_id, status, region, app, url, created_at, updated_at = rows[KEY]
    assert (machine_id, fly_id, status, region, app) == (NAME, None, "starting", "sin", "vyx-app")
    assert url == "wss://vyx-63eea370.fly.dev"
    assert created_at.isoformat() == updated_at.isoformat() == "2025-11-24T20:05:31+00:00"
    assert reading.hidden == ""


def test_memory_does_not_grow_with_the_rows(server: Server, many: int) -> None:
    """A cursor on the server: what is held is a few thousand rows, however many there are."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in stream(server).rows("many_machines", ()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == many
    assert peak < 12_000_000, "all of them at once would be more than twice as much"


def test_columns_of_a_fixed_width_are_read_without_the_blanks_that_fill_them(server: Server) -> None:
    wide = ("machine_id", "status", "region", "fly_app_name", "websocket_url")
    with psycopg.connect(server.owner(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE filled ({', '.join(f'{name} char(40)' for name in wide)})")  # type: ignore[arg-type]
        connection.execute("INSERT INTO filled VALUES (%s, 'running', 'fra', 'a', 'wss://a.fly.dev')", (FLY_ID,))
        connection.execute("GRANT SELECT ON filled TO reader")
        try:
            found = reader(server).rows("filled", (FLY_ID,))
            joiner, folder = fleet_of(Short(FLY_ID, "", "a", "started", "fra", "", "", "", "", 1))
            for one in stream(server).rows("filled", ("a",)):
                joiner.row(one)
        finally:
            connection.execute("DROP TABLE filled")
    assert isinstance(found.answer, Records), found.reason
    (row,) = found.answer.rows
    assert (row.machine_id, row.status, row.region, row.app_name) == (FLY_ID, "running", "fra", "a")
    assert row.websocket_url == "wss://a.fly.dev"
    words, lines = folder.lines(str)
    judged = review(Fleet("filled", joiner.rows, True, True, 100, words, lines), None, Thresholds(row_phases=PHASES))
    assert judged.classes == {PairClass.AGREE: 1}


def fleet_of(*machines: Short) -> tuple[_Joiner, Folder]:
    folder = Folder(PHASES)
    return _Joiner(MachineTable({machine.machine_id: machine for machine in machines}), folder), folder


def test_only_rows_of_the_apps_are_read(server: Server, many: int) -> None:
    assert sum(1 for _ in stream(server).rows("many_machines", ("app-1",))) == many // 2


def test_the_transaction_is_read_only_and_its_statements_have_their_time(server: Server, many: int) -> None:
    (row,) = stream(server).rows("its_transaction", ())
    assert row[1] == "on"
    assert row[3] == "5s"


def test_a_statement_that_takes_too_long_is_ended(server: Server) -> None:
    with pytest.raises(NotStreamed, match="gave no answer within 1 s"):
        list(stream(server, seconds=1).rows("slow_machines", ()))


def test_rows_that_a_policy_hides_are_not_absent(server: Server) -> None:
    reading = stream(server, "member")
    assert len(list(reading.rows("cloud_machines", ()))) == 1
    assert "row-level security" in reading.hidden


def test_a_table_that_is_none(server: Server) -> None:
    with pytest.raises(NotStreamed, match="there is no table nowhere"):
        list(stream(server).rows("nowhere", ()))
    with pytest.raises(NotStreamed, match="has neither other nor another"):
        list(stream(server, machine_id="other", fly_machine_id="another").rows("cloud_machines", ()))


def test_a_reader_that_stops_early_leaves_no_connection(server: Server, many: int) -> None:
    rows = stream(server).rows("many_machines", ())
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    end = time.monotonic() + 10
    with psycopg.connect(server.owner(), autocommit=True) as connection:
        while connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'").fetchone() != (0,):
            assert time.monotonic() < end
            time.sleep(0.05)
