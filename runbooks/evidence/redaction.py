"""Secrets are replaced where they enter, by typed and stable placeholders.

`<secret:fly-token#1>` is the first Fly token met in this investigation; the same value always gets
the same placeholder, so that "equal or not" survives the masking. Placeholders hold no character
that needs escaping in JSON, and no rule matches them, so redaction is idempotent.

Every quantifier that could meet hostile text is bounded, or starts only where a run of its
characters starts: five megabytes of anything take a time proportional to their length.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
# A quotation mark as it stands in text, in JSON inside of JSON, and in HTML.
_QUOTE = r"(?:\\{0,3}[\"'`]|&quot;|&#3[49];)"
# No secret: a shell or template variable, an entity, what follows a quotation mark that closes, a word for "none".
_NONE = (
    r"(?!\\?[$<{&]|\s{0,20}[,}\]:]|(?i:undefined|null|none|nil|true|false|missing|empty|unset|required"
    r"|not[ _-]?(?:set|given|found))(?![A-Za-z0-9]))"
)
# Up to 4096 characters before the same quotation mark comes again.
_QUOTED = rf"(?P<q>{_QUOTE}){_NONE}(?P<secret>(?:(?!(?P=q))(?:[^\n\\]|\\.)){{1,4096}})(?P=q)"
_BARE = r"(?:[^\s\"'`<>,;\\&]|&(?!\w{1,8};|#\d{1,5};)|[,;](?![\s\"'`<]|\w{1,64}=|$))"
_UPPER = (
    r"(?<![A-Za-z0-9_])[A-Z0-9_]{0,60}?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|DSN|CREDENTIAL)[A-Z0-9_]{0,60}"
    r"(?![A-Za-z0-9_])"
)
_LOWER = (
    r"(?<![A-Za-z0-9_-])(?:[Tt]oken|[A-Za-z0-9_-]{0,40}?(?:[Pp]assword|[Pp]asswd|[Pp]assphrase|[Ss]ecret|[Cc]ookie"
    r"|(?:[Aa]pi|[Ss]ecret|[Pp]rivate|[Ss]ervice|[Rr]ole|[Ss]igning|[Ee]ncryption|[Aa]non)[_-]?[Kk]ey"
    r"|(?:[Aa]ccess|[Rr]efresh|[Aa]uth|[Ii]d|[Ss]ession|[Bb]earer|[Ff]ly|[Bb]ot|[Jj]wt|[Uu]ser|[Dd]eploy)[_-]?[Tt]oken))"
)
_QUERY = (
    r"(?i:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|key-pair-id|signature|sig|policy|verify"
    r"|(?:(?:access|auth|id|refresh|session|bearer)[_-]?)?token|(?:api[_-]?|access[_-]?)?key|(?:client[_-]?)?secret"
    r"|password|passwd|pwd|jwt|auth)"
)

# (type, pattern): the group `secret`, or else all, is what is replaced. The order matters: the most telling first.
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        # With its end where there is one, also over the quotation marks of a string that was broken into lines.
        (
            "private-key",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[A-Za-z0-9+/=\s\\'\"`+,:;()._-]){0,16000}?"
            r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[^\"'`<>]*)",
        ),
        ("fly-token", r"(?:fo1_|fm1[ar]_|fm2_)[A-Za-z0-9/+_-]{6,}=*"),
        ("jwt", r"\beyJ[\w-]{5,800}\.[\w-]{5,}(?:\.[\w-]*)?"),
        ("google-key", r"\bAIza[\w-]{20,}"),
        ("supabase-key", r"\b(?:sbp_|sb_secret_|sb_publishable_)[\w-]{16,}"),
        ("aws-key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
        ("api-key", r"\b(?:sk-(?=[\w-]{0,60}[A-Z])|sk_live_|sk_test_|xox[abprs]-|npm_|glpat-)[\w-]{16,}"),
        (
            "authorization",
            rf"(?i:\bauthorization){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?(?:(?i:Bearer|FlyV1|Basic)\s{{1,20}}){{1,3}}"
            rf"{_NONE}(?P<secret>[^\s\"'`<>\\&]{{8,}})",
        ),
        (
            "authorization",
            r"(?i:\b(?:Bearer|FlyV1|Basic))\s+(?=[^\s<]{0,4096}\d)(?P<secret>[A-Za-z0-9._~+/=,-]{16,})",
        ),
        ("basic-auth", r"\beD[op][A-Za-z0-9+/_-]{18,}=*"),
        (
            "password",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/\s:@\"'`<>]{0,256}:(?!\d{1,5}(?:[/?#,;)\]\s]|$))"
            r"(?P<secret>[^\s\"'`<>]{1,256})@(?=[\w\[])",
        ),
        ("value", rf"[?&;]{_QUERY}={_NONE}(?P<secret>[^&\s\"'`<>#\\]{{4,}})"),
        ("value", rf"(?:{_UPPER}|{_LOWER}){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTED}"),
        ("value", rf"{_UPPER}={_QUOTE}?{_NONE}(?P<secret>{_BARE}{{4,}})"),
        ("value", rf"{_UPPER}{_QUOTE}?[ \t]{{0,20}}:[ \t]{{0,20}}{_QUOTE}{_NONE}(?P<secret>{_BARE}{{4,}})"),
        ("value", rf"{_UPPER}[ \t]{{0,20}}:[ \t]{{0,20}}{_NONE}(?=[^\s\"'`<>]{{0,400}}\d)(?P<secret>{_BARE}{{8,}})"),
        (
            "user-id",
            rf"(?<![A-Za-z0-9])(?i:user_?id){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}"
            rf"(?:(?:eq\.)?(?P<id>{_UUID})|(?P<q>{_QUOTE}){_NONE}(?P<secret>[^\s\"'`<>\\&]{{1,256}})(?P=q))",
        ),
        (
            "email",
            r"(?<![\w.+%/-])[\w.+%-]+(?:@|%40)(?=[0-9-]{0,63}[A-Za-z])"
            r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
        ),
    )
)
_ENV_SECRET = re.compile(r"(?i)key|token|secret|password|passwd|dsn|url|credential")
_ALWAYS_SECRET = re.compile(
    r"(?i)^(?:(?:.*_)?(?:password|passwd|passphrase|client_?secret|secret_?key|private_?key|api_?key|service_?role_?key"
    r"|access_?token|refresh_?token|auth_?token|session_?token|id_?token)"
    r"|secret|token|authorization|credentials?|nonce|cookie|set-cookie|raw_value)$"
)
_USER_ID = re.compile(r"(?i)^user_?id$")
_PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
_PLACEHOLDERS = re.compile(r"((?:<|&lt;)(?:secret:)?[a-z-]+#\d+(?:>|&gt;))")
_PERSONAL = {"email", "user-id"}
# Types that their own looks give away wherever they stand; the others must be searched for once they are known.
_BY_LOOKS = {kind for kind, pattern in _RULES if not pattern.groupindex}
_SEARCHED_FROM = 8
_PASSES = 5
# What stands under a secret-looking name, and is yet too common a thing to be erased everywhere: identifiers,
# image references, addresses without credentials, short words.
_COMMON = re.compile(
    r"[0-9a-f]{13,16}|0[0-9A-HJKMNP-TV-Z]{25}|(?:sha256:)?[0-9a-f]{64}|[A-Za-z]{1,12}|[\d.:-]{1,12}"
    r"|(?:(?:https?|wss?)://)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,10}(?::\d+)?(?:/[a-z0-9._/-]{0,80})?(?::[\w.-]{1,128})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)


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
        self._searched: dict[str, dict[str, str]] = {}
        self._learned = 0
        self._spared: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, str]] = Counter()

    def know(self, value: str, kind: str) -> None:
        """Remember a secret that no pattern would recognise; shorter than 8 characters is refused."""
        if len(value) >= _SEARCHED_FROM and not _PLACEHOLDER.fullmatch(value):
            self._search(value, self._placeholder(kind, value))

    def spare(self, *words: str) -> None:
        """Names of the investigation itself: where one stands under a secret-looking key, only that place is masked."""
        self._spared.update(words)

    def text(self, text: str, place: str = "text") -> str:
        """Return the text with every known value and every match replaced."""
        if not text.isascii():
            # Half of a surrogate pair can be had from JSON, but not be written to any file.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for _ in range(_PASSES):
            before, text = text, self._known(text, place)
            for kind, pattern in _RULES:
                text = pattern.sub(partial(self._replace, kind=kind, place=place), text)
            if text == before:
                break
            # What was just learned may stand earlier in the same text, and a word may begin where another was masked.
        return text

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        """Return a JSON-like value with its strings masked; `within` is the key it stands under.

        Keys of an `env` map decide too: a value under a secret-looking name is masked whatever it
        looks like. Empty strings stay empty, since "sent, but empty" is evidence.
        """
        learned = self._learned
        masked = self._value(value, place, within)
        return masked if self._learned == learned else self._value(masked, place, within)

    def scan(self, text: str) -> list[Hit]:
        """What is still in the clear in this text. An empty list is the only good answer."""
        probe = Redactor()
        probe._names = dict(self._names)
        probe._searched = {start: dict(names) for start, names in self._searched.items()}
        probe._spared = self._spared
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

    def _value(self, value: Any, place: str, within: str) -> Any:
        if isinstance(value, Mapping):
            return {
                self._key(str(key), place): self._entry(str(key), item, place, within) for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._value(item, place, within) for item in value]
        return self.text(value, place) if isinstance(value, str) else value

    def _key(self, key: str, place: str) -> str:
        """Keys are masked by their looks only: a known value that is also the name of a field must not rename it."""
        return key if re.fullmatch(r"[A-Za-z_]{1,40}", key) else self.text(key, place)

    def _entry(self, key: str, item: Any, place: str, within: str) -> Any:
        kind: Callable[[str], str] | None = None
        if _USER_ID.match(key):
            kind = _user_id
        elif _ALWAYS_SECRET.match(key) or (within.lower() in ("env", "environment") and _ENV_SECRET.search(key)):
            kind = _kind_of
        return self._value(item, place, key) if kind is None else self._forced(item, kind, place, key)

    def _forced(self, item: Any, kind: Callable[[str], str], place: str, key: str) -> Any:
        """Mask whatever stands under a key that tells: texts, numbers, and lists of them."""
        if isinstance(item, list | tuple):
            return [self._forced(one, kind, place, key) for one in item]
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            return self._value(item, place, key)
        text = str(item)
        return self._mask(kind(text), text, place) if text and not _PLACEHOLDER.fullmatch(text) else item

    def _known(self, text: str, place: str) -> str:
        """Replace known values, the longest first, and never inside of a placeholder."""
        if not self._searched or len(text) < _SEARCHED_FROM:
            return text
        if "#" not in text:
            return self._known_in(text, place)
        parts = _PLACEHOLDERS.split(text)
        return "".join(part if odd % 2 else self._known_in(part, place) for odd, part in enumerate(parts))

    def _known_in(self, text: str, place: str) -> str:
        # The first characters of each known value are looked up, position by position: with hundreds of
        # machines there are hundreds of values, and trying each on each text would be quadratic.
        if len(self._searched) <= 16 and not any(start in text for start in self._searched):
            return text
        done, begun, at, last = [], 0, 0, len(text) - _SEARCHED_FROM
        while at <= last:
            names = self._searched.get(text[at : at + _SEARCHED_FROM])
            value = next((value for value in names if text.startswith(value, at)), "") if names else ""
            if names and value:
                self._hits[_kind_in(names[value]), place] += 1
                done += [text[begun:at], names[value]]
                at = begun = at + len(value)
            else:
                at += 1
        return "".join((*done, text[begun:])) if done else text

    def _replace(self, match: re.Match[str], kind: str, place: str) -> str:
        group: str | int = next((name for name in ("secret", "id") if match.groupdict().get(name)), 0)
        whole, secret = match.group(0), match.group(group)
        if kind != "private-key" and _PLACEHOLDER.search(secret):
            return whole
        start = match.start(group) - match.start(0)
        return whole[:start] + self._mask(kind, secret, place) + whole[start + len(secret) :]

    def _mask(self, kind: str, value: str, place: str) -> str:
        self._hits[kind, place] += 1
        name = self._placeholder(kind, value)
        if (
            len(value) >= _SEARCHED_FROM
            and kind not in _BY_LOOKS
            and value not in self._spared
            and not _COMMON.fullmatch(value)
        ):
            self._search(value, name)
        return name

    def _search(self, value: str, name: str) -> None:
        """From now on look for this value everywhere, also as JSON or HTML would write it."""
        written = html.escape(value, quote=False)
        for form in {
            value,
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            html.escape(value),
            written.replace('"', "&#34;").replace("'", "&#39;"),
        }:
            start = form[:_SEARCHED_FROM]
            names = self._searched.get(start, {})
            if form not in names:
                self._learned += 1
                self._searched[start] = dict(sorted((*names.items(), (form, name)), key=lambda one: -len(one[0])))

    def _placeholder(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] += 1
            prefix = "" if kind in _PERSONAL else "secret:"
            self._names[value] = f"<{prefix}{kind}#{self._counts[kind]}>"
        return self._names[value]


def _user_id(value: str) -> str:
    return "user-id"


def _kind_in(placeholder: str) -> str:
    return placeholder.strip("<>").removeprefix("secret:").partition("#")[0]


def _kind_of(value: str) -> str:
    """The type of a value that is masked because of its key: by its own looks where they tell."""
    for kind, pattern in _RULES:
        if kind in _BY_LOOKS and pattern.fullmatch(value):
            return kind
    return "value"


def token_kind(token: str) -> str:
    """What a Fly token is, from its prefix (facts §6.2): derived before the token is masked."""
    parts = list(elements(token))
    if not parts:
        return "none"
    if any(re.match(r"fm[12]", part) for part in parts):
        return "macaroon"
    return "oauth" if parts[0].startswith("fo1_") else "unknown"


def strip_scheme(token: str) -> str:
    """Remove any `Bearer`/`FlyV1` in front, as often as they were put there (facts §1.1)."""
    return re.sub(r"(?i)^(?:(?:Bearer|FlyV1)\s+)+", "", token.strip())


def elements(token: str) -> Iterable[str]:
    """The parts of a comma list of tokens."""
    return filter(None, (part.strip() for part in strip_scheme(token).split(",")))
