"""The recognisers of refusals: what the Machines API, GraphQL, the registry or flyctl says no with (facts §3.2, §1.2).

One readable table; causes only use the names of its kinds. The words decide, a status never does alone: lack of
room alone comes as 400, 403, 409, 412, 422 and 503. Patterns match the stable parts, not whole sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_MOST_TEXT = 20_000
_MOST_NAME = 200
_MOST_QUOTE = 300

_ID = r"(?P<machine_id>[0-9a-f]{13,16})"
_VOLUME = r"[\"'`]?(?P<volume>vol_[a-z0-9]{4,30})[\"'`]?"
_REGION = r"[\"'`(]?(?P<region>[a-z]{3})\b[\"'`)]?"
_WORD = r"[\"'`]?(?P<{}>[A-Za-z0-9][\w.-]{{0,62}})[\"'`]?"
_MANIFEST = (
    r"(?:failed to get manifest|error getting manifest|failed to resolve (?:image(?! for)|reference)|manifest for)"
)
_REF = r":? [\"'`]?(?P<ref>[^\s\"'`:]{1,300}(?:[:@][^\s\"'`:]{1,200}){0,4})"
_TAIL = r"[^\n]{0,400}"

# kind → patterns, the more special kind first: words that one kind has claimed are not read again.
# A blank stands for any white space (people paste wrapped lines); case is ignored.
TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "manifest-unauthorized",
        (
            rf"{_MANIFEST}{_REF}[^\n]{{0,80}}?\b(?:unauthorized|denied|forbidden|401|403|failed to authorize){_TAIL}",
            r"requested access to the resource is denied",
            rf"pull access denied(?: for (?P<ref>[^\s,\"']{{1,300}}))?{_TAIL}",
            r"unauthorized: (?:authentication required|access to the requested resource)",
        ),
    ),
    (
        "manifest-unknown",
        (
            rf"{_MANIFEST}{_REF}[^\n]{{0,80}}?(?:MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|not found|404){_TAIL}",
            r"MANIFEST_UNKNOWN|manifest unknown|app repository not found",
        ),
    ),
    ("manifest-other", (rf"{_MANIFEST}{_REF}{_TAIL}",)),
    (
        "image-too-large",
        (
            r"not enough space to unpack image",
            r"\bimage\b[^\n]{0,60}\b(?:too large|exceeds[^\n]{0,40}(?:limit|maximum|size))",
        ),
    ),
    ("image-not-found-release", (r"could not find image [\"'`]?(?P<ref>[^\s\"'`]{1,300})?",)),
    (
        "name-taken",
        (
            rf"machine ID {_ID} already exists with name [\"'`]?(?P<name>[\w.-]{{1,80}})",
            r"unique machine name violation",
        ),
    ),
    ("app-name-taken", (r"name has already been taken", r"\bname_taken\b")),
    (
        "lease",
        (
            rf"(?:machine ID {_ID} )?lease (?:is )?currently held by (?P<owner>[\w@.-]{{1,100}})"
            r"(?:, expires at (?P<expires>[\dT:Z.+-]{10,40}))?",
            rf"failed to (?:get|acquire|obtain) leases?(?: (?:on|for)(?: VM| machine)? {_ID})?",
            rf"machine {_ID} because it has a lease",
        ),
    ),
    (
        "region-deprecated",
        (
            rf"region {_REGION} is deprecated(?:[\s\S]{{0,120}}?such as (?P<instead>[a-z]{{3}})\b)?",
            r"deprecated and cannot have new resources",
        ),
    ),
    ("region-plan", (rf"\bregion {_REGION}[^\n]{{0,60}}(?:paid plan|require[sd]? a plan|not available on your plan)",)),
    (
        "region-unknown",
        (
            r"\bregion [\"'`]?(?P<region>[\w-]{1,20})[\"'`]? (?:was |is )?(?:not found|unknown|invalid|not valid)",
            r"(?:invalid|unknown|unsupported) region:? ?[\"'`]?(?P<region>[a-z]{2,10}\b)?",
        ),
    ),
    (
        "quota",
        (
            rf"organization {_WORD.format('org')} is using [^\n]{{1,80}}? in (?P<region>[a-z]{{3}})"
            r" which is over the allowed quota",
            r"over the allowed quota",
            r"quota exceeded|exceed(?:s|ed|ing)? (?:your |the |its )?(?:\w+ )?quota",
        ),
    ),
    (
        "machine-limit",
        (
            r"reached (?:its|your|the) (?:maximum )?machines? limit",
            r"reached the maximum number of machines",
            r"maximum number of machines for this app",
        ),
    ),
    (
        "payment",
        (
            r"need your payment information",
            r"add a (?:payment method|credit card)",
            r"(?:payment method|credit card) (?:is )?required",
            r"(?:overdue|unpaid|past.due) (?:invoices?|balance)",
        ),
    ),
    (
        "suspended",
        (
            r"(?:organization|account|app)\b[^\n]{0,80}?\b(?:has been|is|was) (?:suspended|locked|disabled|blocked)",
            r"high.risk",
            r"trial (?:has ended|has expired|is over|period has)",
            r"\bverify your (?:account|identity|email)",
        ),
    ),
    (
        "volume-region",
        (
            rf"volume {_VOLUME} is in the wrong region(?: \(\"(?P<have>[a-z]{{3}})\" != \"(?P<want>[a-z]{{3}})\"\))?",
            rf"volume {_VOLUME} is (?:located )?in (?:region )?[\"'`]?(?P<have>[a-z]{{3}})\b[^\n]{{0,60}}?"
            r"(?:not|but)[^\n]{0,30}?[\"'`]?(?P<want>[a-z]{3})\b[\"'`]?(?=\W|$)",
        ),
    ),
    (
        "volume-capacity",
        (
            rf"insufficient resources to create new machine with existing volume(?: id)?(?: {_VOLUME})?",
            r"volume_placement_capacity",
        ),
    ),
    (
        "volume-attached",
        (
            rf"volume {_VOLUME} (?:is )?(?:already )?(?:attached|in use|bound|mounted)(?:[^\n]{{0,40}}?{_ID})?",
            r"volume is (?:already |currently )?(?:attached|bound|in use)",
        ),
    ),
    (
        "volume-missing",
        (
            rf"volume {_VOLUME} (?:was |could )?not (?:be )?found",
            r"volume not found",
            r"needs? volumes? with name",
        ),
    ),
    (
        "host-capacity",
        (
            r"could not reserve resource for machine(?:: (?P<what>[^\n\"]{1,120}))?",
            r"insufficient resources available to fulfill request(?:: (?P<what>[^\n\"]{1,120}))?",
            r"(?P<what>insufficient (?:memory|CPUs?|IPs|disk|GPUs?)(?: space)? available)",
            r"deploys to this host are temporarily disabled",
            r"governor policy blocked start",
            r"\bhost (?:is )?at capacity",
        ),
    ),
    (
        "region-capacity",
        (
            r"could not find a candidate host",
            r"\binsufficient_capacity\b",
            rf"(?:no|not enough|insufficient) capacity(?: available)?(?: in(?: the)?(?: region)? {_REGION})?",
            r"(?:unable to find|failed to place machine on) a host",
            r"no hosts? available",
        ),
    ),
    (
        "state-rejects",
        (
            r"unable to (?P<action>\w+) machine from current state:? [\"'`]?(?P<state>\w+)",
            r"unable to (?P<action>\w+) machine, (?P<state>not currently [\w, ]{1,80})",
            r"machine (?:is )?(?P<state>getting replaced|still active|[\w -]{1,30}), refusing to (?P<action>\w+)",
            r"machine is in a non-startable state:? (?P<state>\w+)",
        ),
    ),
    ("concurrent-update", (r"due to concurrent update", r"concurrent update")),
    ("version-mismatch", (r"(?:min_secrets_version|current_version|machine_version)\b[^\n\"]{0,80}",)),
    (
        "wait-timeout",
        (
            r"failed to reach desired state,? (?P<wanted>\w+)(?:, currently (?P<state>\w+))?",
            r"failed to wait for VM [0-9a-f]{13,16} in (?P<wanted>\w+) state",
        ),
    ),
    (
        "host-unreachable",
        (
            r"host (?:is )?(?:currently )?(?:unavailable|unreachable)",
            r"could not reach (?:the )?(?:host|worker|machine)",
            r"hosts? could not be reached",
        ),
    ),
    ("rate-limit", (r"rate limit(?:ed| exceeded)?\b", r"too many requests")),
    ("id-invalid", (r"invalid machine ID(?:, [\"'`]?(?P<id>[^\s\"'`]{1,100}))?",)),
    (
        "body-invalid",
        (
            r"(?P<what>json: (?:cannot unmarshal|unknown field)[^\n]{0,120})",
            r"(?P<what>invalid (?:machine )?config[^\n\"}]{0,120})",
            r"(?P<what>unsupported guest[^\n\"}]{0,80})",
            r"(?P<what>invalid (?:memory|cpus?|cpu_kind|guest|restart policy|JSON)[^\n\"}]{0,100})",
        ),
    ),
    ("machine-missing", (rf"machine(?: {_ID})? (?:was )?not found", rf"no such machine:?(?: {_ID})?")),
    (
        "app-missing",
        (
            rf"could not find app {_WORD.format('app')}",
            rf"\bapp {_WORD.format('app')} (?:was )?not found",
            r"app not found",
        ),
    ),
    ("route-missing", (r"404 page not found",)),
    (
        "token",
        (
            r"token validation error",
            r"no access token available",
            r"(?:invalid|expired|missing) (?:access |api |auth )?token",
            r"\bunauthorized\b",
            r"\bunauthenticated\b",
            r"not authenticated",
        ),
    ),
    ("forbidden", (r"\bforbidden\b", r"permission.denied", r"not authorized to", r"not allowed to")),
    ("health-timeout", (r"timeout reached waiting for health ?checks", r"smoke checks? [^\n]{0,60}failed")),
    (
        "timeout",
        (
            r"context deadline exceeded",
            r"\bETIMEDOUT\b|\bESOCKETTIMEDOUT\b|\bECONNABORTED\b|\bECONNRESET\b",
            r"\b(?:Read|Connect|Write|Pool)?Timeout(?:Error|Exception|Expired)?\b",
            r"(?:request|connection|operation|read) timed out",
            r"socket hang up|connection reset|broken pipe|\bEOF\b|operation was aborted",
        ),
    ),
    (
        "connection",
        (
            r"\bENOTFOUND\b|\bECONNREFUSED\b|\bEAI_AGAIN\b|\bENETUNREACH\b|\bEHOSTUNREACH\b|\bnxdomain\b",
            r"no such host|connection refused|network is unreachable",
            r"(?:temporary failure in )?name (?:resolution|or service not known)",
        ),
    ),
    (
        "server-error",
        (
            r"internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out",
            r"unknown server error|server error",
        ),
    ),
    ("launch-failed", (r"failed to launch (?:VM|machine)", r"\blaunch_failed\b")),
)
# What only wraps another refusal says nothing beside it.
_WRAPPERS = frozenset({"launch-failed", "server-error"})
_BY_STATUS = {401: "token", 429: "rate-limit"}
_COMPILED = tuple(
    (kind, tuple(re.compile(p.replace(" ", r"\s{1,20}"), re.I | re.M) for p in patterns)) for kind, patterns in TABLE
)
_ESCAPES = ((re.compile(r"\\+([\"'])"), r"\1"), (re.compile(r"\\+n"), "\n"), (re.compile(r"\x1b\[[0-9;]{0,12}m"), ""))
_GUTTER = re.compile(r"\n[ \t]*[│|>]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One refusal inside of a text: its kind, the words that say so, and what they name (keys as in TABLE)."""

    kind: str
    quote: str
    names: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=512)
