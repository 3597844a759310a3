"""The caller's project at Supabase: its tables over the web, the digests of its function secrets, its function's log.

The project's key goes to the project and the personal access token to the Management API, each to no
other host. Only GET, only the addresses of `allowed`. What a key may see is decided from the key itself:
an anonymous one that is shown no row has not looked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from runbooks.collect.answer import Answer
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult, absent, refused, seen, unavailable, unreadable
from runbooks.collect.rows import DETAILS, MAX_ROWS, cleaned, events_found, record_of, rows_found
from runbooks.evidence.models import (
    FunctionLog,
    FunctionSecret,
    FunctionSecrets,
    ImageRef,
    LogLine,
    Reason,
    RecordEvents,
    Records,
    Refusal,
)
from runbooks.evidence.parsers import refusal_of, text_of, time_of

MANAGEMENT = "https://api.supabase.com"
MAX_LINES = 100
_REF = re.compile(r"[a-z0-9]{15,30}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"image|docker|container", re.IGNORECASE)
_MISSING = re.compile(r"column (?:[\w\"]{1,80}\.){0,2}\"?(\w{1,80})\"? does not exist")
_ATTEMPTS = 5


@dataclass(frozen=True)
class Project:
    """Where the project is and what we have for it. `role` says what the key may see, and is kept for a replay."""

    url: str = ""
    ref: str = ""
    role: str = ""
    managed: bool = False
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def told(self) -> dict[str, Any]:
        """What a replay has to know; nothing secret."""
        return {"url": self.url, "ref": self.ref, "role": self.role, "managed": self.managed}


def project_of(records_url: str, key: str, token: str) -> Project:
    """The project behind RUNBOOKS_RECORDS_URL: its web address, or the database's host or user name, name it."""
    web = records_url.startswith(("https://", "http://"))
    try:
        parts = urlsplit(records_url)
        host, user = parts.hostname or "", parts.username or ""
    except ValueError:
        host = user = ""
    claims = _claims(key)
    named = re.fullmatch(r"(?:db\.)?([a-z0-9]{15,30})\.supabase\.(?:co|in)", host)
    pooled = re.fullmatch(r"[\w-]+\.([a-z0-9]{15,30})", user) if host.endswith(".supabase.com") else None
    found = named or pooled
    ref = found[1] if found else text_of(claims.get("ref"))
    if not _REF.fullmatch(ref):
        ref = ""
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}" if web and host else ""
    return Project(url, ref, _role(key, claims) if web else "", bool(token), key, token)


def replayed(told: Mapping[str, Any]) -> Project:
    """The project of a saved run; its stand-ins for key and token open nothing."""
    url, ref, role = (text_of(told.get(name)) for name in ("url", "ref", "role"))
    ref = ref if _REF.fullmatch(ref) else ""
    return Project(url, ref, role, told.get("managed") is True, "replayed", "replayed")


def allowed(project: Project) -> re.Pattern[str]:
    """What may be asked of this project, as whole addresses."""
    rows = rf"{re.escape(project.url)}/rest/v1/[^/?#\s]+\?[^#\s]*" if project.url else r"(?!)"
    path = r"(?:secrets|analytics/endpoints/logs(?:\.all)?)(?:\?[^#\s]*)?"
    own = rf"{re.escape(MANAGEMENT)}/v1/projects/{project.ref}/{path}" if project.ref else r"(?!)"
    return re.compile(f"{rows}|{own}")


def _claims(key: str) -> Mapping[str, Any]:
    """The payload of a key that is a JWT."""
    parts = key.split(".")
    if len(parts) != 3:
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return told if isinstance(told, Mapping) else {}


def _role(key: str, claims: Mapping[str, Any]) -> str:
    """service, anonymous, the name of another role, or "" for a key that does not say."""
    if key.startswith("sb_secret_"):
        return "service"
    if key.startswith("sb_publishable_"):
        return "anonymous"
    role = text_of(claims.get("role"))[:40]
    return {"service_role": "service", "anon": "anonymous"}.get(role, role)


