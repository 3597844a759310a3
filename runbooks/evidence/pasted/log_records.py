"""Logs as other tools keep and export them: records with fields, each of which becomes a line as flyctl prints it.

JSON objects (one a line, printed over several, in a list, as Loki and CloudWatch answer), CSV with a head, logfmt,
tables between bars, and labels in braces before a line. A record needs a time, a text, and the id of a machine. A
caller's own log has all of that as well. So nearly all records have to name a sender as Fly does; or the id stands
where tools write where a line comes from, and several lines are such as only the platform and init write.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from itertools import pairwise
from typing import Any, NamedTuple

from runbooks.evidence.log_parser import from_around, from_init, is_headed
from runbooks.evidence.parsers import text_of, time_of

_DEPTH = 6
_FAILURES = 50
"""Brackets that begin no document: reading each to the end of a long text would take for ever."""
_SURE = 2
"""Lines that only the platform writes, one of them of init, in a log whose records name no sender."""
_NEARLY = 0.9
_TEXTS = ("message", "msg", "@message", "textpayload", "line", "body", "content", "log", "text", "_raw", "log.message")
_TIMES = ("timestamp", "@timestamp", "time", "ts", "date", "datetime", "eventtime", "event_timestamp", "_time")
_PROVIDERS = ("provider", "event.provider", "fly.event.provider")
_REGIONS = ("region", "fly.region", "fly_region")
_LEVELS = ("level", "log.level", "severity", "severity_text", "lvl", "status")
_APPS = ("app", "app_name", "fly.app.name", "fly_app_name", "service", "service.name", "service_name", "application")
# Where tools write which host a line comes from, and where others say what it is about.
_HOSTS = (
    "instance",
    "fly.app.instance",
    "meta.instance",
    "host",
    "host.name",
    "hostname",
    "logstreamname",
    "stream",
    "pod",
)
_ABOUT = ("machine_id", "machine", "fly_machine_id", "machineid", "id", "source")
_FIELDS = {"provider": _PROVIDERS, "region": _REGIONS, "level": _LEVELS, "app": _APPS}
_SENDERS = "app|runner|proxy|health|machine|init"
_PROVIDER = re.compile(rf"(?:{_SENDERS})\Z")
_ID = re.compile(r"(?<![\w-])(?!\d{14}\b)[0-9a-f]{14}(?![\w-])")
_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_REGION = re.compile(r"[a-z]{3}\Z")
_LEVEL = re.compile(r"[A-Za-z]{1,10}\Z")
_PAIR = re.compile(
    r"""(?P<key>[A-Za-z_@][\w.@-]{0,60})=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*))(?:\s+|\Z)"""
)
_LOGFMT = re.compile(r"\s{0,8}(?:[A-Za-z_@][\w.@-]{0,60}=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]*)(?:\s+|\Z)){3,60}\Z")
_LABELLED = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)\s{1,9}"
    r"\{(?P<labels>[^{}\n]{3,2000})\}\s?(?P<line>.*)\Z"
)
_LABEL = re.compile(r'([A-Za-z_]\w{0,60})\s{0,3}=\s{0,3}"((?:[^"\\]|\\.)*)"')
_SENDER = re.compile(rf"(?:{_SENDERS})\[[0-9a-f]{{14}}\] ")
_RULE = re.compile(r"[\s\-=+|:│─━┌┐└┘├┤┬┴┼╭╮╰╯]*\Z")
_SYSLOG = re.compile(
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?P<app>[\w.-]{1,100}) (?:(?P<host>[0-9a-f]{14}) )?"
    rf"(?P<provider>{_SENDERS})(?(host)|\[(?P<id>[0-9a-f]{{14}})\]): ?(?P<line>.*)\Z"
)

Record = dict[str, Any]


def as_lines(text: str) -> str | None:
    """The lines of a log that was pasted as records, as flyctl prints them, oldest first; below them all else.

    Args:
        text: a pasted text without colours, of bounded length

    Returns:
        above the lines of the log the app, if all records name one; None, if the text is no such log
    """
    for read in (_syslog, _json, _labelled, _logfmt, _csv, _boxed):
        lines: list[_Line] = []
        rest: list[str] = []
        for record, written in read(text):
            told = list(_lines(record)) if record else []
            lines += told
            rest += [] if told else [written]
        if _are_of_a_machine(lines):
            apps = {line.app for line in lines}
            named = [f"FLY_APP_NAME={app}" for app in apps if app and len(apps) == 1]
            # The newest line comes first in many exports; lines of one time stay in their order.
            falling = sum(later.at < earlier.at for earlier, later in pairwise(lines))
            ordered = lines[::-1] if falling > len(lines) // 2 else lines
            return "\n".join((*named, *(line.text for line in sorted(ordered, key=lambda line: line.at)), *rest))
    return None


class _Line(NamedTuple):
    """A line as flyctl prints it, its time, and the app.

    `sent` says that its sender was named, `hosted` that the id is that of the host it comes from; `own` is its text.
    """

    text: str
    at: str
    app: str
    sent: bool
    hosted: bool
    own: str


def _are_of_a_machine(lines: Sequence[_Line]) -> bool:
    if len(lines) < _SURE:
        return False
    if sum(line.sent for line in lines) >= _NEARLY * len(lines):
        return True
    platform = [line.own for line in lines if from_init(line.own) or from_around(line.own)]
    return len(platform) >= _SURE and any(map(from_init, platform)) and all(line.hosted for line in lines)


def _lines(record: Record) -> Iterator[_Line]:
    """Each line of a record's text; none, where the record lacks a time or the id of a machine."""
    words = next((value for key in _TEXTS if isinstance(value := record.get(key), str) and value.strip()), "")
    at = next((at for key in _TIMES if (at := time_of(_number(record.get(key))))), None)
    host, about = (next((m[0] for key in keys if (m := _id_in(record.get(key)))), "") for keys in (_HOSTS, _ABOUT))
    machine = host or about
    if not words or not machine or (at is None and "syslog" not in record):
        return
    told = {kind: next((t for key in keys if (t := text_of(record.get(key)))), "") for kind, keys in _FIELDS.items()}
    provider = told["provider"] if _PROVIDER.match(told["provider"]) else ""
    region = f"{told['region']} " if _REGION.match(told["region"]) else ""
    level = told["level"].lower() if _LEVEL.match(told["level"]) else "info"
    stamp = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z " if at else ""
    app = told["app"] if _APP.match(told["app"]) else ""
    for line in words.rstrip().split("\n"):
        if is_headed(line) or _SENDER.match(line):
            yield _Line(line if is_headed(line) else f"{stamp}{line}", stamp, app, True, bool(host), line)
            continue
        sender = provider or ("runner" if from_around(line) and not from_init(line) else "app")
        shown = f"{stamp}{sender}[{machine}] {region}[{level}]{line}"
        yield _Line(shown, stamp, app, bool(provider), bool(host), line)


