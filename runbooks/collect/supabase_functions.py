"""The functions of the caller's project at Supabase: the digests of their secrets, and their log."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from runbooks.collect.answer import Answer
from runbooks.collect.client import Client
from runbooks.collect.result import FacetResult, absent, refused, seen, unavailable, unreadable
from runbooks.collect.supabase import MANAGEMENT, Project
from runbooks.evidence.models import (
    FunctionLog,
    FunctionSecret,
    FunctionSecrets,
    ImageRef,
    LogLine,
    Reason,
    Refusal,
)
from runbooks.evidence.parsers import refusal_of, text_of, time_of

MAX_LINES = 100
_DIGEST = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"image|docker|container", re.IGNORECASE)


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
