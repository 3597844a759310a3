"""The tables of the caller's project at Supabase, over the web.

What a key may see is decided from the key itself: an anonymous one that is shown no row has not looked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from runbooks.collect.answer import Answer
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult, unavailable, unreadable
from runbooks.collect.rows import DETAILS, MAX_ROWS, cleaned, events_found, record_of, rows_found
from runbooks.collect.supabase import Project
from runbooks.evidence.models import (
    RecordEvents,
    Records,
)
from runbooks.evidence.parsers import refusal_of, text_of

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MISSING_COLUMN = re.compile(r"column (?:[\w\"]{1,80}\.){0,2}\"?(\w{1,80})\"? does not exist")
_ATTEMPTS = 5


class WebRecords:
    """The two tables over REST, with the same two questions as the reader of databases."""

    def __init__(self, client: Client, project: Project, columns: Mapping[str, str]) -> None:
        self._client, self._project, self._columns = client, project, columns

    def rows(self, table: str, words: tuple[str, ...]) -> FacetResult:
        names = ("machine_id", "fly_machine_id", "key", "user_id")
        found = self._search(table, names, words, {})
        if isinstance(found, FacetResult):
            return found
        records = tuple(record_of(table, row, self._columns) for row in found)
        return rows_found(Records(table, words, records), "" if records else self._hidden())

    def events(self, table: str, words: tuple[str, ...]) -> FacetResult:
        found = self._search(table, ("machine_id",), words, {f"{DETAILS}->>fly_machine_id": words})
        if isinstance(found, FacetResult):
            return found
        return events_found(RecordEvents(table, tuple(found)), words, "" if found else self._hidden())

    def _hidden(self) -> str:
        role = self._project.role
        if role == "service":
            return ""
        who = {"anonymous": "the key is anonymous", "": "the key does not say what it may see"}.get(
            role, f"the key is for the role {role[:40]}"
        )
        return f"{who}, and row-level security can hide rows from it: a service key (RUNBOOKS_RECORDS_KEY) can tell"

    def _search(
        self, table: str, names: tuple[str, ...], words: tuple[str, ...], more: Mapping[str, tuple[str, ...]]
    ) -> list[dict[str, Any]] | FacetResult:
        """Narrow at first: a column that is a uuid refuses every other word. Then with all words, if nothing came."""
        if not words:
            return unavailable("nothing is known to search the table by")
        if why := self._unusable():
            return unavailable(why)
        uuids = tuple(word.lower() for word in words if _UUID.fullmatch(word))
        columns = {name: self._columns.get(name, name) for name in names}
        identities = {columns[name] for name in ("key", "user_id") if name in columns}
        plan = {column: uuids if column in identities else words for column in columns.values()} | dict(more)
        order = self._columns.get("updated_at", "") if "key" in names else "created_at"
        missing: set[str] = set()
        widened = False
        for _ in range(_ATTEMPTS):
            plan = {c: w for c, w in plan.items() if c.partition("->")[0] not in missing and w}
            if not plan:
                return unavailable(
                    f"{table} has none of the columns that are searched; RUNBOOKS_RECORDS_COLUMNS maps them"
                )
            answer = self._ask(table, plan, "" if order in missing else order)
            code = text_of(answer.json.get("code")) if isinstance(answer.json, Mapping) else ""
            if answer.ok and isinstance(answer.json, list):
                rows = cleaned((r for r in answer.json if isinstance(r, Mapping)), table, self._client.redactor)
                left = {c: words for c in identities - missing if plan.get(c) != words}
                if rows or self._hidden() or widened or not left:
                    return rows
                plan, widened = {**plan, **left}, True
            elif code == "42703" and (named := MISSING_COLUMN.search(refusal_of(answer.status, answer.body).text)):
                missing.add(named[1])
            elif code == "22P02" and widened:
                # The keys are no text, so that none of the other words can be one.
                return []
            elif code == "22P02" and plan.get(columns["machine_id"], uuids) != uuids:
                plan = {**plan, columns["machine_id"]: uuids}
            elif code in ("42883", "42804") and any("->" in c for c in plan):
                plan = {c: w for c, w in plan.items() if "->" not in c}
            else:
                return self._refused(answer, table)
        return unavailable(f"{table} could not be searched within {_ATTEMPTS} requests")

    def _ask(self, table: str, search: Mapping[str, tuple[str, ...]], order: str) -> Answer:
        schema, _, bare = table.rpartition(".")
        conditions = (f"{column}.in.({','.join(map(_quoted, words))})" for column, words in search.items())
        query = {"select": "*", "or": f"({','.join(conditions)})", "limit": str(MAX_ROWS)}
        if order:
            query["order"] = f"{order}.desc"
        headers = {"apikey": self._project.key, "Authorization": f"Bearer {self._project.key}"}
        if schema:
            headers["Accept-Profile"] = schema
        url = f"{self._project.url}/rest/v1/{quote(bare, safe='')}?{urlencode(query, quote_via=quote)}"
        return self._client.get(url, "read rows", table, headers=headers)

    def _unusable(self) -> str:
        url, key = urlsplit(self._project.url), self._project.key
        if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            return "a key is not sent without TLS: RUNBOOKS_RECORDS_URL must begin with https://"
        if not key:
            return "no key for the project: set RUNBOOKS_RECORDS_KEY to its service key to read the caller's row"
        if not re.fullmatch(r"[\x21-\x7e]+", key):
            return "RUNBOOKS_RECORDS_KEY holds a space or a character that no header can carry"
        return ""

    def _refused(self, answer: Answer, table: str) -> FacetResult:
        code = text_of(answer.json.get("code")) if isinstance(answer.json, Mapping) else ""
        refusal = refusal_of(answer.status, answer.body)
        told = f"HTTP {answer.status}{f' {code}' if code else ''}: {refusal.text}"
        if answer.ok:
            return unreadable(answer, table)
        if code in ("42501",):
            return unavailable(f"this key may not read {table} ({told})", refusal)
        if code in ("PGRST205", "42P01") or (answer.status == 404 and not code):
            return unavailable(f"the project shows no table {table} ({told})", refusal)
        if answer.status in (401, 403):
            return unavailable(f"the project does not accept the key ({told})", refusal)
        if code == "57014":
            return unavailable(f"the database ended the statement, it took too long ({told})", refusal)
        return unavailable(f"the project did not tell the rows of {table} ({told})", refusal)


def _quoted(word: str) -> str:
    """A value as PostgREST wants it: in quotation marks, so that commas and brackets are only text."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