def _id_in(value: Any) -> re.Match[str] | None:
    return _ID.search(value) if isinstance(value, str) and len(value) < 200 else None


def _number(value: Any) -> Any:
    """A time as a number, also where it was written as a text."""
    return int(value) if isinstance(value, str) and value.isdecimal() and 10 <= len(value) <= 19 else value


def _flat(found: Mapping[Any, Any], above: str = "", depth: int = 0) -> Record:
    """All values under their paths, in small letters: `fly.app.name`; a text of JSON is one object more."""
    flat: Record = {}
    for key, value in found.items():
        name = f"{above}{str(key).strip().lower()}"
        if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}":
            value = _decoded(value) or value
        if isinstance(value, Mapping) and depth < _DEPTH:
            flat |= _flat(value, f"{name}.", depth + 1)
        else:
            flat[name] = value
    # The inner names alone count where no other has them: `attributes.message`, `data.fly.app.name`.
    tails = Counter(tail for name in flat for tail in _tails(name))
    return flat | {tail: flat[name] for name in list(flat) for tail in _tails(name) if tails[tail] == 1}


def _tails(name: str) -> Iterator[str]:
    """`b.c` and `c` of `a.b.c`."""
    parts = name.split(".")
    return (".".join(parts[first:]) for first in range(1, min(len(parts), _DEPTH + 1)))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


Read = Iterator[tuple[Record | None, str]]
"""A record, or None where a piece of the text is none; and how it was written."""


def _json(text: str) -> Read:
    """The records in all documents that begin a line, and every line between them."""
    if text.lstrip()[:1] not in ("{", "["):
        return
    decoder, at, failures = json.JSONDecoder(), 0, 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        begin = at + len(text[at:end]) - len(text[at:end].lstrip())
        if text[begin : begin + 1] in ("{", "[") and failures < _FAILURES:
            try:
                document, end = decoder.raw_decode(text, begin)
                yield from _records(document, 0)
                at = end + 1 if text[end : end + 1] in (",", "\n") else end
                continue
            except (ValueError, RecursionError):
                failures += 1
        if text[at:end].strip(" ,\r\t"):
            yield None, text[at:end]
        at = end + 1