# Its tables


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
            elif code == "42703" and (named := _MISSING.search(refusal_of(answer.status, answer.body).text)):
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


# Its function's secrets


def candidates(references: Iterable[str | ImageRef]) -> tuple[str, ...]:
    """Every way in which one of these images could be written, and the same repositories with `:latest`."""
    found: dict[str, None] = {}
    for reference in references:
        text = str(reference).strip()
        if not text:
            continue
        name, _, digest = text.partition("@")
        head, colon, tag = name.rpartition(":")
        bare = head if colon and "/" not in tag else name
        tag = tag if bare != name else ""
        if isinstance(reference, ImageRef):
            digest = digest or reference.digest
        short = bare.partition("/")[2] if "." in bare.partition("/")[0] else bare
        for repository in (bare, short):
            for form in (
                f"{repository}:{tag}" if tag else "",
                f"{repository}:{tag}@{digest}" if tag and digest else "",
                f"{repository}@{digest}" if digest else "",
                repository,
                f"{repository}:latest",
            ):
                found.setdefault(form)
        found.setdefault(text)
        if tag:
            found.setdefault(tag)
    found.pop("", None)
    return tuple(found)


_SPOILED = {"{}": "", "{}\n": " with a line break at its end", '"{}"': " in quotation marks", "{} ": " with a space"}


def secrets(client: Client, project: Project, references: Iterable[str]) -> FacetResult:
    """Names and digests; a digest is kept only where it is that of a reference, or the name speaks of an image."""
    if why := _unmanaged(project):
        return unavailable(why)
    compared = tuple(references)
    digests = {
        hashlib.sha256(form.format(text).encode()).hexdigest(): text + note
        for form, note in reversed(_SPOILED.items())
        for text in compared
    }

    def keep(told: Any) -> Any:
        """Before anything is recorded: digests of short secrets could be tried out by whoever gets the report."""
        if not isinstance(told, list):
            return told
        return [_without_digest(entry, digests) if isinstance(entry, Mapping) else "" for entry in told]

    url = f"{MANAGEMENT}/v1/projects/{project.ref}/secrets"
    answer = client.get(url, "list secrets", project.ref, headers=_bearer(project), prepare=keep)
    what = f"the function secrets of {project.ref}"
    if not answer.ok:
        return _management_refused(answer, what)
    if not isinstance(answer.json, list):
        return unreadable(answer, what)
    found = tuple(_secret(entry, digests) for entry in answer.json if isinstance(entry, Mapping))
    told = FunctionSecrets(project.ref, found, compared)
    if not found:
        return absent(f"{what}: there is none", told)
    equal = [f"{s.name} is {s.matches}" for s in found if s.matches]
    other = [s.name for s in found if s.digest and not s.matches]
    sentence = ", ".join(equal) or f"none is one of the {len(compared)} references that were compared"
    if other:
        sentence += f"; {', '.join(other)} is none of them"
    return seen(f"{what} ({len(found)} names, compared by SHA-256): {sentence}", told)


def _without_digest(entry: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, Any]:
    digest = text_of(entry.get("value")).lower().removeprefix("sha256:")
    kept = digest in digests or (_DIGEST.fullmatch(digest) and _IMAGE.search(text_of(entry.get("name"))))
    return {**entry, "value": f"sha256:{digest}" if kept else ""}  # said to be one, it is no secret by its looks


def _secret(entry: Mapping[str, Any], digests: Mapping[str, str]) -> FunctionSecret:
    digest = text_of(entry.get("value")).lower().removeprefix("sha256:")
    return FunctionSecret(
        text_of(entry.get("name"))[:200],
        digests.get(digest, ""),
        digest if _DIGEST.fullmatch(digest) else "",
        time_of(entry.get("updated_at")),
    )


