"""Reads log lines of a machine out of whatever a person pastes (§8.1, §8.2).

Known forms: what `fly logs` prints (also with the remains of colours, also several lines run together), its
`--json`, the log API's and the log shipper's objects, the lines that `fly deploy` quotes of a machine, and bare
lines (copied from a browser, with or without a clock) whose wording only the platform uses. What the program said
between two bare lines of its boot and its end belongs to them, and so do the lines just above its end, as far as
nobody else speaks there. Everything else is no log line: the caller's own log must not become the machine's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from runbooks.evidence.models import LogLine
from runbooks.evidence.parsers import log_lines_of, text_of, time_of

_MAX_LINES = 20_000
_MAX_LINE = 8_000
_MAX_OBJECT = 60_000
_MAX_BLOCK = 400
# What init prints on the machine's own console, so that it comes as `app`.
INIT = (
    "Starting init (commit",
    "Preparing to run: ",
    "[fly api proxy]",
    "Mounting /dev/",
    "Umounting /dev/",
    "Resized /",
    "Checking filesystem on /",
    "Main child exited",
    "Starting clean up",
    "Sending signal SIG",
    "Process appears to have been OOM killed",
    "Out of memory: Killed process",
    "Reaped child process with pid",
    "hallpass exited",
    "could not unmount /",
    "error umounting /",
    "New SSH session",
    "SSH listening",
    "Virtual machine exited abruptly",
    "Error: failed to spawn command",
    "failed to spawn command",
)
# What comes from around the machine: runner, proxy, health.
AROUND = (
    "Pulling container image",
    "Successfully prepared image",
    "Unpacking image",
    "Preparing kernel init",
    "Configuring firecracker",
    "Configuring virtual machine",
    "Starting virtual machine",
    "Shutting down virtual machine",
    "Setting up volume '",
    "Opening encrypted volume",
    "Uninitialized volume '",
    "Encrypting volume",
    "Formatting volume",
    "Reserved resources for machine",
    "Not enough space to unpack image",
    "machine exited with exit code",
    "machine has reached its max restart",
    "Machine has reached its max restart",
    "machine did not have a restart policy",
    "machine restart policy set to",
    "machine was in a non-started state prior to the update",
    "machine was recently stopped and is unavailable",
    "could not wake up machine due to",
    "Machine created and started in",
    "Machine started in",
    "machine started in",
    "machine became reachable in",
    "waiting for machine to be reachable on",
    "waiting for machine to listen on",
    "Trial machine stopping",
    "Machine stopping. trial has ended",
    "Health check '",
    "Health check on port",
    "Health check for your",
    "Health check is now passing",
    "Health check status changed",
    "instance refused connection",
    "Instance reached hard limit of",
    "could not find a good candidate within",
    "could not find an instance to route to",
    "no known healthy instances found for route",
    "machines API returned an error",
    "failed to connect to machine: gave up",
    "failed to connect to instance after",
    "failed to change machine state",
    "machine is in a non-startable state",
)
_INIT_FORMS = re.compile(
    r"\[ {0,8}\d{1,8}\.\d{2,6}s?\] "
    r"|\S{19,35} \[[0-9A-Z]{26}:main\] "
    r"|(?:\S{10} \S{8} )?(?:INFO |WARN |ERROR )?"
    r"(?:listening on \[fdaa:|SSH listening|New SSH session|unexpected error fetching cert)"
    r"|/dev/vd\w: (?:clean,|recovering journal)"
)
_AROUND_FORMS = re.compile(
    r"\[P[A-Z]\d\d\] |Starting machine$|Container image \S{1,300} already prepared"
    r"|App \S{1,80} has excess capacity, auto(?:stopp|suspend)ing machine"
    r"|Downscaling app \S{1,80} .{0,80}Automatically stopping machine"
    # the events of the platform before machines, until 2023
    r"|\W{0,6}v\d{1,6} failed - Failed due to |Terminated\s{1,20}Exit Code: \d"
    r"|Not Restarting\s{1,20}Exceeded allowed attempts"
)
_LEVEL = re.compile(r"\s{0,8}(?:INFO|WARN|ERROR|DEBUG|TRACE|FATAL)\s{1,4}(?=\S)")
_ID = r"[0-9a-f]{13,16}"
# What flyctl was doing when it failed, before what failed.
_FAILED = (
    rf"(?:Error: )?(?:failed to (?:update|create|start|launch)(?: green| blue| new)? machines?(?: {_ID})?: )?"
    r"(?:(?:Unrecoverable e|E)rror: )?"
)
_FLYCTL = re.compile(
    r"[\W_]{0,8}(?:\[\d{1,4}/\d{1,4}\])?[\W_]{0,8}"
    r"(?:(?:WARNING )?The app is (?:not listening on the expected|listening on the incorrect) address"
    r"|0\.0\.0\.0:\d{2,5}\s*\Z"
    r"|(?:[\w./@-]{1,80}) {1,40}\| (?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]{2,45}\]):\d{2,5}\s*\Z"
    r"|(?:(?i:error|warn(?:ing)?):? ?)?[Ff]ound (?:\d{1,6} )?machines? that (?:(?:is|are) unmanaged|aren't part of)"
    r"|(?:Updating|Updated machine config for|Replacing|Destroying|Destroyed|Deleted)"
    rf"(?: machine)? (?P<changed>{_ID})\b"
    rf"|Machine (?P<machine>{_ID})(?: \[[\w-]{{1,40}}\])?"
    r" (?:update finished|has state:|is now in a good state|destroyed|cordoned)"
    rf"|{_FAILED}[Ss]moke checks for (?P<smoked>{_ID}) failed"
    rf"|{_FAILED}timeout reached waiting for health ?checks to pass for machine (?P<waited>{_ID})\b"
    rf"|(?P<gone>{_ID}) has been destroyed"
    # About the app, whatever temporary machine is named.
    r"|(?:(?:(?i:error):? ){0,2}release_command (?:failed|machine [0-9a-f]{13,16} exited with)"
    r"|(?:Error: )?[Rr]elease command failed|(?:\W{0,6}Error: The|user) command (?:exited with|error: exit) status \d"
    r"|(?:(?:Error|ERROR):? )?(?:failed to push|error pushing image)\b"
    r"|Visit your newly deployed app at https?://|Added to App {1,20}= \S"
    # what dig prints of a CAA record, with the name or without
    r"|(?:\S{4,120}\.\s{1,20}\d{1,7}\s{1,9}IN\s{1,9}CAA\s{1,9})?\d{1,3} issue(?:wild)? \"[^\"\n]{0,120}\"\s*\Z"
    r"|The certificate for \S{4,120} has (?:not )?been issued|Your certificate for \S{4,120} is being issued"
    r"|[\w*.-]{4,120} {2,40}\S[^\n]{1,40}? {2,40}Awaiting configuration\b"
    r"|(?:Unrecoverable e|E)rror: timeout reached waiting for \w"
    r"|Destroying all (?:blue|green|old) machines|Creating canary machine\b|[^\n]{1,120} with canary strategy\b"
    r"|machine [0-9a-f]{13,16} was found and is currently in "
    r"|destroy \d{1,6} [\"']?[\w-]{0,63}[\"']? ?machines?\b))"
)
_QUOTED = re.compile(rf"here's the last (?:\d{{1,5}} )?lines below, or run 'fly logs -i (?P<id>{_ID})'")
_COLOUR = re.compile(r"(?:\x1b|\^\[|\\u001b|\\x1b|\\033|␛)\[[\d;]{0,20}[A-Za-z]|\[\d{1,3}(?:;\d{1,3}){0,4}m")
_DATE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_PROVIDER = r"(?:app|runner|proxy|health|machine|init|nomad|vm)"
_HEAD = re.compile(
    rf"(?P<at>{_DATE})\s{{1,4}}"
    rf"(?:(?P<provider>{_PROVIDER})(?:\[(?:(?P<instance>[0-9a-zA-Z-]{{1,40}})|[*.…<>_\w-]{{1,24}})\])?|(?P<bare>[0-9a-f]{{8}}|{_ID}))\s{{1,4}}"
    r"(?:(?P<region>[a-z]{3})\s{1,4})?\[(?P<level>[A-Za-z]{1,10})\] ?"
)
_STAMP = re.compile(rf"\s{{0,20}}\[?(?:(?P<at>{_DATE})|(?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?))")
_ERROR_FIRST = re.compile(r'error\.message="(?P<message>.*)"\s*\Z', re.S)
_FIELDS = re.compile(r'(?:(?:error\.code|request\.\w{1,10}|response\.\w{1,10})=(?:"[^"]{0,2000}"|\d{1,9}) ?)+')
# One sign after the clock separates it; further ones are the message's own indentation.
_CLOCK = re.compile(
    rf"\s{{0,20}}\[?(?P<clock>{_DATE}|\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?Z?)\]?(?: {{0,8}}\| {{0,8}}|[ \t]|\Z)"
    rf"(?:[\w-]{{1,60}} \| \w{{1,10}} \| )?"
    rf"(?:(?P<provider>{_PROVIDER})(?:\[(?P<instance>[0-9a-f.…]{{1,20}})\])?\s{{1,8}}(?:[a-z]{{3}}\s)?)?"
    r"(?: {0,8}\[(?P<level>info|warn|error|debug)\] ?)?"
)
# flyctl's head without its time, as a cut or a column of a table leaves it, or without its sender, too.
_SENDER = re.compile(
    rf"\s{{0,8}}(?:(?P<provider>{_PROVIDER})\[(?P<instance>[0-9a-f]{{8}}|{_ID})\]\s{{1,4}}"
    r"|(?=[a-z]{3} \[(?:info|warn|error)\] ))"
    r"(?:(?P<region>[a-z]{3})\s{1,4})?\[(?P<level>[A-Za-z]{1,10})\] ?"
)
_GUTTER = re.compile(r"^ {0,4}[│┃] ?")  # Terraform
# A line quoted in somebody's notes: an item of a list, a cell, or on its own.
_QUOTE = re.compile(
    r"\s{0,8}(?:[-*+•] {1,3}|\d{1,3}[.)] {1,3})?(?:\*\*|__)?`(?P<line>[^`\n]{8,2000})`(?:\*\*|__)?[.,;:]?\s{0,8}\Z"
)
_MAX_TAIL = 60
# Above the end of a program whose boot was not pasted: a prompt, prose, a fence, or a program that manages machines.
_NOT_ITS_OWN = re.compile(
    r"(?i)^\s{0,8}(?:[$#>%`]|\*\*|[A-Z][a-z]+ [^\n]{0,200}[:?]\s{0,4}$)"
    r"|\bfly(?:ctl|\.io)?\b|\bfly[_.]|\bmachines?\b|api\.machines|functions/v1|https?://deno\.land|\bdeno\b"
)
_BOOT = re.compile(
    r"Starting init \(commit|Preparing to run: |\[fly api proxy\]|Machine (?:started in|created and)"
    r"|(?:\S{10} \S{8} )?listening on \[fdaa:"
)
# What flyctl's release screen of 2022 showed of a machine, indented by a tab, with the program's output below.
_SCREEN = ("Configuring virtual machine", "Preparing kernel init", "Configuring firecracker", "Starting virtual")
# How the program's life ended, or that it does not answer: what it said before belongs to that.
_END = (
    "Main child exited",
    "Virtual machine exited abruptly",
    "machine exited with exit code",
    "machine has reached its max restart",
    "Machine has reached its max restart",
    "Process appears to have been OOM killed",
    "Health check on port",
    "Health check '",
    "instance refused connection",
)


_FAILURE = re.compile(
    r"Main child exited (?:normally with code: (?!0\b|130\b|143\b)\d|with signal)|Virtual machine exited abruptly"
    r"|machine exited with exit code (?!0\b)\d|[Mm]achine has reached its max restart"
    r"|Process appears to have been OOM killed"
)


def tells_failure(message: str) -> bool:
    """Does the platform say with this line that the program ended as it should not?"""
    return bool(_FAILURE.match(without_level(message)))


def log_lines(text: str) -> tuple[LogLine, ...]:
    """The log lines in a pasted text, oldest first; times in UTC, None where the zone is not certain.

    Of a longer text the last 20,000 lines are read.
    """
    lines = [line for line in _Reader(_rows(text)).read() if line.message.strip()]
    return tuple(lines[-_MAX_LINES:])


def _rows(text: str) -> list[str]:
    """One row a line of the log: a clock that stands on a row of its own joins the next, newest rows come last."""
    rows: list[str] = []
    clock = ""
    for row in _COLOUR.sub("", text).splitlines()[-_MAX_LINES:]:
        row = _GUTTER.sub("", row)
        found = _CLOCK.match(row[:_MAX_LINE])
        if found and not found["provider"] and not row[found.end() :].strip():
            clock = found["clock"]
        elif row.strip():
            rows.append(f"{clock}\t{row}"[:_MAX_LINE] if clock else row[:_MAX_LINE])
            clock = ""
    clocks = [found["at"] or found["clock"] for row in rows if (found := _STAMP.match(row))]
    return rows[::-1] if _newest_first(clocks) else rows


def is_headed(row: str) -> bool:
    """Does this row hold a line of the log with flyctl's head: time, sender, region, level?"""
    return bool(_HEAD.search(row[:_MAX_LINE]))


