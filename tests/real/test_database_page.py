"""docs/database.md, tried: its SQL makes a role that reads, and its variables find the row."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runbooks.base.settings import RECORD_COLUMNS, load_settings
from runbooks.collect.records import RecordsReader
from runbooks.evidence.models import Outcome
from runbooks.evidence.redaction import Redactor

from .postgres import Server, running

PAGE = (Path(__file__).parent.parent.parent / "docs" / "database.md").read_text()
ROLE, POLICIES, OTHER_SCHEMA = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
VARIABLES = dict(
    word.partition("=")[::2]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.startswith("export ")
    for word in shlex.split(line)[1:]
)
NAME, FLY_ID = "vyx-63eea370", "91850296bd4738"
URL = re.search(r"'(postgresql://[^']+)'", PAGE)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("wheel") as started:
        execute(started, (Path(__file__).parent / "schema.sql").read_text())
        execute(started, ROLE)
        yield started


def execute(server: Server, sql: str) -> None:
    with psycopg.connect(server.owner(), autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[arg-type]


@pytest.fixture
def reader(server: Server, monkeypatch: pytest.MonkeyPatch) -> RecordsReader:
    """As the page sets it up, with this server's address in place of the example's."""
    assert URL
    url = URL[1].replace("db.example.com:5432/app?sslmode=require", f"127.0.0.1:{server.port}/postgres")
    monkeypatch.setenv("RUNBOOKS_RECORDS_URL", url)
    return RecordsReader(load_settings().records_url.get_secret_value(), load_settings().columns, Redactor())


def test_the_role_may_connect_and_row_level_security_keeps_the_row_from_it(reader: RecordsReader) -> None:
    found = reader.rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "row-level security" in found.reason


def test_with_the_policies_it_sees_every_row_and_nothing_else(reader: RecordsReader, server: Server) -> None:
    execute(server, POLICIES)
    assert reader.rows("cloud_machines", (NAME,)).outcome is Outcome.SEEN
    assert reader.rows("cloud_machines", ("vyx-00000000",)).outcome is Outcome.ABSENT
    assert reader.events("cloud_events", (FLY_ID,)).outcome is Outcome.SEEN
    assert "does not let this role read" in reader.rows("private_rows", (NAME,)).reason


def test_another_schema_with_other_names(
    reader: RecordsReader, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(server, OTHER_SCHEMA)
    execute(
        server,
        "INSERT INTO fleet.workers "
        f"VALUES (7, '{NAME}', '{FLY_ID}', 'starting', 'sin', 'wss://x.example', now(), now());"
        f"INSERT INTO fleet.worker_log VALUES (NULL, 'made', '{{\"fly_machine_id\": \"{FLY_ID}\"}}', now())",
    )
    monkeypatch.setenv("RUNBOOKS_RECORDS_COLUMNS", VARIABLES["RUNBOOKS_RECORDS_COLUMNS"])
    monkeypatch.setenv("RUNBOOKS_RECORDS_EVENTS_TABLE", VARIABLES["RUNBOOKS_RECORDS_EVENTS_TABLE"])
    settings = load_settings()
    mapped = RecordsReader(settings.records_url.get_secret_value(), settings.columns, Redactor())
    found = mapped.rows("fleet.workers", (FLY_ID,))
    assert found.outcome is Outcome.SEEN, found.reason
    (row,) = found.answer.rows
    assert (row.key, row.machine_id, row.fly_machine_id) == ("7", NAME, FLY_ID)
    assert (row.status, row.region, row.websocket_url) == ("starting", "sin", "wss://x.example")
    assert row.created_at is not None
    events = mapped.events(settings.records_events_table, (NAME, FLY_ID))
    assert events.outcome is Outcome.SEEN, events.reason


def test_the_table_of_names_is_complete() -> None:
    told = {name: column for name, column in RECORD_COLUMNS.items() if f"`{name}`" in PAGE}
    assert told == RECORD_COLUMNS
    assert VARIABLES["RUNBOOKS_RECORDS_URL"].startswith("sqlite:///"), "the last one that the page sets"
    mapped = dict(pair.split("=") for pair in VARIABLES["RUNBOOKS_RECORDS_COLUMNS"].split(","))
    assert mapped.keys() <= RECORD_COLUMNS.keys()
    assert all(column in OTHER_SCHEMA for column in mapped.values())
