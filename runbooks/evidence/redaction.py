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
import hashlib
import html
import json
import re
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from runbooks.base.settings import Settings
from runbooks.evidence.patterns import (
    ALWAYS_SECRET,
    BY_LOOKS,
    COMMON,
    ENV_SECRET,
    ENVIRONMENT,
    ESCAPE,
    FEW,
    FLAG,
    FROM_HERE,
    HEX,
    IN_NAMES,
    KEY_LINE,
    LONGEST,
    NAMED,
    NAMES,
    NEAR,
    NESTED,
    ODD,
    PASSES,
    PERSONAL,
    PLACEHOLDER,
    PLACEHOLDERS,
    QUERY,
    READABLE,
    RULES,
    RUN,
    SEARCHED_FROM,
    TELLING,
    UNPACKED,
    USER_ID,
    VALUES,
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
        self._clean: set[tuple[int, bytes]] = set()
        self._in_key = False
        self._spared: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, str]] = Counter()

    def add_secret(self, value: str, kind: str) -> None:
        """Remember a secret that no pattern would recognise; shorter than 8 characters is refused."""
        if len(value) >= SEARCHED_FROM and not PLACEHOLDER.fullmatch(value):
            self._search(value, self._placeholder(kind, value))

    def allow(self, *words: str) -> None:
        """Names of the investigation itself: where one stands under a secret-looking key, only that place is masked."""
        self._spared.update(words)

    def hides(self, data: str) -> bool:
        """Does this base64, decoded, show a secret? For pictures, whose data is not searched as text."""
        return self._holds("".join(data.split()), 0)

    def continue_numbering(self, text: str) -> None:
        """Number new placeholders after those that stand in a text which was masked before."""
        for match in PLACEHOLDER.finditer(text):
            kind, number = match.group(0).strip("<>").removeprefix("secret:").split("#")
            if len(number) < 10:  # a longer one is nobody's placeholder
                self._counts[kind] = max(self._counts[kind], int(number))

    def text(self, text: str, place: str = "text") -> str:
        """Return the text with every known value and every match replaced."""
        if not text.isascii():
            # Half of a surrogate pair can be had from JSON, but not be written to any file.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for _ in range(PASSES):
            before, text = text, self._escaped(self._known(text, place), place)
            for kind, pattern in _rules_for(text):
                text = _replaced(text, pattern, partial(self._replace, kind=kind, place=place))
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
        looked_at = (self._learned, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        if looked_at in self._clean:
            return []  # the same text, and no value was learnt since that could stand in it
        probe = Redactor()
        probe._names = dict(self._names)
        probe._searched = {start: dict(names) for start, names in self._searched.items()}
        probe._spared = self._spared
        probe._counts = Counter(self._counts)
        probe.text(text, "scan")
        if not probe.hits:
            self._clean.add(looked_at)
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
                if named and key in VALUES
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
                if equals and within.lower() in ENVIRONMENT and len(name) <= 200 and ENV_SECRET.search(name):
                    masked.append(f"{self.text(name, place)}={self._forced(rest, _kind_of, place, within)}")
                else:
                    masked.append(self._line(item, place))
            flag = isinstance(item, str) and len(item) <= 100 and FLAG.fullmatch(item) is not None
        return masked

    def _line(self, text: str, place: str) -> str:
        """A text among others: a key that is printed line by line is in none of them as a whole."""
        if self._in_key and (line := KEY_LINE.fullmatch(text)) and not COMMON.fullmatch(line["secret"]):
            return self._mask("private-key", line["secret"], place)
        if "PRIVATE KEY" in text:
            self._in_key = text.rfind("-----BEGIN") > text.rfind("-----END")
        return self.text(text, place)

    @staticmethod
    def _named(value: Mapping[Any, Any], within: str) -> bool:
        """Is this `{"name": "API_KEY", "value": …}`, a name that tells beside its value?"""
        name = next((value[key] for key in NAMED if isinstance(value.get(key), str)), None)
        if name is None or len(name) > 200 or not any(key in value for key in VALUES):
            return False
        telling = ALWAYS_SECRET.fullmatch(_snake(name)) or (name.isupper() and ENV_SECRET.search(name))
        return bool(telling or (within.lower() in ENVIRONMENT and ENV_SECRET.search(name)))

    def _key(self, key: str, place: str) -> str:
        """Keys are masked by their looks only: a known value that is also the name of a field must not rename it."""
        return key if re.fullmatch(r"[A-Za-z_]{1,40}", key) else self.text(key, place)

    def _entry(self, key: str, item: Any, place: str, within: str) -> Any:
        kind: Callable[[str], str] | None = None
        short = key[:200]
        inside = within.lower() in ENVIRONMENT
        if USER_ID.match(short):
            kind = _user_id
        elif ALWAYS_SECRET.fullmatch(_snake(short)) or (inside and ENV_SECRET.search(short)):
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
        return self._mask(kind(text), text, place) if text and not PLACEHOLDER.fullmatch(text) else item

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
        for escape in ESCAPE.finditer(text):
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
            for match in _matches(text, pattern):
                group = _group(match)
                if kind == "private-key" or not PLACEHOLDERS.search(match[group]):
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
        for match in RUN.finditer(text):
            run = match[0]
            if run.islower() and not HEX.search(run):
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
            if depth < NESTED and (
                self._escaped_spans(readable)
                or any(
                    self._holds(inner[0], depth + 1)
                    for inner in RUN.finditer(readable)
                    if not inner[0].islower() or HEX.search(inner[0])
                )
            ):
                return True
        return False

    def _escaped_spans(self, text: str) -> bool:
        return bool(ESCAPE.search(text)) and bool(self._spans(ESCAPE.sub(_char, text)))

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
        if len(self._searched) > FEW:
            last = len(text) - SEARCHED_FROM
            places: Iterable[int] = (at for at in range(last + 1) if text[at : at + SEARCHED_FROM] in self._searched)
        else:
            places = sorted(at for start in self._searched for at in _occurrences(start, text))
        free = 0
        for at in places:
            names = self._searched[text[at : at + SEARCHED_FROM]]
            value = next((value for value in names if text.startswith(value, at)), "") if at >= free else ""
            if value:
                yield at, at + len(value), _kind_in(names[value])
                free = at + len(value)

    def _known(self, text: str, place: str) -> str:
        """Replace known values, the longest first, and never inside of a placeholder."""
        if not self._searched or len(text) < SEARCHED_FROM:
            return text
        if "#" not in text:
            return self._known_in(text, place)
        parts = PLACEHOLDERS.split(text)
        return "".join(part if odd % 2 else self._known_in(part, place) for odd, part in enumerate(parts))

    def _known_in(self, text: str, place: str) -> str:
        done, begun = [], 0
        for start, end, kind in self._known_spans(text):
            self._hits[kind, place] += 1
            done += [text[begun:start], self._searched[text[start : start + SEARCHED_FROM]][text[start:end]]]
            begun = end
        return "".join((*done, text[begun:])) if done else text

    def _replace(self, match: re.Match[str], kind: str, place: str) -> str:
        group = _group(match)
        whole, secret = match.group(0), match.group(group)
        if kind != "private-key" and PLACEHOLDERS.search(secret):
            return whole
        start = match.start(group) - match.start(0)
        return whole[:start] + self._mask(kind, secret, place) + whole[start + len(secret) :]

    def _mask(self, kind: str, value: str, place: str) -> str:
        self._hits[kind, place] += 1
        name = self._placeholder(kind, value)
        if (
            len(value) >= SEARCHED_FROM
            and kind not in BY_LOOKS
            and value not in self._spared
            and not COMMON.fullmatch(value)
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
            start = form[:SEARCHED_FROM]
            names = self._searched.get(start, {})
            if form not in names:
                self._learned += 1
                self._searched[start] = dict(sorted((*names.items(), (form, name)), key=lambda one: -len(one[0])))

    def _placeholder(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] += 1
            prefix = "" if kind in PERSONAL else "secret:"
            self._names[value] = f"<{prefix}{kind}#{self._counts[kind]}>"
        return self._names[value]


def _rules_for(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The rules that could match: most texts hold none of the words that most rules need."""
    lowered = text.lower()
    return ((kind, pattern) for kind, needs, pattern in RULES if any(word in lowered for word in needs))


def _replaced(text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> str:
    """As `pattern.sub`."""
    done, at = [], 0
    for match in _matches(text, pattern):
        done += [text[at : match.start()], replace(match)]
        at = match.end()
    return "".join((*done, text[at:])) if done else text


def _matches(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """As `pattern.finditer`; a rule that begins with a name is tried only where one that tells may begin."""
    begins = _begins(text) if pattern in NAMES and len(text) >= FROM_HERE else None
    if begins is None:
        yield from pattern.finditer(text)
        return
    free = 0
    for begin in begins:
        if begin >= free and (match := pattern.match(text, begin)):
            yield match
            free = match.end()


@lru_cache(maxsize=1)
def _begins(text: str) -> list[int] | None:
    """Where in the text a name that tells may begin, or None where looking for that would not be worth it."""
    if any(letter in text for letter in ODD):
        return None
    small = text.lower()
    told = sorted({at for word in TELLING for at in _occurrences(word, small)})
    if len(told) > len(text) // 50:
        return None
    found, walked = set(), 0
    for at in told:
        begin, end = at, max(walked, at - LONGEST)
        while begin >= end:
            before = small[begin - 1] if begin else ""
            if before not in IN_NAMES:
                found.add(begin)
                if before != "-":
                    break
            begin -= 1
        walked = at
    return sorted(found)


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
    for escape in ESCAPE.finditer(text):
        if _char(escape) in ("'", '"'):
            continue
        if begin >= 0 and escape.start() - NEAR > end:
            yield begin, end
            begin = -1
        begin = max(0, escape.start() - NEAR) if begin < 0 else begin
        end = min(len(text), escape.end() + NEAR)
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
    for match in HEX.finditer(run):
        yield from _readable(bytes.fromhex(match[0]))


def _readable(data: bytes) -> Iterator[str]:
    if data.startswith((b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01")):
        with suppress(zlib.error):
            data += zlib.decompressobj(47).decompress(data, UNPACKED)
    found = b"\n".join(READABLE.findall(data))
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
    for kind, _, pattern in RULES:
        if kind in BY_LOOKS and pattern.fullmatch(value):
            return kind
    return "value"


def token_kind(token: str) -> str:
    """What a Fly token is, from its prefix (§6.2): derived before the token is masked."""
    parts = list(elements(token))
    if not parts:
        return "none"
    if any(re.match(r"fm[12]", part) for part in parts):
        return "macaroon"
    return "oauth" if parts[0].startswith("fo1_") else "unknown"


def strip_scheme(token: str) -> str:
    """Remove any `Bearer`/`FlyV1` in front, as often as they were put there (§1.1)."""
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
    written = [password, *(value for name, value in query if re.fullmatch(QUERY, name) or ENV_SECRET.search(name))]
    return list(filter(None, dict.fromkeys((*written, *map(unquote, written)))))


def secrets_of(settings: Settings) -> list[tuple[str, str]]:
    """Every credential among the settings, with its kind: what a redactor has to know before anything else."""
    urls = (settings.records_url.get_secret_value(), settings.status_url, settings.machines_url, settings.platform_url)
    found = [(element, "fly-token") for element in elements(settings.token.get_secret_value())]
    found += [(key.get_secret_value(), "supabase-key") for key in (settings.records_key, settings.supabase_token)]
    found += [(secret, "password") for url in (*urls, *settings.registries.values()) for secret in url_secrets(url)]
    return [(secret, kind) for secret, kind in found if secret]
