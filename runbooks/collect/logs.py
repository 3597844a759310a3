"""The platform's log over HTTP, by instance: the longest-lived trace of a machine (§8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from runbooks.collect.client import PLATFORM, Client
from runbooks.collect.result import FacetResult, absent, refused, says_missing, seen, unreadable
from runbooks.evidence.models import LogLine, Logs, Outcome
from runbooks.evidence.parsers import log_lines_of, refusal_of, text_of

MAX_PAGES = 3


def logs(client: Client, app_name: str, machine_id: str, since: datetime | None) -> FacetResult:
    """The lines from `since` on; where there are none, whatever is newest: two clocks may disagree."""
    found = _lines(client, app_name, machine_id, since)
    if since is not None and found.outcome is Outcome.ABSENT and isinstance(found.answer, Logs):
        return _lines(client, app_name, machine_id, None)
    return found


def proxy_lines(client: Client, app_name: str) -> FacetResult:
    """The proxy's words among the app's newest lines: one about nobody names no instance (§7.3)."""
    answer = client.get(f"{PLATFORM}/api/v1/apps/{quote(app_name, safe='')}/logs", "get logs", app_name)
    if not answer.ok:
        return refused(answer, f"the log of {app_name}")
    if not isinstance(answer.json, Mapping) or not isinstance(answer.json.get("data"), list):
        return unreadable(answer, f"the log of {app_name}")
    page = log_lines_of(answer.json)
    own = tuple(line for line in page if line.provider == "proxy")
    found = Logs(own, foreign=len(page) - len(own))
    if not own:
        return absent(f"no line of the proxy among the newest {len(page)} of {app_name}", found)
    return seen(f"{len(own)} line{'' if len(own) == 1 else 's'} of the proxy among the newest {len(page)}", found)


def _lines(client: Client, app_name: str, machine_id: str, since: datetime | None) -> FacetResult:
    """Read up to three pages of 100 lines. The cursor is opaque text: it has more digits than a float."""
    lines: list[LogLine] = []
    cursor = str(int(since.timestamp()) * 10**9) if since else ""
    pages, more = 0, True
    while more and pages < MAX_PAGES:
        query = {"instance": machine_id} | ({"next_token": cursor} if cursor else {})
        answer = client.get(
            f"{PLATFORM}/api/v1/apps/{quote(app_name, safe='')}/logs?{urlencode(query)}", "get logs", app_name
        )
        refusal = refusal_of(answer.status, answer.body)
        if says_missing(answer):
            return absent(f"there is no log for an app {app_name} (HTTP 404: {refusal.text})", refusal)
        if not answer.ok:
            return refused(answer, f"the log of {machine_id}")
        if not isinstance(answer.json, Mapping) or not isinstance(answer.json.get("data"), list):
            return unreadable(answer, f"the log of {machine_id}")
        page = log_lines_of(answer.json)
        if answer.json["data"] and not any(line.message or line.at for line in page):
            return unreadable(answer, f"the log of {machine_id}")
        earlier = set(lines)
        fresh = [line for line in page if line not in earlier]
        lines += fresh
        meta = answer.json.get("meta")
        following = text_of(meta.get("next_token")) if isinstance(meta, Mapping) else ""
        more = len(page) >= 100 and bool(fresh) and bool(following) and following != cursor
        cursor, pages = following, pages + 1
    own = tuple(line for line in lines if line.instance in ("", machine_id))
    found = Logs(own, foreign=len(lines) - len(own), cut=more)
    if not own:
        return absent(
            f"no line of machine {machine_id} in the log of {app_name} "
            f"(Fly keeps about 7 days, and the lines of a very short life can be lost)",
            found,
        )
    cut = f"; more exist, {MAX_PAGES} pages were read" if found.cut else ""
    return seen(f"{len(own)} log line{'' if len(own) == 1 else 's'} of machine {machine_id}{cut}", found)
