"""Finds in the caller's words each time the platform said no, in order, whichever client wrapped it (§1.2).

A body (`{"error": …}`, `{"status":"error","message":…}`, also as an object literal, or escaped inside of another
string), a line of prose that carries a status that refuses, or one that carries words of the platform. The status,
the time and the request id may stand lines away: on a line of their own, among headers, behind the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runbooks.evidence.embedded_json import placed_objects
from runbooks.evidence.http_status import CODE, status_beside
from runbooks.evidence.models import CallerError
from runbooks.evidence.parsers import refusal_of, text_of, time_of
from runbooks.evidence.served_answers import REQUEST

STAMP = re.compile(r"\d{4}(?:-\d\d-|/\d\d/)\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,12})?(?:Z|[+-]\d\d:?\d\d)?")
_REQUEST_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}-[a-z]{3}\b")
_PHRASE = (
    r"(?i:bad request|unauthorized|payment required|forbidden|not found|request timeout|conflict|precondition failed"
    r"|unprocessable|too many requests|internal server error|bad gateway|service unavailable|gateway time"
    r"|client error|server error)"
)
_MARKED = re.compile(
    rf"(?i)(?:(?:error|failed|status|http|responded|returned|\bapi)(?![^\n(:]{{0,40}}\b(?:line|port|exit code)\b)"
    rf"[^\n(:=]{{0,40}}[(:=\s]\s{{0,20}}['\"]?(?:http\s{{0,20}})?"
    rf"|(?:→|[=-]>)\s{{0,3}}|\bwith\s(?={CODE}\s?[({{:\"])|(?:api\.machines\.dev|\s/v1/apps/[\w-]{{1,63}}/machines)\S{{0,300}}\s{{1,3}}"
    rf"|(?<![\w.:/-])(?={CODE}\s{{1,3}}{_PHRASE}))"
    rf"(?P<code>{CODE})\b(?!\s{{0,3}}(?:ms|[kmg]i?b|s|bytes|machines|attempts|times|lines|rows|users|items|requests)\b|[.%/]\d|[%\]])"
)
# Words that only the platform says; the recognisers of diagnose know what each means.
# fmt: off
_WORDS = (
    "failed to get manifest", "manifest_unknown", "manifest unknown", "unique machine name violation",
    "could not find a candidate host", "candidate host", "token validation error", "insufficient resources",
    "insufficient memory", "insufficient cpus", "insufficient ips", "insufficient_capacity",
    "volume_placement_capacity", "could not reserve resource", "no capacity", "out of capacity", "lack of capacity",
    "not enough capacity", "over the allowed quota", "machine limit", "maximum number of machines",
    "compute capacity", "capacity left in", "error: app configuration is not valid", "must expose at least one port",
    "loading app config", "load app config",
    "add a payment method", "your payment information", "trial has ended", "high risk", "machines are disabled for",
    "deadline_exceeded", "failed_precondition", "already_exists:", "invalid_argument:", "not_found: ", "aborted: ",
    "rate limit exceeded", "lease currently held", "failed to get lease", "from current state",
    "still attempting to start", "refusing to start", "non-startable state", "not currently st", "concurrent update",
    "machine not found", "invalid machine id", "app not found", "could not find app", "could not find image",
    "name has already been taken", "name_taken", "wrong region", "is deprecated and cannot have",
    "needs volumes with name", "needs volumes in region", "enough volumes named", "compatible host volumes",
    "no match for platform", "matching manifest for linux", "the specified platform",
    "an unattached vol", "volume region", "not authorized to", "release_command", "enough trust to",
    "bound to machine", "claimed by machine", "unpack image", "min_secrets_version",
    "current_version", "invalid config.", "unsupported guest", "json: cannot unmarshal", "404 page not found",
    "failed to launch vm", "failed to create machine", "machine's state to change", "waiting for health checks",
    "smoke checks for", "deploys to this host", "upstream request timeout", "no access token available",
    "pull access denied", "resource is denied", "gpu machines", "reach desired st", "hit a fly api error",
    "app repository not found", "failed to resolve reference", "exceeds the maximum", "because it has a lease",
    "version mismatch", "a host to place", "machine on a host", "governor policy", "at capacity",
    "already attached to", "volume not found", "a paid plan", "payment method required", "has been suspended",
    "already destroyed", "cannot be destroyed", "waiting for state", "hosts could not be reached", "worker host",
    "host unavailable", "json: unknown field", "invalid machine config", "validation failed: ", "no such machine",
    "the app name", "unknown server error", "invalid region", "unknown region", "a valid region",
    "must be authenticated to view", "already exists on app", "failed to get app: ",
    "name unknown: app", "machine is replac", "could not resolve app",
)
# fmt: on
# A way that broke is the platform's only where the words around speak of it.
_BROKEN = re.compile(
    r"(?im)\b(?:ETIMEDOUT|ECONNRESET|ECONNREFUSED|ECONNABORTED|ENOTFOUND|EAI_AGAIN)\b|deadline exceeded|socket hang up"
    r"|\btimed out|timeout of \d|\b(?:Read|Connect|Write|Pool|Open)Timeout\b|Timeout(?:Error|Exception)\b|:timeout\b"
    r"|no such host|connection re(?:set|fused)|: EOF\b|TransportError"
    r"|\bmachine [0-9a-f]{13,16} (?:was not found in|belongs to|does(?:n't| not) belong to|is (?:in|part of)) "
    r"(?:the )?(?:app|region)\b|\bregion \w{2,20} not found|volume vol_\w{3,30} not found"
    r"|^\s{0,9}Error: unauthorized|\bVM [^\n:]{0,40}: unauthorized"
)
_FLY = re.compile(r"(?i)\bfly(?!\.dev)|machines?\b|launch VM|_api\.internal")
_THROWN = re.compile(r"(?:Error|Timeout|Exception)\b")
_ELSEWHERE = re.compile(r"(?i)postgres|redis|mysql|mongo|supabase|prisma|:5432|:6379|smtp|openai|stripe|\bdb\b")
# Who else answers a program with a status, where nothing says that the call was one to Fly.
_OTHERS = re.compile(
    r"(?i)\b(?:web ?hooks?|telegram|discord|slack|twilio|sendgrid|resend|github|gitlab|anthropic|gemini|mistral|groq"
    r"|deepgram|elevenlabs|twitch|shopify|paypal|clerk|auth0|okta|firebase|cloudinary|notion|airtable)\b"
)
# A visit to what the machine serves, and what the caller's own server answered to somebody else.
_VISIT = re.compile(
    r"(?i)\bwss?://|websocket|handshake|tungstenite|not found: /|\.fly\.dev\b|(?<!_api)\.internal\b"
    rf"|{REQUEST}"
)
# A registry's own answer inside of the refusal: `request to https://ghcr.io/token: 403 Forbidden`.
_ANSWERED_ELSEWHERE = re.compile(r"\brequest to https?://(?!api\.machines\.dev)\S{1,300}:? \Z")
# Words that refuse only beside a status.
_BARE_WORDS = frozenset({"unauthorized", "forbidden"})
_BARE_BODY = re.compile(r"(?i)(?:error|message)\W{1,12}(?:unauthorized|forbidden)\W")
# An answer as Python, Ruby and OkHttp print it; whose it is, the words before tell.
_PRINTED = re.compile(
    rf"(?:<(?:Client)?Response\b[^\n>]{{0,300}}?\[|#<Net::HTTP\w{{3,40}} |\bResponse\{{protocol=[\w/.]{{1,10}}, code=)"
    rf"(?P<code>{CODE})\b"
)
# The status below the line of the request, as clients with windows show it.
_REQUEST_LINE = re.compile(
    rf"(api\.machines\.dev/\S{{1,300}})\n[ \t]{{0,9}}(?={CODE}\b(?: [A-Z][A-Za-z ]{{1,30}})?[ \t]*\n)"
)
_BEFORE = re.compile(rf"(?<![\w.:/-])({CODE})\)?[\s:,—-]{{1,4}}['\"{{(]{{0,2}}\Z")
# Lines of a machine's log, by flyctl or by the dashboard (§8.2).
_SHIPPED = re.compile(
    r"^(?:[^\n\[]{0,80}\b(?:app|runner|proxy|health)\[[0-9a-z]{6,16}\]"
    r"|(?:[\d:TZ. -]{8,35}\s)?\s{0,4}(?:proxy\s{1,4})?\[P[A-Z]\d\d\])[^\n]*",
    re.M,
)
_GUTTER = re.compile(r"\n│ {0,6}(?=[^\s│╷╵])")
_GUTTER_END = re.compile(r"\n[│╷╵][ \t]{0,9}(?=\n|\Z)")
_OPEN_LINE = re.compile(r"(?<=\w):[ \t]{0,9}\n[ \t]{0,9}(?=[a-z'])(?![\w-]{1,40}:)")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,12}m")
_GOES_ON = re.compile(r"\s{0,9}(?!at |[\w-]{1,40}[:=])[a-z'\"]")
_EMBEDDED = re.compile(r"\{\s{0,5}\\{0,4}[\"']?(?:error|status|message)\\{0,4}[\"']?\s{0,5}(?::|=>)")
_REGISTRY = re.compile(r'\{"errors":\[\{"code"[^\n]{0,2000}\Z')
_LEAD = re.compile(r"^[\s│]{0,20}(?:##\[error\])?(?:[✖✘×❌]\s{0,4})?(?:(?:Failed|Error):\s{1,4}){0,3}", re.I)
_SAYING = re.compile(
    r"(?i)(?:error|fly|response)?[_.]?(?:error|message|details?|cause|reason|stack|stderr|stdout|output|body|data|text|msg|err|logs?)s?"
    r"|attempts|warnings"
)
# Without signs between their words, in small letters: loggers write `StatusCode`, `status_code`, `http.status_code`.
_STATUS_KEYS = (
    "status",
    "statuscode",
    "httpstatus",
    "httpstatuscode",
    "responsestatus",
    "responsestatuscode",
    "httpresponsestatuscode",
)
_DOTTED = re.compile(r"(?P<outer>(?:error|exception|err|http(?:\.response)?)\.)(?P<inner>[a-z_]{2,30})(?:\.content)?")
_BODY = frozenset(("error", "message", "details", "errors", "errorMessage", "error_message"))
# What only the caller's own answer has.
_ANSWERS = re.compile(r"(?:fly)?_?machine_?(?:id|name)|websocket_?url|was_?reused|reused|ok|success", re.I)
_MOST_CONTEXT = 1500
_NEAR = 400
_MOST_TEXT = 500
_MOST_FOUND = 200
_MOST_PARTS = 60
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Refused:
    """All refusals in order, and the one that tells most: the last with known words, else the first.

    `bodies` says where the objects begin that are nothing but the platform's words.
    """

    errors: tuple[CallerError, ...] = ()
    chosen: CallerError | None = None
    bodies: frozenset[int] = frozenset()


def own_words(text: str) -> str:
    """The caller's words alone: without colours, Terraform's frames, and the machine's log lines pasted along."""
    text = _COLOUR.sub("", text)
    text = _GUTTER_END.sub("\n", _GUTTER.sub(" ", text))
    return _REQUEST_LINE.sub(r"\1 ", _OPEN_LINE.sub(": ", _SHIPPED.sub("", text)))