def _records(found: Any, depth: int) -> Read:
    """The mappings that have a text and a time, and Loki's streams with their values, wherever they are."""
    if isinstance(found, list):
        for one in found if depth < _DEPTH else ():
            yield from _records(one, depth + 1)
        return
    if not isinstance(found, Mapping):
        return
    labels, values = found.get("stream"), found.get("values")
    if isinstance(labels, Mapping) and isinstance(values, list):
        for pair in values:
            if isinstance(pair, list) and len(pair) > 1:
                yield _flat({**labels, "timestamp": pair[0], "message": pair[1]}), text_of(pair[1])
        return
    flat = _flat({key: value for key, value in found.items() if not isinstance(value, list)})
    if any(isinstance(flat.get(key), str) for key in _TEXTS) and any(key in flat for key in _TIMES):
        yield flat, json.dumps(found)
        return
    inside = [one for value in found.values() for one in _records(value, depth + 1)] if depth < _DEPTH else []
    if inside:
        yield from inside
    elif depth <= 1:
        yield None, json.dumps(found)  # an answer that stands among them


def _rows(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str] | None, str]]:
    """Every line, and whether it has this form, where nearly all have."""
    lines = [line for line in text.splitlines() if line.strip()]
    if any(pattern.match(line) for line in lines[:5]):
        found = [(pattern.match(line), line) for line in lines]
        yield from found if sum(match is not None for match, _ in found) >= _NEARLY * len(lines) else ()


def _syslog(text: str) -> Read:
    """What a drain of syslog keeps: a time without year and zone, the app, the sender and its id."""
    for row, line in _rows(text, _SYSLOG):
        told = {key: row[key] for key in ("provider", "app")} if row else {}
        told |= {"syslog": "", "instance": row["host"] or row["id"], "message": row["line"]} if row else {}
        yield told or None, line


def _labelled(text: str) -> Read:
    """`logcli` and others: the time, labels in braces, the line."""
    for row, line in _rows(text, _LABELLED):
        labels = {key.lower(): value for key, value in _LABEL.findall(row["labels"])} if row else {}
        yield (labels | {"time": row["time"], "message": row["line"]} if row else None), line


def _logfmt(text: str) -> Read:
    for row, line in _rows(text, _LOGFMT):
        found = _PAIR.finditer(line) if row else ()
        values = {
            pair["key"].lower(): _unquoted(pair["quoted"]) if pair["quoted"] is not None else pair["bare"]
            for pair in found
        }
        yield (dict(values) if row else None), line


def _unquoted(text: str) -> str:
    found = _decoded(f'"{text}"') if "\\" in text else text
    return found if isinstance(found, str) else text


def _csv(text: str) -> Read:
    """Columns with a head that names a time and a text."""
    head = text.lstrip("\ufeff \n").partition("\n")[0]
    for sign in ",;\t":
        names = {name.strip(' "').lower() for name in head.split(sign)}
        if names & set(_TEXTS) and names & set(_TIMES):
            yield from ((_flat(row), sign.join(row.values())) for row in _table(text, sign))
            return


def _boxed(text: str) -> Read:
    """A table between bars, as databases, shells and Markdown print one; its head names a time and a text."""
    lines = [line for line in text.splitlines() if line.strip() and not _RULE.match(line)]
    bar = "│" if "│" in text else "|"
    rows = [line.strip().removeprefix(bar).removesuffix(bar) for line in lines if bar in line]
    # A command or a count of rows may stand beside it; other words are not to be lost.
    if len(rows) < 2 or len(lines) > len(rows) + 2:
        return
    head = [name.strip().lower() for name in rows[0].split(bar)]
    if set(head) & set(_TEXTS) and set(head) & set(_TIMES):
        for row in rows[1:]:
            # A text may hold bars of its own, which belong to the last cell.
            cells = [cell.strip() for cell in row.split(bar, len(head) - 1)]
            yield _flat(dict(zip(head, cells, strict=False))), row
        yield from ((None, line) for line in lines if bar not in line)


def _table(text: str, sign: str) -> Iterator[Mapping[str, str]]:
    try:
        for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff \n")), delimiter=sign):
            yield {str(key): value for key, value in row.items() if isinstance(value, str)}
    except csv.Error:
        return  # a field above the library's limit: what was read so far is what there is