def from_init(message: str) -> bool:
    """Is this a line of the machine's init or kernel, which come as if the program had said them?"""
    text = without_level(message)
    return text.startswith(INIT) or bool(_INIT_FORMS.match(text) or _INIT_FORMS.match(message))


def from_around(message: str) -> bool:
    """Is this a line that runner, proxy or health checks write about the machine, or flyctl about a deploy?"""
    text = without_level(message)
    return text.startswith(AROUND) or bool(_AROUND_FORMS.match(text) or _FLYCTL.match(message))


def from_flyctl(line: str) -> bool:
    """Is this a line that flyctl prints about a deploy, a release or a certificate?"""
    return bool(_FLYCTL.match(line))


def without_level(message: str) -> str:
    """` INFO Starting init` → `Starting init`."""
    level = _LEVEL.match(message)
    return message[level.end() :] if level else message.lstrip()


class _Reader:
    """One pass over the rows; `block` holds bare rows that count only if the program's end follows."""

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows
        self.quoted = ""
        self.block: list[LogLine] | None = None
        self.tail: list[LogLine] = []
        self.failures = 0
        self.indent = ""

    def read(self) -> Iterator[LogLine]:
        certain = self._runs()
        index = 0
        while index < len(self.rows):
            row = self.rows[index]
            if row.lstrip()[:1] in ("{", "[") and (found := self._objects(index)):
                lines, index = found
                self.block, self.tail = None, []
                yield from lines
                continue
            if heads := list(_HEAD.finditer(row)):
                self.block, self.tail = None, []
                yield from _headed(row, heads)
            elif sender := _SENDER.match(row):
                self.block, self.tail = None, []
                yield LogLine(
                    None,
                    row[sender.end() :],
                    sender["provider"] or "",
                    sender["level"].lower(),
                    sender["instance"] or "",
                    sender["region"] or "",
                )
            else:
                yield from self._bare(row, index in certain)
            index += 1

    def _runs(self) -> frozenset[int]:
        """Rows with clocks of one form, one below the other: two of the platform's make all of them its log."""
        runs: dict[int, list[int]] = {}
        style, begun = "", 0
        for index, row in enumerate(self.rows):
            clock = None if _HEAD.search(row) else _CLOCK.match(row)
            now = re.sub(r"\d", "0", clock["clock"]) if clock else ""
            if now != style:
                style, begun = now, index
            if clock:
                message = row[clock.end() :]
                known = from_init(message) or from_around(message)
                runs.setdefault(begun, [0, 0])
                runs[begun][0] += known
                runs[begun][1] = index
        return frozenset(i for begun, (known, end) in runs.items() if known > 1 for i in range(begun, end + 1))

    def _bare(self, row: str, certain: bool) -> Iterator[LogLine]:
        if quoted := _QUOTED.search(row):
            self.quoted = quoted["id"]
            return
        if self.quoted and row.startswith("  "):
            yield LogLine(None, row[2:], instance=self.quoted)
            return
        self.quoted = ""
        if self.indent and not row.startswith(self.indent):
            self.indent = self.indent if not row.strip() else ""
        clock = None if from_init(row) else _CLOCK.match(row)  # some of its lines begin with a time of their own
        message = row[clock.end() :] if clock else row
        if (
            "`" in message
            and (noted := _QUOTE.match(message))
            and (from_init(noted["line"]) or from_around(noted["line"]))
        ):
            message = noted["line"]
        at = _zoned(clock["clock"]) if clock else None
        line = LogLine(at, message, clock="" if at or not clock else clock["clock"])
        if clock and clock["provider"]:
            known = clock["instance"] or ""
            instance = known if re.fullmatch(r"[0-9a-f]{8,16}", known) else ""
            yield replace(line, provider=clock["provider"], instance=instance, level=clock["level"] or "")
        elif from_init(message) or from_around(message):
            text = without_level(message)
            if text.startswith(_END):
                yield from self.tail if self.block is None else self.block
                self.block = None
            self.tail = []
            yield replace(line, instance=_about(message))
            if row.startswith("\t") and text.startswith(_SCREEN):
                self.indent = row[: len(row) - len(row.lstrip())]
            if _BOOT.match(text):
                self.block = self.block or []
        elif certain or self.indent:
            yield replace(line, message=message.removeprefix(self.indent))
        elif self.block is not None:
            self.block.append(line)
            if len(self.block) > _MAX_BLOCK:
                self.block = None
        else:
            self.tail = [] if _NOT_ITS_OWN.search(message) else [*self.tail[1 - _MAX_TAIL :], line]

    def _objects(self, index: int) -> tuple[tuple[LogLine, ...], int] | None:
        """Log entries in JSON that begins in this row, with the row after it."""
        row = self.rows[index]
        found = _decoded(row)
        if found is not None:
            return (lines, index + 1) if (lines := _entries(found)) else None
        if self.failures > 20 or row.rstrip()[-1:] not in ("{", "[", ","):
            return None
        end, size = index, 0
        closing = row[: len(row) - len(row.lstrip())] + {"{": "}", "[": "]"}[row.lstrip()[0]]
        while end < len(self.rows) and size < _MAX_OBJECT:
            size += len(self.rows[end])
            end += 1
            if end > index + 1 and self.rows[end - 1].rstrip().rstrip(",") == closing:
                found = _decoded("\n".join(self.rows[index:end]))
                break
        if found is not None and (lines := _entries(found)):
            return lines, end
        self.failures += 1
        return None