def refused_in(words: str) -> Refused:
    """Every refusal in the caller's own words."""
    if not any(pattern.search(words) for pattern in (_MARKED, _BROKEN, _PRINTED, _BARE_BODY)) and not _known(words):
        return Refused()
    reader = _Reader()
    reader.read(words)
    known = [entry.error for entry in reader.found if entry.known]
    errors = tuple(entry.error for entry in reader.found)
    chosen = known[-1] if known else errors[0] if errors else None
    return Refused(errors, chosen, frozenset(reader.bodies))


@dataclass(frozen=True, slots=True)
class _Found:
    """A refusal on its way: `bare` is a status that nothing explains, `known` has words of the platform.

    `opens` is the beginning of a line on which a body follows.
    """

    error: CallerError
    bare: bool = False
    known: bool = False
    opens: bool = False


class _Reader:
    """Reads prose and objects in turn. `before` is what was read since the last refusal, `gap` its length."""

    def __init__(self, depth: int = 0) -> None:
        self.found: list[_Found] = []
        self.bodies: list[int] = []
        self.before = ""
        self.gap = 0
        self.depth = depth

    def read(self, text: str) -> list[_Found]:
        past = 0
        for start, end, found in placed_objects(text):
            raw = text[start:end]
            if _REGISTRY.match(raw):
                continue
            self._prose(text[past:start])
            past = end
            if _is_shipped(found):
                self.bodies.append(start)
                continue
            hint = self._hint()
            told = _in_object(found, raw, self.depth, hint)
            if not told and _text_of(found).lower() in _BARE_WORDS:
                told = _in_object(found, raw, self.depth, status_beside(text[max(0, start - _NEAR) : start], ""))
            if self.found and hint is None:
                # Unknown words after a refusal are what the caller made of it.
                told = [entry for entry in told if entry.known]
            if told and not self.depth and not any(_ANSWERS.fullmatch(key[:40]) for key in found):
                self.bodies.append(start)
            for entry in told:
                if entry.error.status is None:
                    status = status_beside(text[max(0, start - _NEAR) : start], text[end : end + 40])
                    entry = replace(entry, error=replace(entry.error, status=status))
                self._add(self._placed(entry, ""), body=True)
            self._pass(raw)
        self._prose(text[past:])
        return self.found

    def _hint(self) -> int | None:
        """The status that was just read, and that a body may explain."""
        last = self.found[-1] if self.found else None
        return last.error.status if last and last.bare and self.gap < _MOST_CONTEXT else None

    def _prose(self, text: str) -> None:
        if '\\"' in text and self.depth < _MAX_DEPTH:
            # JSON inside of a string whose own beginning was not pasted.
            self.depth += 1
            self.read(text.replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n").replace("\0", "\\"))
            self.depth -= 1
            return
        lines = text.split("\n")
        index = 0
        while index < len(lines):
            line = lines[index]
            entry = self._in_line(line)
            index += 1
            if entry is not None and entry.known:
                while index < len(lines) and len(line) < _MOST_TEXT and _GOES_ON.match(lines[index]):
                    line = f"{line} {lines[index].strip()}"
                    index += 1
                entry = self._in_line(line) or entry
            if entry is not None:
                self._add(replace(self._placed(entry, line), opens=index == len(lines) and bool(line.strip())))
            self._pass(line + "\n")

    def _in_line(self, line: str) -> _Found | None:
        marked = _MARKED.search(line)
        if marked is None and (printed := _PRINTED.search(line)) and _FLY.search(self.before[-_NEAR:] + line):
            marked = printed
        at = _first_word(line)
        if at < 0 and (broken := _BROKEN.search(line)) and not _ELSEWHERE.search(line) and not _VISIT.search(line):
            # An exception may speak of what was said before it.
            around = self.before[-_NEAR:] + line if _THROWN.search(line) else line
            at = broken.start() if _FLY.search(around) or line.strip() == "Error: unauthorized" else -1
        if at < 0 and _REQUEST_ID.search(line) and (error := re.search(r"(?i)\berror\b", line)):
            at = error.start()
        if at < 0 and (marked is None or _VISIT.search(line) or _of_another(line)):
            return None
        if at > 0:
            marked = marked or _BEFORE.search(line[max(0, at - 20) : at])
        begin = at if at >= 0 else marked.start() if marked else 0
        if at >= 0 and marked and _ANSWERED_ELSEWHERE.search(line, max(0, marked.start() - 400), marked.start(1)):
            marked = None
        text = line[max(0, begin - 250) :].strip()[:_MOST_TEXT]
        return _Found(CallerError(int(marked[1]) if marked else None, text), bare=at < 0, known=at >= 0)

    def _placed(self, entry: _Found, line: str) -> _Found:
        """With the time and the request id that stand on the line, or were passed since the last refusal."""
        error = entry.error
        stamps = STAMP.findall(line[:_MOST_CONTEXT])[:1] or STAMP.findall(self.before)[-1:]
        ids = _REQUEST_ID.findall(line) or _REQUEST_ID.findall(self.before)[-1:]
        at = error.at or (time_of(stamps[0]) if stamps else None)
        return replace(entry, error=replace(error, at=at, request_id=error.request_id or (ids[0] if ids else "")))

    def _pass(self, text: str) -> None:
        """Read without a refusal in it; a request id may still belong to the last one."""
        last = self.found[-1] if self.found and self.gap < _NEAR else None
        if last and not last.error.request_id and (named := _REQUEST_ID.search(text[:_MOST_CONTEXT])):
            self.found[-1] = replace(last, error=replace(last.error, request_id=named.group()))
            text = text[named.end() :]
        self.before = (self.before + text)[-_MOST_CONTEXT:]
        self.gap += len(text)

    def _add(self, entry: _Found, body: bool = False) -> None:
        last = self.found[-1] if self.found else None
        near = last is not None and self.gap < (_MOST_CONTEXT if last.bare else _NEAR)
        if last is None or not near or not (joined := _joined(last, entry, body)):
            self.found.append(entry)
            if len(self.found) > _MOST_FOUND:
                # The first and the last tell most.
                del self.found[_MOST_FOUND // 2]
        else:
            self.found[-1] = joined
        self.before, self.gap = "", 0


def _of_another(line: str) -> bool:
    """Does the line name somebody else who answers, and not Fly?"""
    return bool(_ELSEWHERE.search(line) or _OTHERS.search(line)) and not _FLY.search(line)


def _joined(last: _Found, new: _Found, body: bool) -> _Found | None:
    """The two as one, if the later only explains, repeats or numbers the earlier."""
    one, two = last.error, new.error
    apart = one.at and two.at and abs((two.at - one.at).total_seconds()) > 1
    agree = one.status is None or two.status in (None, one.status)
    if (last.opens and body) or (last.bare and agree and not apart and not new.bare):
        return replace(new, error=_with(two, one))
    if apart or not (agree or two.status is None) or two.text.startswith("HTTP/"):
        return None
    if new.bare:
        # The status alone, then with its words.
        worded = last.bare and re.search(_PHRASE, two.text) and not re.search(_PHRASE, one.text)
        return replace(last, error=_with(two, one) if worded else _with(one, two), opens=new.opens)
    first, second = (_LEAD.sub("", STAMP.sub("", error.text)).rstrip("… .") for error in (one, two))
    if first and (first in second or second in first):
        longer, other = (two, one) if len(second) > len(first) else (one, two)
        return replace(last, error=_with(longer, other), known=last.known or new.known, opens=False)
    return None


def _with(error: CallerError, other: CallerError) -> CallerError:
    """The first, with what only the other knows."""
    return replace(
        error,
        status=error.status if error.status is not None else other.status,
        at=error.at or other.at,
        request_id=error.request_id or other.request_id,
    )


def _in_object(found: Mapping[str, Any], raw: str, depth: int, hint: int | None = None) -> list[_Found]:
    """Refusals of an object: those of its parts first, for the outer text then only wraps them.

    `hint` is a status that stood before it.
    """
    found = _nested(found)
    fine = any(found.get(key) is True for key in ("ok", "success"))
    status = None if fine else _status_of(found) or hint
    inner = _in_parts(found, depth, status) if depth < _MAX_DEPTH else []
    told = [entry for entry in inner if entry.known or not (fine or entry.bare)]
    outer = CallerError(status, "", _time_of(found), _id_of(found))
    aside = replace(outer, status=status or (None if fine else _status_aside(found)))
    if told:
        return [replace(entry, error=_with(entry.error, aside)) for entry in told]
    if fine:
        return []
    text = _text_of(found)
    known = _known(text) or (aside.status is not None and text.lower() in _BARE_WORDS)
    served = found.get("level") in ("info", "debug", 20, 30) or _of_own_server(found)
    if text and (known or (status is not None and not served)):
        return [_Found(replace(aside if known else outer, text=text[:_MOST_TEXT]), known=known)]
    if inner or (status is not None and status != hint and (not served or "machines" in raw)):
        bare = inner[0].error if inner else replace(outer, text=raw[:_MOST_TEXT])
        return [_Found(_with(bare, outer), bare=True)]
    return []


def _nested(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """With `error.message` (ECS, OpenTelemetry) as an object of its own; what is no mapping gives way to it."""
    parts: dict[str, dict[str, Any]] = {}
    for key, value in list(found.items())[:_MOST_PARTS]:
        if dotted := _DOTTED.fullmatch(key[:60]):
            parts.setdefault(dotted["outer"].rstrip("."), {})[dotted["inner"]] = value
    return {**found, **{key: value for key, value in parts.items() if not isinstance(found.get(key), Mapping)}}


def _in_parts(found: Mapping[str, Any], depth: int, status: int | None) -> list[_Found]:
    inner: list[_Found] = []
    for key, value in list(found.items())[:_MOST_PARTS]:
        for part in value[:_MOST_PARTS] if isinstance(value, list) else (value,):
            if isinstance(part, Mapping):
                inner += _in_object(part, json.dumps(part)[:_MOST_TEXT], depth + 1, status)
            elif isinstance(part, str) and _SAYING.fullmatch(key[:40]) and _wraps(part):
                inner += _Reader(depth + 1).read(own_words(part))
    return inner


def _wraps(text: str) -> bool:
    """Is this more than a refusal's own text: a body in a string, a line with a status, or a whole log?"""
    return bool(_EMBEDDED.search(text) or _MARKED.search(text) or (_known(text) and "\n" in text.strip()))


def _text_of(found: Mapping[str, Any]) -> str:
    """The text of a body, with the status word where only that is known (§1.2)."""
    if not _BODY & found.keys():
        return ""
    error = found.get("error")
    body = error if isinstance(error, Mapping) else found
    text = refusal_of(0, json.dumps(body)).text
    text = "" if text.startswith("{") else text
    word = text_of(found.get("status"))
    return f"{text} ({word})".strip() if word and _known(word) and not _known(text) else text


def _known(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in _WORDS)


def _first_word(text: str) -> int:
    """Where the first words of the platform stand in the text, or -1."""
    low = text.lower()
    return min((at for word in _WORDS if (at := low.find(word)) >= 0), default=-1)


def _status_of(found: Mapping[str, Any]) -> int | None:
    named = _by_plain_names(found)
    digits = (text_of(named.get(key)) for key in _STATUS_KEYS)
    return next((int(one) for one in digits if re.fullmatch(CODE, one)), None)


def _status_aside(found: Mapping[str, Any]) -> int | None:
    """The status that a logger keeps beside the message, among what belongs to it."""
    parts = (
        found.get(key) for key in ("attributes", "fields", "context", "ctx", "extra", "properties", "http", "response")
    )
    return next((s for p in parts if isinstance(p, Mapping) and not _of_own_server(p) and (s := _status_of(p))), None)


def _of_own_server(found: Mapping[str, Any]) -> bool:
    """Is this a request that the caller's own server answered, as those log it?"""
    names = _by_plain_names(found).keys()
    methods, paths = (
        ("method", "requestmethod", "httpmethod", "httprequestmethod"),
        ("path", "url", "requestpath", "httppath", "urlpath"),
    )
    return not names.isdisjoint(methods) and not names.isdisjoint(paths)


def _by_plain_names(found: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their names without signs, in small letters; `attributes.` before a name says nothing."""
    return {
        re.sub(r"[\W_]", "", key[:60].removeprefix("attributes.")).lower(): value
        for key, value in list(found.items())[:_MOST_PARTS]
    }


def _time_of(found: Mapping[str, Any]) -> datetime | None:
    return next((at for key in ("time", "timestamp", "ts", "@timestamp") if (at := time_of(found.get(key)))), None)


def _id_of(found: Mapping[str, Any]) -> str:
    """A request id among the object's own values or its headers."""
    headers = found.get("headers")
    for values in (found, headers if isinstance(headers, Mapping) else {}):
        for value in list(values.values())[:_MOST_PARTS]:
            one = value[0] if isinstance(value, list) and value else value
            if isinstance(one, str) and (named := _REQUEST_ID.fullmatch(one)):
                return named.group()
    return ""


def _is_shipped(found: Mapping[str, Any]) -> bool:
    """A line of `fly logs --json`: the machine's words, not the caller's."""
    return "instance" in found and "message" in found and bool({"level", "meta", "timestamp"} & found.keys())