# Its function's log

_SQL = (
    "select timestamp, event_message, severity_text, source from logs "
    "where source in ('function_logs', 'function_edge_logs') order by timestamp desc limit {limit}"
)
_OLD_SQL = "select timestamp, event_message from function_logs order by timestamp desc limit {limit}"


def function_log(client: Client, project: Project, at: datetime | None) -> FacetResult:
    """What was printed around that time, by today's address of the log or by the one before it."""
    if why := _unmanaged(project):
        return unavailable(why)
    if at is None:
        return unavailable(
            "when the incident was is not known (parameter incident_time), and the log is asked by time",
            code=Reason.NOT_GIVEN,
        )
    begin, end = at - timedelta(minutes=2), at + timedelta(minutes=10)
    answer = _log_page(client, project, "logs", _SQL, begin, end)
    if answer.status in (404, 405, 410):
        answer = _log_page(client, project, "logs.all", _OLD_SQL, begin, end)
    what = f"the function log of {project.ref} from {begin:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
    if not answer.ok:
        return _management_refused(answer, what)
    rows = answer.json.get("result") if isinstance(answer.json, Mapping) else None
    error = answer.json.get("error") if isinstance(answer.json, Mapping) else None
    if error:
        text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
        return unavailable(f"{what}: the query was refused ({text[:200]})", Refusal(answer.status, text[:500]))
    if not isinstance(rows, list):
        return unreadable(answer, what)
    lines = [_line(row) for row in rows if isinstance(row, Mapping)]
    ordered = tuple(sorted(lines, key=lambda line: line.at or datetime.min.replace(tzinfo=UTC)))
    told = FunctionLog(project.ref, ordered, cut=len(rows) >= MAX_LINES)
    if not ordered:
        return absent(f"{what}: no line (logs are kept for a day to three months, by the project's plan)", told)
    cut = ", the newest; there are more" if told.cut else ""
    return seen(f"{what}: {len(ordered)} line{'' if len(ordered) == 1 else 's'}{cut}", told)


def _log_page(client: Client, project: Project, name: str, sql: str, begin: datetime, end: datetime) -> Answer:
    query = {
        "sql": sql.format(limit=MAX_LINES),
        "iso_timestamp_start": f"{begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "iso_timestamp_end": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    url = f"{MANAGEMENT}/v1/projects/{project.ref}/analytics/endpoints/{name}?{urlencode(query, quote_via=quote)}"
    return client.get(url, "read function log", project.ref, headers=_bearer(project))


def _line(row: Mapping[str, Any]) -> LogLine:
    return LogLine(
        at=time_of(row.get("timestamp")),
        message=text_of(row.get("event_message")),
        provider=text_of(row.get("source")) or "function_logs",
        level=text_of(row.get("severity_text")) or text_of(row.get("level")),
    )


def _unmanaged(project: Project) -> str:
    if not project.managed:
        return "no personal access token is configured: RUNBOOKS_SUPABASE_TOKEN lets the function's secrets be compared"
    if not project.ref:
        return "which project it is, is not known: RUNBOOKS_RECORDS_URL names none"
    if project.token and not re.fullmatch(r"[\x21-\x7e]+", project.token):
        return "RUNBOOKS_SUPABASE_TOKEN holds a space or a character that no header can carry"
    return ""


def _bearer(project: Project) -> dict[str, str]:
    return {"Authorization": f"Bearer {project.token}"}


def _management_refused(answer: Answer, what: str) -> FacetResult:
    refusal = refusal_of(answer.status, answer.body)
    meaning = {
        401: "the personal access token is not accepted",
        403: "the personal access token may not read this project",
        404: "there is no such project for this personal access token",
    }.get(answer.status)
    if meaning is None:
        return refused(answer, what)
    return unavailable(f"{what}: {meaning} (HTTP {answer.status}: {refusal.text})", refusal)
