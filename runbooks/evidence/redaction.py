"""Secrets are replaced where they enter, by typed and stable placeholders.

`<secret:fly-token#1>` is the first Fly token met in this investigation; the same value always gets
the same placeholder, so that "equal or not" survives the masking. Placeholders hold no character
that needs escaping in JSON, and no rule matches them, so redaction is idempotent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

# (type, pattern, group): the group is what is replaced. The order matters: the most telling type first.
_RULES: tuple[tuple[str, re.Pattern[str], int], ...] = (
    (
        "private-key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
        0,
    ),
    ("fly-token", re.compile(r"(?:fo1_|fm1[ar]_|fm2_)[A-Za-z0-9/+_-]{6,}=*"), 0),
    ("jwt", re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"), 0),
    ("google-key", re.compile(r"\bAIza[\w-]{20,}"), 0),
    ("supabase-key", re.compile(r"\b(?:sbp_|sb_secret_|sb_publishable_)[\w-]{16,}"), 0),
    ("aws-key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), 0),
    ("github-token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"), 0),
    ("api-key", re.compile(r"\b(?:sk-|sk_live_|sk_test_|xox[abprs]-|npm_|glpat-)[\w-]{16,}"), 0),
    (
        "authorization",
        re.compile(r"(?i)\b(?:Bearer|FlyV1|Basic)\s+(?=[^\s<]*\d)([A-Za-z0-9._~+/=,-]{16,})"),
        1,
    ),
    ("basic-auth", re.compile(r"\beD[op][A-Za-z0-9+/_-]{18,}=*"), 0),
    ("password", re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@\"'<>,;]*:([^@\s/\"'<>,;]+)@"), 1),
    (
        "value",
        re.compile(
            r"\b[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|DSN)[A-Z0-9_]*"
            r"(?:=|['\"]?\s*:\s*(?=['\"]))['\"]?(?![$])([^\s'\"<>,;]{4,})"
        ),
        1,
    ),
    ("user-id", re.compile(rf"(?i)\buser_?id['\"]?\s*[:=]\s*['\"]?({_UUID})"), 1),
    ("email", re.compile(r"(?<![\w.+%:/-])[\w.+%-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"), 0),
)
_ENV_SECRET = re.compile(r"(?i)key|token|secret|password|passwd|dsn|url|credential")
_ALWAYS_SECRET = re.compile(
    r"(?i)^(?:password|passwd|secret|token|api_?key|authorization|access_?token|refresh_?token|private_?key"
    r"|service_?role_?key|client_?secret|nonce|cookie|set-cookie)$"
)
_USER_ID = re.compile(r"(?i)^user_?id$")
_PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
_PERSONAL = {"email", "user-id"}


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that had to be masked: which rule, where, how often. Never the value."""

    rule: str
    place: str
    count: int


class Redactor:
    """Masks everything that passes through it and counts what it masked."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, str]] = Counter()

    def know(self, value: str, kind: str) -> None:
        """Remember a secret that no pattern would recognise; shorter than 8 characters is refused."""
        if len(value) >= 8 and not _PLACEHOLDER.fullmatch(value):
            self._placeholder(kind, value)

    def text(self, text: str, place: str = "text") -> str:
        """Return the text with every known value and every match replaced."""
        for value, name in self._names.items():
            if value in text:
                self._hits[name.strip("<>").removeprefix("secret:").split("#")[0], place] += text.count(value)
                text = text.replace(value, name)
        for kind, pattern, group in _RULES:
            text = pattern.sub(partial(self._replace, kind=kind, group=group, place=place), text)
        return text

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        """Return a JSON-like value with its strings masked; `within` is the key it stands under.

        Keys of an `env` map decide too: a value under a secret-looking name is masked whatever it
        looks like. Empty strings stay empty, since "sent, but empty" is evidence.
        """
        if isinstance(value, Mapping):
            return {
                self.text(str(key), place): self._entry(str(key), item, place, within) for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(item, place, within=within) for item in value]
        return self.text(value, place) if isinstance(value, str) else value

    def scan(self, text: str) -> list[Hit]:
        """What is still in the clear in this text. An empty list is the only good answer."""
        probe = Redactor()
        probe._names = dict(self._names)
        probe._counts = Counter(self._counts)
        probe.text(text, "scan")
        return probe.hits

    @property
    def hits(self) -> list[Hit]:
        """All that was masked so far, by rule and place."""
        return [Hit(rule, place, count) for (rule, place), count in sorted(self._hits.items())]

    @property
    def masked(self) -> dict[str, int]:
        """Different values masked, by type."""
        return dict(sorted(self._counts.items()))

    def _entry(self, key: str, item: Any, place: str, within: str) -> Any:
        in_env = within.lower() == "env"
        if isinstance(item, str) and item and not _PLACEHOLDER.fullmatch(item):
            if _USER_ID.match(key):
                return self._mask("user-id", item, place)
            if _ALWAYS_SECRET.match(key) or (in_env and _ENV_SECRET.search(key)):
                return self._mask(_kind_of(item), item, place)
        return self.value(item, place, within=key)

    def _replace(self, match: re.Match[str], kind: str, group: int, place: str) -> str:
        whole, secret = match.group(0), match.group(group)
        if _PLACEHOLDER.search(secret):
            return whole
        start = match.start(group) - match.start(0)
        return whole[:start] + self._mask(kind, secret, place) + whole[start + len(secret) :]

    def _mask(self, kind: str, value: str, place: str) -> str:
        self._hits[kind, place] += 1
        return self._placeholder(kind, value)

    def _placeholder(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] += 1
            prefix = "" if kind in _PERSONAL else "secret:"
            name = f"<{prefix}{kind}#{self._counts[kind]}>"
            if len(value) < 8:
                return name
            self._names[value] = name
        return self._names[value]


def _kind_of(value: str) -> str:
    """The type of a value that is masked because of its key: by its own looks where they tell."""
    for kind, pattern, group in _RULES:
        match = pattern.search(value)
        if match and match.group(group) == value:
            return kind
    return "value"


def token_kind(token: str) -> str:
    """What a Fly token is, from its prefix (facts §6.2): derived before the token is masked."""
    bare = strip_scheme(token)
    if not bare:
        return "none"
    if re.match(r"fm[12]", bare):
        return "macaroon"
    return "oauth" if bare.startswith("fo1_") else "unknown"


def strip_scheme(token: str) -> str:
    """Remove any `Bearer`/`FlyV1` in front, as often as they were put there (facts §1.1)."""
    return re.sub(r"(?i)^(?:(?:Bearer|FlyV1)\s+)+", "", token.strip())


def elements(token: str) -> Iterable[str]:
    """The parts of a comma list of tokens."""
    return filter(None, (part.strip() for part in strip_scheme(token).split(",")))