def _headed(row: str, heads: list[re.Match[str]]) -> Iterator[LogLine]:
    """Lines with flyctl's head; what a forum ran together is taken apart. An error's text stands before its head."""
    before = row[: heads[0].start()].strip()
    for number, head in enumerate(heads):
        last = number + 1 == len(heads)
        message = row[head.end() :] if last else row[head.end() : heads[number + 1].start()].rstrip()
        fields = _FIELDS.match(message)
        message = message[fields.end() :] if fields else message
        error = _ERROR_FIRST.match(before)
        before = ""
        if not last and (at := message.rfind('error.message="')) >= 0:
            message, before = message[:at].rstrip(), message[at:]
        yield LogLine(
            at=time_of(head["at"].replace(",", ".")),
            message=message if message.strip() or not error else error["message"],
            provider=head["provider"] or ("app" if head["bare"] else ""),
            level=head["level"].lower(),
            instance=head["instance"] or head["bare"] or "",
            region=head["region"] or "",
        )


def _decoded(text: str) -> Any:
    try:
        return json.loads(text.strip().rstrip(","))
    except (ValueError, RecursionError):
        return None


def _entries(found: Any) -> tuple[LogLine, ...]:
    """Log entries among what was decoded: flyctl's, the API's, the shipper's."""
    if isinstance(found, Mapping) and isinstance(found.get("data"), list):
        return tuple(line for line in log_lines_of(found) if line.message and line.instance)
    rows: list[Any] = found if isinstance(found, list) else [found]
    if any(isinstance(row, Mapping) and "attributes" in row for row in rows[:1]):
        return _entries({"data": rows})
    lines = (_entry(row) for row in rows if isinstance(row, Mapping))
    return tuple(line for line in lines if line)[:_MAX_LINES]


