"""JSON of flyctl and the API: `--json` of `fly status`, `fly machine list`, `fly checks list`, and one machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from runbooks.evidence.embedded_json import placed_objects
from runbooks.evidence.pasted.readers import Found, PastedText, reads

_ID = re.compile(r"[0-9a-f]{13,16}\Z")
_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_MAX_MACHINES = 2_000
_MAX_TEXT = 5_000_000
_FAILURES = 50
"""Brackets that begin no document of machines: reading each to the end of a long text would take for ever."""
_OPENS = re.compile(r"^[^\S\n]{0,20}[\[{]", re.M)
_HINT = re.compile(r"""\b(?:id|status)["']?\s{0,9}(?::|=>)""")  # also as Python, JavaScript and Elixir print them
_DESCRIBES = frozenset({"state", "config", "incomplete_config", "events", "instance_id", "checks", "region"})


@reads("JSON of flyctl or the Machines API")
def machine_json(text: PastedText) -> Iterator[Found]:
    """Every machine in whatever JSON the text holds."""
    if not _HINT.search(text.text):
        return
    count = 0
    for document, span in _documents(text.text):
        for found in _machines(document):
            yield replace(found, span=span)
            count += 1
            if count >= _MAX_MACHINES:
                return


def _documents(text: str) -> Iterator[tuple[Any, tuple[int, int]]]:
    """The JSON documents of machines that begin a line, with their lines; else every object inside of the text."""
    text = text[:_MAX_TEXT]
    decoder, at, failures, line, counted = json.JSONDecoder(), 0, 0, 0, 0
    found_any = clean = False
    while failures < _FAILURES and (opens := _OPENS.search(text, at)):
        begin = opens.end() - 1
        try:
            document, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            failures, at = failures + 1, opens.end()
            continue
        if isinstance(document, list | Mapping) and any(True for _ in _machines(document)):
            clean = clean if found_any else not failures
            found_any = True
            line, counted = line + text.count("\n", counted, begin), begin
            yield document, (line, line + text.count("\n", begin, end) + 1)
        elif not found_any:
            failures += 1
        at = end
    if clean:
        return
    for _, _, found in placed_objects(text):
        # Inside of other words it is what a caller was answered, so its lines stay the caller's.
        yield found, (0, 0)


def _machines(document: Any) -> Iterator[Found]:
    if isinstance(document, list):
        for row in document[:_MAX_MACHINES]:
            if _is_machine(row):
                yield Found(row, _app_of(row), whole=True)
        return
    if not isinstance(document, Mapping):
        return
    if isinstance(document.get("Machines"), list):
        app = document.get("Name") or document.get("ID")
        named = app if isinstance(app, str) and _APP.match(app) else ""
        rows = [row for row in document["Machines"][:_MAX_MACHINES] if _is_machine(row)]
        yield from (Found(row, named, whole=True) for row in rows)
        if named and not rows:
            yield Found(app=named)
    elif isinstance(document.get("machines"), list):
        yield from _machines(document["machines"])
    elif _is_machine(document):
        yield Found(document, _app_of(document), whole=True)
    else:
        for key, checks in list(document.items())[:_MAX_MACHINES]:
            if _ID.match(key) and isinstance(checks, list) and all(isinstance(c, Mapping) for c in checks):
                yield Found({"id": key, "checks": checks})


def _is_machine(row: Any) -> bool:
    """An id of Fly's form beside at least two fields of a machine; what a caller made of it has none of these."""
    if not isinstance(row, Mapping) or not _ID.match(str(row.get("id", ""))):
        return False
    told = _DESCRIBES & row.keys()
    return len(told) > 1 and ("events" in told or "config" in told or "instance_id" in told)


def _app_of(row: Mapping[str, Any]) -> str:
    app = row.get("app_name")
    return app if isinstance(app, str) and _APP.match(app) else ""
