"""All rows of a project of Supabase: ranges of the key, columns that are missing, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runbooks.base.settings import RECORD_COLUMNS
from runbooks.collect.row_stream import NotStreamed, WebRows
from runbooks.collect.supabase import allowed, project_of

from .asking import asking, written
from .serving import served
from .supabase_double import ANON, REF, SERVICE, URL

MOST = 700
"""Rows that this project gives at once, whatever is asked for."""
COLUMNS = ("id", "machine_id", "status", "fly_app_name", "updated_at")


class Project:
    """PostgREST over one table, as far as ranges need it."""

    def __init__(self) -> None:
        self.rows = [
            {
                "id": f"{n:08x}-52c4-4e77-a9d0-6c1f3e8b7a21",
                "machine_id": f"job-{n}",
                "status": "running",
                "fly_app_name": ("a", "b", None)[n % 3],
                "updated_at": "2025-11-24T20:05:31+00:00",
                "secret": "not asked for",
            }
            for n in range(1_500)
        ]
        self.asked: list[dict[str, str]] = []
        self.fails_at = 0

    async def table(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        if self.fails_at and len(self.asked) >= self.fails_at:
            return JSONResponse({"code": "57014", "message": "canceling statement due to statement timeout"}, 504)
        selected = query["select"].split(",")
        for name in selected:
            if name not in COLUMNS:
                return JSONResponse({"code": "42703", "message": f"column cloud_machines.{name} does not exist"}, 400)
        assert query["order"] == "id.asc"
        after = query.get("id", "gt.").removeprefix("gt.")
        apps = re.match(r"\(fly_app_name\.in\.\((.*)\),fly_app_name\.is\.null\)", query.get("or", ""))
        shown = [row for row in self.rows if row["id"] > after]
        if apps:
            shown = [row for row in shown if row["fly_app_name"] in (None, *apps[1].split(","))]
        if request.headers["apikey"] != SERVICE:
            shown = []
        limit = min(MOST, int(query["limit"]))
        return JSONResponse([{name: row[name] for name in selected} for row in shown[:limit]])


@pytest.fixture
def project() -> Iterator[tuple[Project, str]]:
    told = Project()
    with served(Starlette(routes=[Route("/rest/v1/cloud_machines", told.table)])) as base:
        yield told, base


def reading(base: str, key: str = SERVICE) -> tuple[WebRows, Any]:
    named = project_of(URL, key, "")
    client = asking({f"{REF}.supabase.co": base}, project_urls=allowed(named))
    return WebRows(client, named, RECORD_COLUMNS), client


def test_every_row_comes_once_in_ranges_of_the_key(project: tuple[Project, str]) -> None:
    told, base = project
    rows, client = reading(base)
    found = list(rows.rows("cloud_machines", ()))
    assert [row[0] for row in found] == [row["id"] for row in told.rows]
    assert found[0][1:] == ("job-0", None, "running", None, "a", None, None, "2025-11-24T20:05:31+00:00")
    assert rows.hidden == ""
    assert {"secret", "user_id"} & {name for query in told.asked for name in query["select"].split(",")} == set()
    assert len(written(client)) < 20_000, "of a page only the number of its rows is recorded"


def test_only_rows_of_the_apps_are_asked_for(project: tuple[Project, str]) -> None:
    assert len(list(reading(project[1])[0].rows("cloud_machines", ("a",)))) == 1_000


def test_a_failure_on_the_way_is_told(project: tuple[Project, str]) -> None:
    told, base = project
    told.fails_at = 7
    came: list[Any] = []
    with pytest.raises(NotStreamed, match="the database ended the statement"):
        came.extend(reading(base)[0].rows("cloud_machines", ()))
    assert 0 < len(came) < 1_500


def test_a_key_that_sees_nothing_has_not_looked(project: tuple[Project, str]) -> None:
    rows = reading(project[1], ANON)[0]
    assert list(rows.rows("cloud_machines", ())) == []
    assert "row-level security" in rows.hidden


def test_a_missing_table_is_named(project: tuple[Project, str]) -> None:
    with pytest.raises(NotStreamed, match="nowhere"):
        list(reading(project[1])[0].rows("nowhere", ()))
