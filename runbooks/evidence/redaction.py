"""Secrets are replaced where they enter, by typed and stable placeholders.

`<secret:fly-token#1>` is the first Fly token met in this investigation; the same value always gets
the same placeholder, so that "equal or not" survives the masking. Placeholders hold no character
that needs escaping in JSON, and no rule matches them, so redaction is idempotent.

Every quantifier that could meet hostile text is bounded, or starts only where a run of its
characters starts: five megabytes of anything take a time proportional to their length.

A text is read as it stands, then with its escapes undone (JSON, URL, HTML, terminal colours), then
with whatever looks like base64 or hex decoded; a secret found in any reading is masked in the text.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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
# What stands before an unquoted value in configuration files, connection strings and command lines.
_PAIR = (
    r"(?i:(?:(?:db|user|admin|root|app)[_-]?)?(?:password|passwd|passphrase|pwd(?!=/))|(?:client[_-]?)?secret|api[_-]?key"
    r"|(?:access|auth|refresh|session|id|bearer)[_-]?token|(?:account|shared[_-]?access|secret[_-]?access)[_-]?key)"
)

# (type, words of which one must be there, pattern): the group `secret`, or else all, is what is replaced.
# The order matters: the most telling first.
_RULES: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, tuple(needs.split("|")), re.compile(pattern))
    for kind, needs, pattern in (
        # With its end where there is one, also over the quotation marks of a string that was broken into lines.
        (
            "private-key",
            "private key",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[A-Za-z0-9+/=\s\\'\"`+,:;()._-]){0,16000}?"
            r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[^\"'`<>]*)",
        ),
        ("fly-token", "fo1_|fm1|fm2_", r"(?:fo1_|fm1[ar]_|fm2_)[A-Za-z0-9/+_-]{6,}=*"),
        ("jwt", "eyj", r"\beyJ[\w-]{5,800}\.[\w-]{5,}(?:\.[\w-]*)?"),
        ("google-key", "aiza|ya29.|gocspx-", r"\b(?:AIza[\w-]{20,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})"),
        ("supabase-key", "sbp_|sb_", r"\b(?:sbp_|sb_secret_|sb_publishable_)[\w-]{16,}"),
        (
            # The secret stands near its id and has no looks of its own.
            "aws-secret",
            "akia|asia",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b[^\n]{1,80}?(?<![A-Za-z0-9/+])(?=[a-z/+]{0,40}[A-Z0-9])"
            r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        ),
        ("aws-key", "akia|asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github-token", "gh|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
        ("stripe-key", "_live_|_test_|whsec_", r"\b(?:(?:sk|rk|pk)_(?:live|test)_|whsec_)\w{16,}"),
        (
            "slack-token",
            "xox|xapp-|hooks.slack",
            r"\b(?:xox[a-z](?:\.xox[a-z])?-|xapp-)[\w-]{16,}|\bhooks\.slack\.com/services/[\w/-]{16,}",
        ),
        ("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{16,}"),
        (
            "api-key",
            "sk-|glpat-|sg.|hf_|dop_v1_|age-secret|dckr_pat_|sntrys_|:aa",
            r"\b(?:sk-(?=[\w-]{0,60}[A-Z0-9])(?:[a-z]+-)?[\w-]{16,}|glpat-[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"
            r"|hf_[A-Za-z0-9]{20,}|dop_v1_[0-9a-f]{32,}|AGE-SECRET-KEY-1[A-Z0-9]{40,}|dckr_pat_[\w-]{20,}"
            r"|sntrys_[\w+/=-]{20,}|\d{8,10}:AA[\w-]{30,})",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?(?:(?i:Bearer|FlyV1|Basic)\s{{1,20}}){{1,3}}"
            rf"{_NONE}(?P<secret>[^\s\"'`<>\\&]{{8,}})",
        ),
        (
            "authorization",
            "authorization",
            rf"(?i:\bauthorization){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?(?:[A-Za-z][A-Za-z0-9-]{{1,20}}\s{{1,4}}){{0,2}}"
            rf"{_NONE}(?=[^\s\"'`<>]{{0,400}}\d)(?P<secret>[^\s\"'`<>\\&]{{8,}})",
        ),
        (
            "authorization",
            "bearer|flyv1|basic",
            r"(?i:\b(?:Bearer|FlyV1|Basic))\s+(?=[^\s<]{0,4096}\d)(?P<secret>[A-Za-z0-9._~+/=,-]{16,})",
        ),
        (
            "value",
            "api-key|apikey|-token",
            rf"(?i:\b(?:x-(?:goog-)?api-key|apikey|(?:x-[a-z]{{1,20}}|private)-(?:[a-z]{{1,20}}-)?token)){_QUOTE}?\s{{0,20}}[:=]"
            rf"\s{{0,20}}{_QUOTE}?{_NONE}(?P<secret>[^\s\"'`<>\\&,;]{{8,}})",
        ),
        (
            "cookie",
            "cookie",
            rf"(?i:\b(?:set-)?cookies?){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTE}?{_NONE}"
            r"(?P<secret>[^\s=;:\"'`<>\\]{1,200}=[^\s;\"'`<>\\]{1,4096}"
            r"(?:;\s{0,4}[^\s=;\"'`<>\\]{1,200}(?:=[^\s;\"'`<>\\]{0,4096})?){0,50})",
        ),
        ("basic-auth", "edo|edp", r"\beD[op][A-Za-z0-9+/_-]{18,}=*"),
        (
            "password",
            "://",
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/\s:@\"'`<>]{0,256}:(?!\d{1,5}(?:[/?#,;)\]\s]|$))"
            r"(?P<secret>[^\s\"'`<>]{1,256})@(?=[\w\[])",
        ),
        (
            # The same without a scheme, to a host without a dot: anything else reads as an e-mail address.
            "password",
            "@",
            r"(?<![\w/.@:-])[A-Za-z][\w.-]{0,63}:(?P<secret>(?=[^\s@]{0,128}\d)[^\s:@/\"'`<>\\]{6,128})"
            r"@(?=[A-Za-z][\w-]{0,63}(?::\d{2,5})?(?:[/?\s\"'`]|$))",
        ),
        ("value", "=", rf"[?&;]{_QUERY}={_NONE}(?P<secret>[^&\s\"'`<>#\\]{{4,}})"),
        (
            "value",
            "key|token|secret|passw|passphrase|dsn|credential|cookie",
            rf"(?:{_UPPER}|{_LOWER}){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}{_QUOTED}",
        ),
        ("value", "=", rf"{_UPPER}={_QUOTE}?{_NONE}(?P<secret>{_BARE}{{4,}})"),
        ("value", ":", rf"{_UPPER}{_QUOTE}?[ \t]{{0,20}}:[ \t]{{0,20}}{_QUOTE}{_NONE}(?P<secret>{_BARE}{{4,}})"),
        (
            "value",
            ":",
            rf"{_UPPER}[ \t]{{0,20}}:[ \t]{{0,20}}{_NONE}(?=[^\s\"'`<>]{{0,400}}\d)(?P<secret>{_BARE}{{8,}})",
        ),
        ("value", "=", rf"(?<![A-Za-z0-9_-]){_PAIR}={_QUOTE}?{_NONE}(?P<secret>{_BARE}{{4,}})"),
        (
            "value",
            ":",
            rf"(?<![A-Za-z0-9_<;-]){_PAIR}[ \t]{{0,20}}:[ \t]{{0,20}}{_NONE}(?=[^\s\"'`<>]{{0,400}}\d)"
            rf"(?P<secret>{_BARE}{{6,}})",
        ),
        (
            "value",
            "--",
            rf"(?<![\w-])--(?:{_PAIR}|token)(?:=|[ \t]{{1,4}}){_QUOTE}?{_NONE}(?P<secret>(?!-){_BARE}{{4,}})",
        ),
        (
            "user-id",
            "user",
            rf"(?<![A-Za-z0-9])(?i:user_?id){_QUOTE}?\s{{0,20}}[:=]\s{{0,20}}"
            rf"(?:(?:eq\.)?(?P<id>{_UUID})|(?P<q>{_QUOTE}){_NONE}(?P<secret>[^\s\"'`<>\\&]{{1,256}})(?P=q))",
        ),
        (
            "email",
            "@|%40",
            r"(?<![\w.+%/-])[\w.+%-]+(?:@|%40)(?=[0-9-]{0,63}[A-Za-z])"
            r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
        ),
    )
)
_ENV_SECRET = re.compile(
    r"(?i)key|token|secret|password|passwd|passphrase|(?:^|_)pass(?:$|_|code)|_pwd|dsn|url|credential|cookie|jwt|webhook"
    r"|auth(?!or)|conn(?:ection)?_?str"
)
# Of a key in the spelling of `_snake`. A cursor is called a token, too, and has to stay.
_ALWAYS_SECRET = re.compile(
    r"(?:.*_)?(?:password|passwd|passphrase|secret|secret_access_key"
    r"|(?:secret|private|api|service(?:_role)?|anon|signing|encryption|account|shared_access)_?key"
    r"|(?<!next_)(?<!page_)(?<!cursor_)(?<!continuation_)token|clientsecret|apikey"
    r"|authorization|credentials?|nonce|cookie|raw_value|dsn|connection_string|database_url)"
)
_USER_ID = re.compile(r"(?i)^user_?id$")
_VALUES = ("value", "values")
_NAMED = ("name", "key", "header", "env_var", "variable")
_FLAG = re.compile(rf"--?(?:{_PAIR}|token)")
_ENVIRONMENT = ("env", "environment")
_PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
_PLACEHOLDERS = re.compile(r"((?:<|&lt;)(?:secret:)?[a-z-]+#\d+(?:>|&gt;))")
_PERSONAL = {"email", "user-id"}
# Types that their own looks give away wherever they stand; the others must be searched for once they are known.
_BY_LOOKS = {kind for kind, _, pattern in _RULES if not pattern.groupindex}
_SEARCHED_FROM = 8
_PASSES = 5
# One ASCII character, written otherwise: in JSON and JavaScript, in a URL (also twice over), in HTML; or no
# character at all, where a terminal changes its colour.
_ESCAPE = re.compile(
    r"\\{1,4}(?:u00(?P<u>[2-7][0-9a-fA-F])|u\{(?P<b>[2-7][0-9a-fA-F])\}|x(?P<x>[2-7][0-9a-fA-F])|(?P<slash>/)"
    r"|(?:u001[bB]|x1[bB]|033)(?P<colour>\[[0-9;:]{0,40}[A-Za-z]))"
    r"|%(?:25){0,3}(?P<url>[2-7][0-9a-fA-F])"
    r"|&#(?:[xX](?P<html>[2-7][0-9a-fA-F])|(?P<decimal>3[2-9]|[4-9]\d|1[01]\d|12[0-6]));"
    r"|\x1b(?P<ansi>\[[0-9;:]{0,40}[A-Za-z])"
)
_RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){12,}")
_READABLE = re.compile(rb"[\x20-\x7e\t\r\n]{8,}")
_NEAR = 2_000
_FEW = 400
_NESTED = 3
_UNPACKED = 1_000_000
# One line of a key that was printed line by line.
_KEY_LINE = re.compile(r"\s*(?=[A-Za-z0-9+/]{0,76}[A-Z+/])(?P<secret>[A-Za-z0-9+/]{8,76}={0,2})\s*")
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
        self._in_key = False
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

    def hides(self, data: str) -> bool:
        """Does this base64, decoded, show a secret? For pictures, whose data is not searched as text."""
        return self._holds("".join(data.split()), 0)

    def resume(self, text: str) -> None:
        """Number new placeholders after those that stand in a text which was masked before."""
        for match in _PLACEHOLDER.finditer(text):
            kind, number = match.group(0).strip("<>").removeprefix("secret:").split("#")
            if len(number) < 10:  # a longer one is nobody's placeholder
                self._counts[kind] = max(self._counts[kind], int(number))

    def text(self, text: str, place: str = "text") -> str:
        """Return the text with every known value and every match replaced."""
        if not text.isascii():
            # Half of a surrogate pair can be had from JSON, but not be written to any file.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for _ in range(_PASSES):
            before, text = text, self._escaped(self._known(text, place), place)
            for kind, pattern in _rules_for(text):
                text = pattern.sub(partial(self._replace, kind=kind, place=place), text)
            text = self._encoded(text, place, 0)
            if text == before:
                break
            # What was just learned may stand earlier in the same text, and a word may begin where another was masked.
        return text

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        """Return a JSON-like value with its strings masked; `within` is the key it stands under.

        Keys of an `env` map decide too: a value under a secret-looking name is masked whatever it
        looks like. Empty strings stay empty, since "sent, but empty" is evidence.
        """
        learned, self._in_key = self._learned, False
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
            named = self._named(value, within)
            return {
                self._key(str(key), place): self._forced(item, _kind_of, place, within)
                if named and key in _VALUES
                else self._entry(str(key), item, place, within)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return self._several(value, place, within)
        return self._line(value, place) if isinstance(value, str) else value

    def _several(self, values: list[Any] | tuple[Any, ...], place: str, within: str) -> list[Any]:
        """A list; `NAME=value` of an environment and what follows a `--password` are told by their neighbours."""
        masked, flag = [], False
        for item in values:
            if not isinstance(item, str):
                masked.append(self._value(item, place, within))
            elif flag and not item.startswith("-"):
                masked.append(self._forced(item, _kind_of, place, within))
            else:
                name, equals, rest = item.partition("=")
                if equals and within.lower() in _ENVIRONMENT and len(name) <= 200 and _ENV_SECRET.search(name):
                    masked.append(f"{self.text(name, place)}={self._forced(rest, _kind_of, place, within)}")
                else:
                    masked.append(self._line(item, place))
            flag = isinstance(item, str) and len(item) <= 100 and _FLAG.fullmatch(item) is not None
        return masked

    def _line(self, text: str, place: str) -> str:
        """A text among others: a key that is printed line by line is in none of them as a whole."""
        if self._in_key and (line := _KEY_LINE.fullmatch(text)) and not _COMMON.fullmatch(line["secret"]):
            return self._mask("private-key", line["secret"], place)
        if "PRIVATE KEY" in text:
            self._in_key = text.rfind("-----BEGIN") > text.rfind("-----END")
        return self.text(text, place)

    @staticmethod
    def _named(value: Mapping[Any, Any], within: str) -> bool:
        """Is this `{"name": "API_KEY", "value": …}`, a name that tells beside its value?"""
        name = next((value[key] for key in _NAMED if isinstance(value.get(key), str)), None)
        if name is None or len(name) > 200 or not any(key in value for key in _VALUES):
            return False
        telling = _ALWAYS_SECRET.fullmatch(_snake(name)) or (name.isupper() and _ENV_SECRET.search(name))
        return bool(telling or (within.lower() in _ENVIRONMENT and _ENV_SECRET.search(name)))

    def _key(self, key: str, place: str) -> str:
        """Keys are masked by their looks only: a known value that is also the name of a field must not rename it."""
        return key if re.fullmatch(r"[A-Za-z_]{1,40}", key) else self.text(key, place)

    def _entry(self, key: str, item: Any, place: str, within: str) -> Any:
        kind: Callable[[str], str] | None = None
        short = key[:200]
        inside = within.lower() in _ENVIRONMENT
        if _USER_ID.match(short):
            kind = _user_id
        elif _ALWAYS_SECRET.fullmatch(_snake(short)) or (inside and _ENV_SECRET.search(short)):
            kind = _kind_of
        below = within if inside else key
        return self._value(item, place, below) if kind is None else self._forced(item, kind, place, below)

    def _forced(self, item: Any, kind: Callable[[str], str], place: str, key: str) -> Any:
        """Mask whatever stands under a key that tells: texts, numbers, and lists of them."""
        if isinstance(item, list | tuple):
            return [self._forced(one, kind, place, key) for one in item]
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            return self._value(item, place, key)
        text = str(item)
        return self._mask(kind(text), text, place) if text and not _PLACEHOLDER.fullmatch(text) else item

    def _escaped(self, text: str, place: str) -> str:
        """Mask what only shows when the escapes in the text are undone; what is no secret stays as it is written."""
        done, at = [], 0
        for begin, end in _around_escapes(text):
            done += [text[at:begin], self._unescaped(text[begin:end], place, begin > 0, end < len(text))]
            at = end
        return "".join((*done, text[at:])) if done else text

    def _unescaped(self, text: str, place: str, more_before: bool, more_behind: bool) -> str:
        """The same for a part of a text; what reaches over its borders is left to the rules for plain text."""
        plain, begins, origins, at = [], [0], [0], 0
        length = 0
        for escape in _ESCAPE.finditer(text):
            literal, char = text[at : escape.start()], _char(escape)
            plain += [literal, char]
            length, at = length + len(literal) + len(char), escape.end()
            begins.append(length)
            origins.append(at)
        plain.append(text[at:])

        def origin(index: int) -> int:
            part = bisect_right(begins, index) - 1
            return origins[part] + index - begins[part]

        decoded, done, at = "".join(plain), [], 0
        for start, end, kind in self._spans(decoded):
            if (start or not more_before) and (end < len(decoded) or not more_behind):
                done += [text[at : origin(start)], self._mask(kind, decoded[start:end], place)]
                at = origin(end)
        return "".join((*done, text[at:])) if done else text

    def _spans(self, text: str) -> list[tuple[int, int, str]]:
        """Where secrets stand in the text, and of which type; spans do not overlap."""
        found = [*self._known_spans(text)]
        for kind, pattern in _rules_for(text):
            for match in pattern.finditer(text):
                group = _group(match)
                if kind == "private-key" or not _PLACEHOLDER.search(match[group]):
                    found.append((*match.span(group), kind))
        apart: list[tuple[int, int, str]] = []
        for start, end, kind in sorted(found, key=lambda one: (one[0], -one[1])):
            if apart and start < apart[-1][1]:
                apart[-1] = (apart[-1][0], max(end, apart[-1][1]), apart[-1][2])
            else:
                apart.append((start, end, kind))
        return apart

    def _encoded(self, text: str, place: str, depth: int) -> str:
        """Mask base64 and hex that hold a secret; a picture's data keeps its form, where it can."""
        done, at = [], 0
        for match in _RUN.finditer(text):
            run = match[0]
            if run.islower() and not _HEX.search(run):
                continue
            if not self._holds(run, depth):
                continue
            done.append(text[at : match.start()])
            at = match.end()
            done.append(
                self._repacked(run, place)
                if text.endswith("base64,", 0, match.start())
                else self._mask("encoded", run, place)
            )
        return "".join((*done, text[at:])) if done else text

    def _holds(self, run: str, depth: int) -> bool:
        """Does this, decoded, show a secret?"""
        for readable in _decodings(run):
            if self._spans(readable):
                return True
            if depth < _NESTED and (
                self._escaped_spans(readable)
                or any(
                    self._holds(inner[0], depth + 1)
                    for inner in _RUN.finditer(readable)
                    if not inner[0].islower() or _HEX.search(inner[0])
                )
            ):
                return True
        return False

    def _escaped_spans(self, text: str) -> bool:
        return bool(_ESCAPE.search(text)) and bool(self._spans(_ESCAPE.sub(_char, text)))

    def _repacked(self, run: str, place: str) -> str:
        """The data of a picture or page that is text itself, masked and encoded again."""
        try:
            inside = base64.b64decode(run, validate=True).decode("utf-8")
        except (ValueError, binascii.Error):
            return self._mask("encoded", run, place)
        return base64.b64encode(self.text(inside, place).encode()).decode()

    def _known_spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where known values stand: the first characters of each are looked up, then the longest that fits counts.

        Some are searched one by one, which is fast; for many, position by position, which does not depend
        on their number: an app with a machine for each user has thousands of ids.
        """
        if len(self._searched) > _FEW:
            last = len(text) - _SEARCHED_FROM
            places: Iterable[int] = (at for at in range(last + 1) if text[at : at + _SEARCHED_FROM] in self._searched)
        else:
            places = sorted(at for start in self._searched for at in _occurrences(start, text))
        free = 0
        for at in places:
            names = self._searched[text[at : at + _SEARCHED_FROM]]
            value = next((value for value in names if text.startswith(value, at)), "") if at >= free else ""
            if value:
                yield at, at + len(value), _kind_in(names[value])
                free = at + len(value)

    def _known(self, text: str, place: str) -> str:
        """Replace known values, the longest first, and never inside of a placeholder."""
        if not self._searched or len(text) < _SEARCHED_FROM:
            return text
        if "#" not in text:
            return self._known_in(text, place)
        parts = _PLACEHOLDERS.split(text)
        return "".join(part if odd % 2 else self._known_in(part, place) for odd, part in enumerate(parts))

    def _known_in(self, text: str, place: str) -> str:
        done, begun = [], 0
        for start, end, kind in self._known_spans(text):
            self._hits[kind, place] += 1
            done += [text[begun:start], self._searched[text[start : start + _SEARCHED_FROM]][text[start:end]]]
            begun = end
        return "".join((*done, text[begun:])) if done else text

    def _replace(self, match: re.Match[str], kind: str, place: str) -> str:
        group = _group(match)
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


def _rules_for(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The rules that could match: most texts hold none of the words that most rules need."""
    lowered = text.lower()
    return ((kind, pattern) for kind, needs, pattern in _RULES if any(word in lowered for word in needs))


