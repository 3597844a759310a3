"""A project of Supabase over real HTTP: rows, what a key may see, digests of secrets, the function's log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult
from runbooks.collect.supabase import MANAGEMENT, Project, allowed, project_of, replayed
from runbooks.collect.supabase_functions import candidates, function_log, secrets
from runbooks.collect.supabase_rows import WebRecords
from runbooks.evidence.models import FunctionLog, FunctionSecrets, ImageRef, Outcome, RecordEvents, Records

from .asking import asking, written
from .serving import served
from .supabase_double import (
    ANON,
    FLY_ID,
    KEY,
    NAME,
    NEW_ANON,
    NEW_SERVICE,
    REF,
    SERVICE,
    TOKEN,
    URL,
    Supabase,
    jwt,
)

AT = datetime(2025, 11, 24, 20, 5, 31, tzinfo=UTC)


class Stand:
    def __init__(self, told: Supabase, base: str) -> None:
        self.told, self.base = told, base

    def ask(self, key: str = SERVICE, token: str = TOKEN, url: str = URL) -> tuple[Client, Project]:
        project = project_of(url, key, token)
        bases = {f"{REF}.supabase.co": self.base, "api.supabase.com": self.base}
        client = asking(bases, project_urls=allowed(project))
        for secret in filter(None, (key, token)):
            client.redactor.add_secret(secret, "supabase-key")
        return client, project

    def records(self, key: str = SERVICE, **columns: str) -> tuple[WebRecords, Client]:
        client, project = self.ask(key)
        return WebRecords(client, project, RECORD_COLUMNS | columns), client


@pytest.fixture
def stand() -> Iterator[Stand]:
    told = Supabase()
    with served(told.app()) as base:
        yield Stand(told, base)


# Rows


@pytest.mark.parametrize("key", [SERVICE, NEW_SERVICE])
@pytest.mark.parametrize("words", [(NAME, FLY_ID), (KEY.upper(),), ("63eea370-13d5-4a55-bdf5-62d3b5e30f3f", "x")])
def test_a_service_key_finds_the_row(stand: Stand, key: str, words: tuple[str, ...]) -> None:
    asks, client = stand.records(key)
    found = asks.rows("cloud_machines", words)
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, Records)
    row = found.answer.rows[0]
    assert (row.key, row.machine_id, row.status, row.app_name) == (KEY, NAME, "starting", "vyx-app")
    assert row.row["user_id"] == "<user-id#1>"
    path, query, headers = stand.told.heard[-1]
    assert path == "/rest/v1/cloud_machines"
    assert query["select"] == "*"
    assert (headers["apikey"], headers["authorization"]) == (key, f"Bearer {key}")
    assert key not in written(client)
    assert "machine_id.in" in client.journal[-1].url


@pytest.mark.parametrize("key", [SERVICE, NEW_SERVICE])
def test_no_row_for_a_service_key_is_an_absence(stand: Stand, key: str) -> None:
    asks, client = stand.records(key)
    found = asks.rows("cloud_machines", ("vyx-00000000", "e286e4eb7f5078"))
    assert found.outcome is Outcome.ABSENT, found.reason
    assert "cloud_machines searched for vyx-00000000" in found.reason
    assert len(client.journal) <= 3


@pytest.mark.parametrize(
    ("key", "who"),
    [
        (ANON, "the key is anonymous"),
        (NEW_ANON, "the key is anonymous"),
        (jwt("authenticated"), "the key is for the role authenticated"),
        ("eyJub3QgYSBqd3Q.x.y", "the key does not say what it may see"),
    ],
)
@pytest.mark.parametrize("table", ["cloud_machines", "cloud_events"])
def test_any_other_key_that_sees_nothing_has_not_looked(stand: Stand, key: str, who: str, table: str) -> None:
    asks, _ = stand.records(key)
    found = (asks.rows if table == "cloud_machines" else asks.events)(table, (NAME, FLY_ID))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert f"no row is visible ({table} searched for {NAME}, {FLY_ID}), but {who}" in found.reason


def test_events_are_found_by_their_details(stand: Stand) -> None:
    asks, _ = stand.records()
    found = asks.events("cloud_events", (KEY, NAME, FLY_ID))
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, RecordEvents)
    assert found.answer.rows[0]["details"] == {"fly_machine_id": FLY_ID}
    assert asks.events("cloud_events", (KEY, "e286e4eb7f5078")).outcome is Outcome.ABSENT


def test_a_table_of_another_shape(stand: Stand) -> None:
    """Keys that are text are searched with every word before an absence is said."""
    stand.told.types["machines"] = {"key": "text", "owner": "text", "fly": "text"}
    stand.told.rows["machines"] = [{"key": "relay-7", "owner": "team", "fly": FLY_ID}]
    client, project = stand.ask()
    mapping = {"key": "key", "user_id": "owner", "machine_id": "fly", "updated_at": "changed"}
    asks = WebRecords(client, project, RECORD_COLUMNS | mapping)
    assert asks.rows("machines", ("relay-7",)).outcome is Outcome.SEEN
    assert asks.rows("machines", (FLY_ID,)).outcome is Outcome.SEEN
    assert asks.rows("machines", ("relay-8",)).outcome is Outcome.ABSENT
    asks = WebRecords(client, project, dict.fromkeys(RECORD_COLUMNS, "nowhere"))
    assert "none of the columns" in asks.rows("machines", ("relay-7",)).reason


def test_words_cannot_leave_their_quotation_marks(stand: Stand) -> None:
    asks, _ = stand.records()
    word = 'x"),status.eq.starting,(a"\\'
    assert asks.rows("cloud_machines", (word, "a,b", "(c)")).outcome is Outcome.ABSENT


@pytest.mark.parametrize("table", ["cloud_machine", "private.cloud_machines", "a/../../b", "x?y#z"])
def test_a_missing_table(stand: Stand, table: str) -> None:
    asks, _ = stand.records()
    found = asks.rows(table, (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (JSONResponse({"code": "42501", "message": "permission denied for table cloud_machines"}, 403), "may not read"),
        (JSONResponse({"code": "42501", "message": "permission denied for table cloud_machines"}, 401), "may not read"),
        (JSONResponse({"code": "PGRST301", "message": "JWT expired"}, 401), "does not accept the key"),
        (JSONResponse({"message": "Invalid API key"}, 401), "does not accept the key"),
        (JSONResponse({"code": "PGRST205", "message": "Could not find the table"}, 404), "shows no table"),
        (JSONResponse({"code": "PGRST100", "message": "failed to parse logic tree"}, 400), "did not tell the rows"),
        (JSONResponse({"code": "57014", "message": "canceling statement"}, 500), "it took too long"),
        (JSONResponse({"code": "PGRST002", "message": "Could not query the database"}, 503), "did not tell the rows"),
        (JSONResponse({"message": "project paused"}, 540), "did not tell the rows"),
        (HTMLResponse("<h1>Bad Gateway</h1>", 502), "did not tell the rows"),
        (HTMLResponse("<h1>hello</h1>", 200), "not the documented JSON"),
        (JSONResponse({"rows": []}, 200), "not the documented JSON"),
        (Response(status_code=301, headers={"location": "https://www.example.com/"}), "did not tell the rows"),
    ],
)
def test_refusals_are_told_apart_and_are_no_absence(stand: Stand, answer: Response, words: str) -> None:
    stand.told.answer = answer
    asks, _ = stand.records()
    found = asks.rows("cloud_machines", (NAME,))
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert words in found.reason


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        (URL, "", "no key for the project"),
        (URL, "two words", "a space or a character"),
        ("http://db.example.com", SERVICE, "not sent without TLS"),
    ],
)
def test_nothing_is_sent_without_a_usable_key(stand: Stand, url: str, key: str, words: str) -> None:
    client, project = stand.ask(key, "", url)
    found = WebRecords(client, project, RECORD_COLUMNS).rows("cloud_machines", (NAME,))
    assert (found.outcome, client.journal) == (Outcome.COULD_NOT_LOOK, [])
    assert words in found.reason


# Which project, and what may be asked of it


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        (URL, REF),
        (f"postgresql://postgres:pw@db.{REF}.supabase.co:5432/postgres", REF),
        (f"postgresql://postgres.{REF}:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres", REF),
        ("https://api.example.com", ""),
        ("postgresql://a:b@localhost/x", ""),
        ("sqlite:///x.db", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_the_project_is_read_from_the_address(url: str, ref: str) -> None:
    assert project_of(url, "", "").ref == ref


def test_a_custom_domain_is_named_by_the_key() -> None:
    project = project_of("https://db.example.com/", SERVICE, TOKEN)
    assert (project.url, project.ref, project.role) == ("https://db.example.com", REF, "service")
    assert SERVICE not in repr(project)
    assert TOKEN not in repr(project)
    again = replayed(project.told)
    assert again.told == project.told


@pytest.mark.parametrize(
    "url",
    [
        f"{URL}/rest/v1/",
        f"{URL}/rest/v1/rpc/wipe?x=1",
        f"{URL}/auth/v1/admin/users?x=1",
        "https://other.supabase.co/rest/v1/cloud_machines?x=1",
        f"{MANAGEMENT}/v1/projects",
        f"{MANAGEMENT}/v1/projects/{'z' * 20}/secrets",
        f"{MANAGEMENT}/v1/projects/{REF}/api-keys?reveal=true",
        f"{MANAGEMENT}/v1/projects/{REF}/database/query",
    ],
)
def test_nothing_else_may_be_asked(stand: Stand, url: str) -> None:
    client, _ = stand.ask()
    with pytest.raises(AssertionError, match="not on the list"):
        client.get(url, "x", "x")
    for method in ("POST", "DELETE", "PATCH"):
        with pytest.raises(AssertionError, match="not on the list"):
            client.get(f"{MANAGEMENT}/v1/projects/{REF}/secrets", "x", "x", method=method)


# Secrets of the function

BELIEVED, RAN = "registry.fly.io/vyx-app:latest", ImageRef("registry.fly.io", "vyx-app", "stub", "sha256:" + "ab" * 32)


def compared(stand: Stand, **values: str) -> tuple[FacetResult, Client]:
    stand.told.secrets.update(values)
    client, project = stand.ask()
    return secrets(client, project, candidates([BELIEVED, RAN])), client


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        ("registry.fly.io/vyx-app:stub", "registry.fly.io/vyx-app:stub"),
        ("registry.fly.io/vyx-app:latest", BELIEVED),
        ("registry.fly.io/vyx-app", "registry.fly.io/vyx-app"),
        (f"registry.fly.io/vyx-app@sha256:{'ab' * 32}", f"registry.fly.io/vyx-app@sha256:{'ab' * 32}"),
        ("vyx-app:stub", "vyx-app:stub"),
        ("registry.fly.io/vyx-app:stub\n", "registry.fly.io/vyx-app:stub with a line break at its end"),
        ('"registry.fly.io/vyx-app:latest"', f"{BELIEVED} in quotation marks"),
    ],
)
def test_the_image_secret_is_answered_without_seeing_it(stand: Stand, value: str, matches: str) -> None:
    found, client = compared(stand, DOCKER_IMAGE=value)
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, FunctionSecrets)
    assert f"DOCKER_IMAGE is {matches}" in found.reason
    assert {s.name: s.matches for s in found.answer.secrets} == {
        "DOCKER_IMAGE": matches,
        "FLY_API_TOKEN": "",
        "PIN": "",
    }
    # The digest of a short secret could be tried out.
    assert hashlib.sha256(b"1234").hexdigest() not in written(client) + repr(found)
    assert TOKEN not in written(client)


def test_an_image_secret_that_is_something_else(stand: Stand) -> None:
    found, client = compared(stand, DOCKER_IMAGE="ghcr.io/team/other:1")
    assert "none is one of the" in found.reason
    assert "DOCKER_IMAGE is none of them" in found.reason
    digest = hashlib.sha256(b"ghcr.io/team/other:1").hexdigest()
    assert digest in written(client), "kept, so that the next idea can be compared"


def test_no_secret_at_all(stand: Stand) -> None:
    stand.told.secrets.clear()
    found, _ = compared(stand)
    assert found.outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"message": "Unauthorized"}, 401),
        JSONResponse({"message": "Forbidden"}, 403),
        JSONResponse({"message": "Project not found"}, 404),
        JSONResponse({"message": "Too many requests"}, 429),
        HTMLResponse("<h1>Bad Gateway</h1>", 502),
        JSONResponse({"secrets": []}),
        HTMLResponse("<p>hello</p>"),
    ],
)
def test_the_management_api_refuses(stand: Stand, answer: Response) -> None:
    stand.told.answer = answer
    client, project = stand.ask()
    for found in (secrets(client, project, ["x"]), function_log(client, project, AT)):
        assert found.outcome is Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize("body", [[1, "x", None], [{}], [{"name": 5, "value": ["x"]}], [{"name": "DOCKER_IMAGE"}]])
def test_odd_lists_of_secrets(stand: Stand, body: list[Any]) -> None:
    stand.told.answer = JSONResponse(body)
    client, project = stand.ask()
    secrets(client, project, ["x"])


def test_without_a_personal_token_nothing_is_asked(stand: Stand) -> None:
    client, project = stand.ask(token="")
    for found in (secrets(client, project, ["x"]), function_log(client, project, AT)):
        assert found.outcome is Outcome.COULD_NOT_LOOK
        assert "RUNBOOKS_SUPABASE_TOKEN" in found.reason
    assert client.journal == []


# The function's log


@pytest.mark.parametrize("old", [False, True])
def test_the_function_s_log(stand: Stand, old: bool) -> None:
    stand.told.old_log = old
    client, project = stand.ask()
    found = function_log(client, project, AT)
    assert found.outcome is Outcome.SEEN, found.reason
    assert isinstance(found.answer, FunctionLog)
    lines = found.answer.lines
    assert lines[-1].at is not None
    assert lines[-1].at.isoformat() == "2025-11-24T20:05:31.900000+00:00"
    assert f"machine created: {FLY_ID}" in lines[-1].message
    assert SERVICE not in repr(found) + written(client)
    _, query, headers = stand.told.heard[-1]
    assert (query["iso_timestamp_start"], query["iso_timestamp_end"]) == (
        "2025-11-24T20:03:31Z",
        "2025-11-24T20:15:31Z",
    )
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert "apikey" not in headers


@pytest.mark.parametrize("error", ["syntax error", {"code": 400, "message": "backend error"}])
def test_a_query_that_is_refused_with_200(stand: Stand, error: Any) -> None:
    stand.told.log_error = error
    client, project = stand.ask()
    found = function_log(client, project, AT)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the query was refused" in found.reason


def test_no_line_and_no_time(stand: Stand) -> None:
    stand.told.log.clear()
    client, project = stand.ask()
    assert function_log(client, project, AT).outcome is Outcome.ABSENT
    assert function_log(client, project, None).outcome is Outcome.COULD_NOT_LOOK