def _entry(row: Mapping[str, Any]) -> LogLine | None:
    fly, app = _part(row, "fly"), _part(_part(row, "fly"), "app")
    meta = _part(row, "meta")
    provider = text_of(_member(_part(meta, "event") or _part(row, "event"), "provider"))
    instance = text_of(row.get("instance")) or text_of(_member(app, "instance")) or text_of(_member(meta, "instance"))
    message = row.get("message")
    if not isinstance(message, str) or "timestamp" not in row or not (provider or instance):
        return None
    return LogLine(
        at=time_of(row.get("timestamp")),
        message=message[:_MAX_LINE] or text_of(_member(_part(meta, "error"), "message")),
        provider=provider,
        level=text_of(row.get("level")) or text_of(_member(_part(row, "log"), "level")),
        instance=instance,
        region=text_of(row.get("region")) or text_of(_member(fly, "region")),
    )


def _member(row: Mapping[str, Any], key: str) -> Any:
    """flyctl writes the keys inside of `meta` with capitals."""
    return row.get(key, row.get(key.capitalize()))


def _part(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = _member(row, key)
    return found if isinstance(found, Mapping) else {}


def _about(message: str) -> str:
    """The machine that a line of flyctl's output is about."""
    found = _FLYCTL.match(message)
    return next((name for name in found.groups() if name), "") if found else ""


def _zoned(stamp: str) -> datetime | None:
    """A date with its zone; a browser's local time says nothing certain."""
    if not re.search(r"\d(?:Z|[+-]\d\d:?\d\d)\Z", stamp) or "-" not in stamp[:6]:
        return None
    at = time_of(stamp.replace(",", "."))
    return at.astimezone(UTC) if at else None


def _newest_first(clocks: list[str]) -> bool:
    """Grafana and some browsers show the newest line on top."""
    seen = [clock.replace("T", " ").rstrip("Z") for clock in clocks if clock]
    width = min((len(clock) for clock in seen), default=0)
    pairs = [(a[:width], b[:width]) for a, b in pairwise(seen)]
    falling = sum(a > b for a, b in pairs)
    return falling > 1 and falling > 4 * sum(a < b for a, b in pairs)
