"""Reads the identity of a pasted text: app, machine, version, region, hosts and times, from places that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbooks.evidence.parsers import time_of
from runbooks.evidence.paste_identity import PasteIdentity

_MAX_TEXT = 5_000_000
_MAX_NAMES = 50
_ID = r"[0-9a-f]{14}"
_APP = r"[a-z0-9][a-z0-9-]{0,62}"
_ULID = r"01[0-9A-HJKMNP-TV-Z]{24}"
_END = r"(?![\w-])"
_APPS = (
    re.compile(rf"\bfly(?:ctl)?\b[^\n|;&]{{0,80}}?\s(?:-a|--app)[ =]{{1,4}}({_APP}){_END}"),
    re.compile(rf"/apps/({_APP})(?=[/\s\"'?,)]|\Z)", re.M),
    re.compile(rf"\bHealth Checks for ({_APP}){_END}"),
    re.compile(rf"\b(?:Downscaling|Upscaling) app ({_APP}){_END}"),
    re.compile(rf"\bApp ({_APP}) has excess capacity"),
    re.compile(rf"\bProvisioning ips for ({_APP}){_END}"),
    re.compile(rf"^[^\n\w]{{0,8}}(?:Running|Releasing|Deploying|Launching) ({_APP}) (?:release_command|app\b)", re.M),
    re.compile(rf"\b(?:machine|app|application)s? (?:in|of|for) (?:app )?['\"`]({_APP})['\"`]"),
    re.compile(rf"[\"'](?:app_name|appName|AppName|fly_app_name|flyAppName|AppID)[\"']\s{{0,9}}:\s{{0,9}}[\"']({_APP})[\"']"),
    re.compile(rf"[\"']app[\"']\s{{0,9}}:\s{{0,9}}\{{\s{{0,9}}(?:[\"']instance[\"']\s{{0,9}}:\s{{0,9}}[\"']\w{{1,40}}[\"'],\s{{0,9}})?"
               rf"[\"']name[\"']\s{{0,9}}:\s{{0,9}}[\"']({_APP})[\"']"),
    re.compile(rf"\bFLY_APP_NAME[=:]\s{{0,4}}[\"']?({_APP}){_END}"),
    re.compile(rf"(?:\b{_ID}\.)?\bvm\.({_APP})\.internal\b"),
    re.compile(rf"\bapp(?:_name)?\s{{0,20}}=\s{{0,4}}[\"']({_APP})[\"']"),
)  # fmt: skip
_REPOSITORIES = (
    re.compile(rf"\bregistry\.fly\.io/({_APP})(?=[:@/\s\"',]|\Z)", re.M),
    re.compile(rf"(?<![\w./-])({_APP}):deployment-[0-9A-Za-z]{{1,40}}"),
)
_MACHINES = re.compile(rf"(?<![\w.-])(?=\d{{0,13}}[a-f])(?=[a-f]{{0,13}}\d)({_ID})(?![\w])")
_DIGITS = re.compile(r"(?:\b[Mm]achine(?:s/| id)?|\b(?:app|proxy|runner|health)\[|\bVM)[\s:=/\"']{0,6}(\d{14})\b")
_INSTANCES = re.compile(
    rf"(?:\bInstance ID\s{{0,20}}[:=]\s{{0,4}}|[\"']instance_id[\"']\s{{0,9}}:\s{{0,9}}[\"']"
    rf"|instance_id=|\[(?={_ULID}:main\]))"
    rf"({_ULID})\b"
)
_REGIONS = (
    re.compile(r"\b(?:app|proxy|runner|health|machine)\[\w{8,16}\]\s{1,4}([a-z]{3})\s"),
    re.compile(r"[\"'](?:region|Region)[\"']\s{0,9}:\s{0,9}[\"']([a-z]{3})[\"']"),
    re.compile(r"^\s{0,9}Region\s{1,20}[=:]\s([a-z]{3})\b", re.M),
    re.compile(r"\bin region ([a-z]{3})\b"),
)
_HOSTS = re.compile(r"(?<![\w.@-])((?:[a-z0-9-]{1,63}\.){1,5}(?:fly\.dev|internal))(?![\w-]|\.\w)", re.I)
_TIMES = re.compile(r"(?<![\dA-Za-z])\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_PLACEHOLDERS = frozenset({"name", "app", "my-app", "your-app", "app-name"})


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
    times = sorted(at for found in _TIMES.findall(text) if (at := time_of(found.replace(",", "."))) and at.year > 2000)
    return PasteIdentity(
        apps=_once(name for name in (*apps, *_found(_APPS, text)) if name not in _PLACEHOLDERS),
        repositories=_once(_found(_REPOSITORIES, text)),
        machine_ids=_once((*_MACHINES.findall(text), *_DIGITS.findall(text))),
        machine_names=_once(names),
        instance_ids=_once(_INSTANCES.findall(text)),
        regions=_once(_found(_REGIONS, text)),
        hostnames=_once(host.lower() for host in _HOSTS.findall(text)),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
    )


def _found(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[str]:
    """In the order of the text, whichever pattern found it."""
    found = [(match.start(1), match[1]) for pattern in patterns for match in pattern.finditer(text)]
    return (name for _, name in sorted(found))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))[:_MAX_NAMES]