def meanings(text: str, status: int | None = None) -> tuple[Meaning, ...]:
    """Every refusal that the text holds, in order of appearance, each once.

    A status is only asked where the words say nothing: then 401, 429 and 5xx have a meaning of their own.
    """
    plain = _plain(text)
    found: list[tuple[int, int, Meaning]] = []
    for kind, patterns in _COMPILED:
        for pattern in patterns:
            for match in pattern.finditer(plain):
                if not any(start < match.end() and match.start() < end for start, end, _ in found):
                    found.append((match.start(), match.end(), _meaning(kind, match)))
    told = _each_once(meaning for _, _, meaning in sorted(found, key=lambda entry: entry[:2]))
    if any(meaning.kind not in _WRAPPERS for meaning in told):
        told = [meaning for meaning in told if meaning.kind not in _WRAPPERS]
    return tuple(told) or _by_status(status, plain)


def _plain(text: str) -> str:
    """Without the marks of terminals and of JSON inside of JSON, so that words stand as they were said."""
    text = text[:_MOST_TEXT]
    for pattern, instead in _ESCAPES:
        text = pattern.sub(instead, text)
    return _GUTTER.sub("\n", text)


def _meaning(kind: str, match: re.Match[str]) -> Meaning:
    names = {
        name: " ".join(value.split())[:_MOST_NAME].rstrip(" .,;:") for name, value in match.groupdict().items() if value
    }
    return Meaning(kind, " ".join(match.group(0).split())[:_MOST_QUOTE], names)


def _each_once(found: Iterator[Meaning]) -> list[Meaning]:
    """The same said twice is one; what is said with fewer names adds nothing to what is said with more."""
    told: list[Meaning] = []
    for meaning in found:
        for index, other in enumerate(told):
            if other.kind == meaning.kind:
                if meaning.names.items() <= other.names.items():
                    break
                if other.names.items() <= meaning.names.items():
                    told[index] = meaning
                    break
        else:
            told.append(meaning)
    return told


def _by_status(status: int | None, text: str) -> tuple[Meaning, ...]:
    if status is None:
        return ()
    kind = _BY_STATUS.get(status) or ("server-error" if 500 <= status <= 599 else "")
    return (Meaning(kind, f"HTTP {status}", {}),) if kind else ()
