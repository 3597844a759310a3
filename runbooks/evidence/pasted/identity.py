"""Reads the identity of a pasted text: app, machine, version, region, hosts and times, from places that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from runbooks.evidence.parsers import time_of
from runbooks.evidence.paste_identity import PasteIdentity

_MAX_TEXT = 5_000_000
_MAX_NAMES = 50
_ID = r"[0-9a-f]{14}"
_APP = r"[a-z0-9][a-z0-9-]{0,62}"
_ULID = r"01[0-9A-HJKMNP-TV-Z]{24}"
_END = r"(?![\w-])"
# A text that every match holds, and the pattern: most texts hold few of them, and are searched for those only.
_APPS = (
    # whose token it is, is not whose machine
    (
        "fly",
        re.compile(rf"\bfly(?:ctl)?\b(?!\s{{1,4}}tokens?\b)[^\n|;&]{{0,80}}?\s(?:-a|--app)[ =]{{1,4}}({_APP}){_END}"),
    ),
    ("/apps/", re.compile(rf"/apps/({_APP})(?=[/\s\"'?,)]|\Z)")),
    ("Health Checks for ", re.compile(rf"\bHealth Checks for ({_APP}){_END}")),
    ("scaling app ", re.compile(rf"\b(?:Downscaling|Upscaling) app ({_APP}){_END}")),
    ("excess capacity", re.compile(rf"\bApp ({_APP}) has excess capacity")),
    ("Provisioning ips for ", re.compile(rf"\bProvisioning ips for ({_APP}){_END}")),
    ("release_command", re.compile(rf"\bRunning ({_APP}) release_command")),
    (" in '", re.compile(rf"\bmachines in '({_APP})'")),
    ("App '", re.compile(rf"\bApp '({_APP})'")),
    (" app ", re.compile(rf"\b(?:under|on this|for) app ({_APP}){_END}")),
    (
        " in app ",
        re.compile(rf"\b(?:[Mm]achines?|launched|created|updated)(?: {_ID})? in app ({_APP})(?=[:,)\"'\n]|\Z)"),
    ),
    ("deployed app at ", re.compile(rf"\bVisit your newly deployed app at https?://({_APP})\.fly\.dev{_END}")),
    ("ew app created: ", re.compile(rf"\bNew app created: ({_APP}){_END}")),
    ("reated app ", re.compile(rf"\bCreated app '?({_APP})'? in organization\b")),
    ("retrieved from app ", re.compile(rf"\bretrieved from app ({_APP}){_END}")),
    (
        "pp",
        re.compile(
            r"[\"'](?:app_name|appName|AppName|fly_app_name|flyAppName|AppID)[\"']\s{0,9}:\s{0,9}"
            rf"[\"']({_APP})[\"']"
        ),
    ),
    (
        "app",
        re.compile(
            r"[\"']app[\"']\s{0,9}:\s{0,9}\{\s{0,9}(?:[\"']instance[\"']\s{0,9}:\s{0,9}[\"']\w{1,40}[\"'],\s{0,9})?"
            rf"[\"']name[\"']\s{{0,9}}:\s{{0,9}}[\"']({_APP})[\"']"
        ),
    ),
    # the names that callers' own loggers give it, in each of their forms: `flyApp=x`, `"FlyApp":"x"`, `fly_app: "x"`
    (
        "ly",
        re.compile(
            r"(?<![A-Za-z])(?:[Ff]ly_?[Aa]pp(?:_?[Nn]ame)?|[Ff]ly\.app(?:\.name|_name)?)[\"']?"
            rf"(?:\s{{0,3}}(?:=>|[:=])\s{{0,3}})[\"']?({_APP}){_END}(?!\.\w)"
        ),
    ),
    ("VM Resources for app: ", re.compile(rf"\bVM Resources for app: ({_APP}){_END}")),
    ("primary_region", re.compile(rf"\"app\"\s{{0,9}}:\s{{0,9}}\"({_APP})\",\s{{0,9}}\"primary_region\"")),
    # labels that a browser copied out of a table of them, the machine's id among them
    ("instance\t", re.compile(rf"^app\t({_APP})\n(?=(?:[^\n]{{0,200}}\n){{0,9}}?instance\t{_ID}\s)", re.M)),
    ("FLY_APP_NAME", re.compile(rf"\bFLY_APP_NAME[=:]\s{{0,4}}[\"']?({_APP}){_END}")),
    ("vm.", re.compile(rf"\bvm\.({_APP})\.internal\b")),
    ('= "', re.compile(rf'\bapp(?:_name)?\s{{0,20}}= "({_APP})"')),
    ("= '", re.compile(rf"\bapp(?:_name)?\s{{0,20}}= '({_APP})'")),
)
_REPOSITORIES = (("registry.fly.io/", re.compile(rf"\bregistry\.fly\.io/(?:v2/)?({_APP})(?=[:@/\s\"',]|\Z)")),)
_DEPLOYED = re.compile(r":deployment-[0-9A-Za-z]")
_MACHINES = re.compile(rf"(?<![\w.-])({_ID})(?!\w)")
# Digits alone are a time as often as an id: what stands before tells.
_DIGITS = re.compile(r"(?<![\w.-])\d{14}(?!\w)")
_BEFORE_AN_ID = re.compile(r"(?:[Mm]achines?(?: ID| id)?|\b(?:app|proxy|runner|health)|VM)[\s:=/\"'\[]{1,6}\Z")
# A release command runs on a machine of its own, which is destroyed after it: its line is about the app (§14.12).
_TEMPORARY = re.compile(rf"\brelease_command\b[^\n]{{0,60}}?\b[Mm]achine ({_ID})\b|\brelease_command ({_ID})\b")
_INSTANCES = (
    ("nstance", re.compile(rf"(?:\bInstance ID\s{{0,20}}[:=│]\s{{0,4}}|instance_id=)({_ULID})\b")),
    ("instance_id", re.compile(rf"[\"']instance_id[\"']\s{{0,9}}:\s{{0,9}}[\"']({_ULID})\b")),
    (":main]", re.compile(rf"\[({_ULID}):main\]")),
)
_REGIONS = (
    ("[", re.compile(r"\b(?:app|proxy|runner|health|machine)\[\w{8,16}\]\s{1,4}([a-z]{3})\s")),
    ("egion", re.compile(r"[\"'][rR]egion[\"']\s{0,9}:\s{0,9}[\"']([a-z]{3})[\"']")),
    ("Region", re.compile(r"\bRegion\s{1,20}[=:│]\s([a-z]{3})\b")),
    ("in region ", re.compile(r"\bin region ([a-z]{3})\b")),
)
_HOSTS = re.compile(r"\.(?:fly\.dev|internal)\b(?![\w-]|\.\w)")
_LABELS = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){0,5}[A-Za-z0-9-]{1,63}\Z")
_NAME_BEFORE = re.compile(rf"(?:^|[^\w./-])({_APP})\Z")
_TIMES = re.compile(r"(?<![\dA-Za-z])\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_PLACEHOLDERS = frozenset(
    {"name", "app", "my-app", "your-app", "app-name", "none", "null", "nil", "undefined", "true", "false", "unset"}
)
_LONGEST_HOST = 400

Patterns = Iterable[tuple[str, re.Pattern[str]]]


def identity_of(text: str, apps: Iterable[str] = (), names: Iterable[str] = ()) -> PasteIdentity:
    """The identity of a pasted text that is already redacted.

    Args:
        text: the text, without colours
        apps: app names that a reader of a table or an answer found in it
        names: machine names that a reader of a table or an answer found in it

    Returns:
        what it names; each kind is cut at 50 names
    """
    text = text[:_MAX_TEXT]
    times = _ends(text)
    temporary = {name for pair in _TEMPORARY.findall(text) for name in pair}
    return PasteIdentity(
        apps=_once(name for name in (*apps, *_found(_APPS, text)) if name not in _PLACEHOLDERS),
        repositories=_once((*_found(_REPOSITORIES, text), *_before(_DEPLOYED, _NAME_BEFORE, text))),
        machine_ids=_once(name for name in _ids(text) if name not in temporary),
        temporary_ids=_once(name for name in _ids(text) if name in temporary),
        machine_names=_once(names),
        instance_ids=_once(_found(_INSTANCES, text)),
        regions=_once(_found(_REGIONS, text)),
        hostnames=_once(host.lower() for host in _before(_HOSTS, _LABELS, text, whole=True)),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
    )


def _found(patterns: Patterns, text: str) -> Iterator[str]:
    """In the order of the text, whichever pattern found it; each name once."""
    found: dict[str, int] = {}
    for hint, pattern in patterns:
        for match in pattern.finditer(text) if hint in text else ():
            found[match[1]] = min(match.start(1), found.get(match[1], len(text)))
    return iter(sorted(found, key=found.__getitem__))


def _ids(text: str) -> Iterator[str]:
    yield from (name for name in dict.fromkeys(_MACHINES.findall(text)) if not name.isdecimal() and not name.isalpha())
    for match in _DIGITS.finditer(text):
        if _BEFORE_AN_ID.search(text[max(0, match.start() - 20) : match.start()]):
            yield match[0]


def _before(end: re.Pattern[str], name: re.Pattern[str], text: str, whole: bool = False) -> Iterator[str]:
    """The names that stand right before each match of `end`; with `whole` together with it."""
    for match in end.finditer(text):
        left = text[max(0, match.start() - _LONGEST_HOST) : match.start()]
        if before := name.search(left[left.rfind("\n") + 1 :]):
            yield before[0] + match[0] if whole else before[1]


def _ends(text: str) -> list[datetime]:
    """The first and the last time. Times of one zone sort as texts, so few of them have to be read."""
    spans: dict[str, tuple[str, str]] = {}
    for match in _TIMES.finditer(text):
        stamp = match[0].replace(" ", "T").replace(",", ".")
        first, last = spans.get(match[1] or "", (stamp, stamp))
        if stamp < first or stamp > last or (match[1] or "") not in spans:
            spans[match[1] or ""] = (min(first, stamp), max(last, stamp))
    found = [time_of(stamp) for span in list(spans.values())[:200] for stamp in span]
    return sorted(at for at in found if at and at.year > 2000)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(name for name in names if name), _MAX_NAMES))