def _group(match: re.Match[str]) -> str | int:
    return next((name for name in ("secret", "id") if match.groupdict().get(name)), 0)


def _occurrences(word: str, text: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _around_escapes(text: str) -> Iterator[tuple[int, int]]:
    """Parts of the text with something escaped in them, apart from quotation marks, which the rules know."""
    begin = end = -1
    for escape in _ESCAPE.finditer(text):
        if _char(escape) in ("'", '"'):
            continue
        if begin >= 0 and escape.start() - _NEAR > end:
            yield begin, end
            begin = -1
        begin = max(0, escape.start() - _NEAR) if begin < 0 else begin
        end = min(len(text), escape.end() + _NEAR)
    if begin >= 0:
        yield begin, end


def _char(escape: re.Match[str]) -> str:
    found = escape.groupdict()
    if found["slash"]:
        return "/"
    if found["decimal"]:
        return chr(int(found["decimal"]))
    code = next((found[name] for name in ("u", "b", "x", "url", "html") if found[name]), "")
    return chr(int(code, 16)) if code else ""


def _decodings(run: str) -> Iterator[str]:
    """What can be read in this run when it is base64 that begins at any of its first four characters, or hex."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    for begin in range(4):
        chunk = plain[begin:]
        chunk = chunk[:-1] if len(chunk) % 4 == 1 else chunk
        yield from _readable(binascii.a2b_base64(chunk + "=" * (-len(chunk) % 4)))
    for match in _HEX.finditer(run):
        yield from _readable(bytes.fromhex(match[0]))


def _readable(data: bytes) -> Iterator[str]:
    if data.startswith((b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01")):
        with suppress(zlib.error):
            data += zlib.decompressobj(47).decompress(data, _UNPACKED)
    found = b"\n".join(_READABLE.findall(data))
    if found:
        yield found.decode("ascii")


def _snake(key: str) -> str:
    """`dbPassword`, `X-Api-Key` and `api.key` as `db_password`, `x_api_key`, `api_key`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]+", "_", key).lower()


def _user_id(value: str) -> str:
    return "user-id"


def _kind_in(placeholder: str) -> str:
    return placeholder.strip("<>").removeprefix("secret:").partition("#")[0]


def _kind_of(value: str) -> str:
    """The type of a value that is masked because of its key: by its own looks where they tell."""
    for kind, _, pattern in _RULES:
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


def url_secrets(url: str) -> list[str]:
    """Passwords and keys that a URL carries, as they are written and as they are meant."""
    try:
        parts = urlsplit(url)
        password, query = parts.password or "", parse_qsl(parts.query)
    except ValueError:
        return []
    written = [password, *(value for name, value in query if re.fullmatch(_QUERY, name) or _ENV_SECRET.search(name))]
    return list(filter(None, dict.fromkeys((*written, *map(unquote, written)))))
