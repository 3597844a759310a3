"""Secrets are replaced where they enter, by typed and stable placeholders.

`<secret:fly-token#1>` is the first Fly token met in this investigation; the same value always gets
the same placeholder, so that "equal or not" survives the masking. Placeholders hold no character
that needs escaping in JSON, and no rule matches them, so redaction is idempotent.

Structured values are masked unless their key or their shape is known as harmless (`allowed`). In free text three
things tell a secret: a name before it (`names`), its form (`forms`, `providers`), or that it is random and nothing
explains it (`opacity`). A text is read as it stands, then with its escapes undone (JSON, URL, HTML, terminal
colours), then with whatever looks like base64 or hex decoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from runbooks.evidence.redaction.allowed import (
    COMMANDS,
    COMMON,
    ENVIRONMENT,
    allowed_by_user,
    code_follows,
    harmless_key,
    harmless_leaf,
    harmless_shape,
)
from runbooks.evidence.redaction.encodings import ESCAPE, HEX, NESTED, RUN, decodings, escaped_spans, unescaped
from runbooks.evidence.redaction.forms import BY_LOOKS, FORMS, PERSONAL, form_spans, kind_by_looks
from runbooks.evidence.redaction.known import SEARCHED_FROM, KnownValues
from runbooks.evidence.redaction.names import Strength, assigned_spans, is_secret_under, snake_case, strength_of
from runbooks.evidence.redaction.opacity import is_random, opaque_spans
from runbooks.evidence.redaction.positions import positioned_spans
from runbooks.evidence.redaction.prepared import Prepared
from runbooks.evidence.redaction.providers import PROVIDER_KINDS, provider_spans
from runbooks.evidence.redaction.spans import apart

PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
PLACEHOLDERS = re.compile(r"((?:<|&lt;)(?:secret:)?[a-z-]+#\d+(?:>|&gt;))")
PASSES = 5
# Every type of placeholder that a rule can give; `add_secret` has names of its own.
KINDS = frozenset({kind for kind, _, _ in FORMS} | PROVIDER_KINDS | {"value", "opaque", "encoded"})
# What is masked because of its place alone is searched elsewhere only if it is made like a key or a password: text
# without a digit, or with the characters of markup and of sentences, is masked where it stands.
_SEARCHED = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_~!@#$%^*.-]{8,}")
# A value that long is masked also where it is said again just behind, before other rules take it to pieces.
_SAID_AGAIN, _NEAR = 16, 2_000
# Lists of machines repeat most of their short texts: so many of that length are remembered.
_LEAF, _LEAVES = 200, 20_000
# Too short, or too plain, for any rule: words, numbers, times, addresses, ids of machines and their instances.
_PLAIN = re.compile(
    r"(?!fo1_|fm[12]|xox)[a-z0-9_.-]{0,15}|[A-Z][a-z]{0,14}|[a-z]{0,40}|[\d.:]{0,20}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}"
    r"|\d{4}-\d\d-\d\d[T ][\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)?|01[A-Z][0-9A-Z]{22,23}"
)
_USER_ID = re.compile(r"(?i)^user_?id$")
_ENV_NAME = re.compile(r"[^\s<>]{1,200}")
_FIELD = re.compile(r"[A-Za-z_]{1,40}")
_VALUES = ("value", "values")
_NAMED = ("name", "key", "header", "env_var", "variable")
# One line of a key that was printed line by line.
_KEY_LINE = re.compile(r"\s*(?=[A-Za-z0-9+/]{0,76}[A-Z+/])(?P<secret>[A-Za-z0-9+/]{8,76}={0,2})\s*")
_ENV_SECRET = re.compile(r"(?i)url|key|pass(?:$|_|code)|webhook|auth(?!or)|dsn|conn(?:ection)?_?str")


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
        self._known = KnownValues()
        self._leaves: dict[str, int] = {}  # short texts that were clean, with how much was known then
        self._clean: set[tuple[int, bool, bytes]] = set()
        self._in_key = False
        self._laid_out = False
        self._spared: set[str] = set()
        self._mapped: frozenset[str] = frozenset()  # columns of the row that is masked just now
        self._shown = allowed_by_user()
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, str]] = Counter()

    def add_secret(self, value: str, kind: str) -> None:
        """Remember a secret that no pattern would recognise; shorter than 8 characters is refused."""
        if len(value) >= SEARCHED_FROM and not PLACEHOLDER.fullmatch(value):
            self._known.add(value, self._placeholder(kind, value))

    def allow(self, *words: str) -> None:
        """Names of the investigation itself: random letters among them are no secret, and where one stands under a
        secret-looking key, only that place is masked."""
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

    def behind(self, masked: str) -> list[tuple[str, str, bool]]:
        """For `adopt`, and nowhere else: the placeholders of a text that this redactor masked, each with its value.

        Returns:
            placeholder, value, and whether the value is searched in texts; in the order of the text
        """
        values = {name: value for value, name in self._names.items()}
        names = dict.fromkeys(match[0] for match in PLACEHOLDER.finditer(masked))
        return [(name, values[name], bool(self._known.name(values[name]))) for name in names if name in values]

    def adopt(self, masked: str, behind: Iterable[tuple[str, str, bool]], place: str) -> str:
        """A text that another redactor masked, with the placeholders that its values have here."""
        own = {}
        for name, value, searched in behind:
            own[name] = self._known.name(value) or self._placeholder(_kind_in(name), value)
            if searched:
                self._known.add(value, own[name])

        def replaced(match: re.Match[str]) -> str:
            name = own.get(match[0], match[0])
            self._hits[_kind_in(name), place] += 1
            return name

        return PLACEHOLDER.sub(replaced, masked)

    @contextmanager
    def laid_out(self) -> Iterator[Redactor]:
        """For a table that was broken into lines: a piece of a long name looks random, and says nothing by itself.

        The same content in another form has to be masked before with every rule: a token that was masked there, or a
        piece of it, is masked here as well.
        """
        self._laid_out = True
        try:
            yield self
        finally:
            self._laid_out = False

    def text(self, text: str, place: str = "text") -> str:
        """Return the text with every known value and every match replaced."""
        if not text.isascii():
            # Half of a surrogate pair can be had from JSON, but not be written to any file.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        learned = self._known.learned
        if len(text) <= _LEAF and self._is_clean(text):
            return text
        masked = self._once(text, place)
        if masked == text and len(text) <= _LEAF and not self._laid_out and len(self._leaves) < _LEAVES:
            self._leaves[text] = learned
        clean: set[str] = set()
        for _ in range(PASSES):
            if masked == text:
                break
            since, learned = learned, self._known.learned
            # What was just learned may stand elsewhere in the text, and a word may begin where another was masked.
            text, done, at = masked, [], 0
            known = list(self._known.spans(text, since))
            for begin, end in _around_placeholders(text):
                part = text[begin:end]
                if part in clean:
                    continue  # nothing but what was learnt since can be in it
                once = self._once(part, place)
                if once == part:
                    clean.add(part)
                done += [self._search(text, at, begin, known, place), once]
                at = end
            masked = "".join((*done, self._search(text, at, len(text), known, place)))
        return masked

    def _is_clean(self, text: str) -> bool:
        """No rule applies to a short text that was clean before, or is no more than a word, number, time or id."""
        since = self._leaves.get(text, 0 if _PLAIN.fullmatch(text) else None)
        return since is not None and not any(True for _ in self._known.spans(text, since))

    def _once(self, text: str, place: str) -> str:
        spans = [(a, b, self._precise(kind, text[a:b]), text[a:b]) for a, b, kind in self._spans(text)]
        text = self._replaced(text, spans, place)
        text = self._replaced(text, list(escaped_spans(text, self._spans)), place)
        return self._encoded(text, place, 0)

    def _precise(self, kind: str, written: str) -> str:
        """A random token that is a secret in base64 is said to be one."""
        return "encoded" if kind == "opaque" and RUN.fullmatch(written) and self._holds(written, 0) else kind

    def _search(self, text: str, begin: int, end: int, known: list[tuple[int, int]], place: str) -> str:
        """A part that every rule has seen, and all that was known: what was learnt since is `known`, by its place."""
        inside = known[bisect_left(known, (begin, begin)) : bisect_left(known, (end, end))]
        found = [(a, b, _kind_in(self._known.name(text[a:b])), text[a:b]) for a, b in inside if b <= end]
        return self._replaced(
            text[begin:end], [(a - begin, b - begin, kind, said) for a, b, kind, said in found], place
        )

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        """Return a JSON-like value with its strings masked; `within` is the key it stands under.

        Keys of an `env` map decide too: a value there is masked unless its name or its shape is known as harmless.
        Empty strings stay empty, since "sent, but empty" is evidence.
        """
        learned, self._in_key = self._known.learned, False
        masked = self._value(value, place, within)
        return masked if self._known.learned == learned else self._known_in(masked, place, learned)

    def _known_in(self, value: Any, place: str, since: int) -> Any:
        """The same, which every rule has seen, without what was learnt on the way."""
        if isinstance(value, Mapping):
            return {
                key if _FIELD.fullmatch(key) else self._known_in(key, place, since): item
                if key[:200].lower() in self._shown
                else self._known_in(item, place, since)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._known_in(item, place, since) for item in value]
        if not isinstance(value, str):
            return value
        known = list(self._known.spans(value, since))
        return self._search(value, 0, len(value), known, place) if known else value

    def row(self, row: Mapping[str, Any], place: str, known: Collection[str] = ()) -> dict[str, Any]:
        """A row of a database: a column that is not `known` is masked unless its name, shape or prose is harmless."""
        strict = {
            name: self._forced(item, kind_by_looks, place, name)
            for name, item in row.items()
            if name not in known and isinstance(item, str) and self._unmapped(name, item)
        }
        self._mapped = frozenset(known)
        masked: dict[str, Any] = self.value({**row, **strict}, place)
        self._mapped = frozenset()
        return masked

    def knows_in(self, text: str) -> bool:
        """Does a value that is known to be secret stand in this text? No rule is tried."""
        return any(True for _ in self._known.spans(text))

    def scan(self, text: str) -> list[Hit]:
        """What is still in the clear in this text. An empty list is the only good answer."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        looked_at = (self._known.learned, self._laid_out, digest)
        if looked_at in self._clean:
            return []  # the same text, and no value was learnt since that could stand in it
        probe = Redactor()
        probe._names = dict(self._names)
        probe._known = self._known.copy()
        probe._spared = self._spared
        probe._counts = Counter(self._counts)
        probe._laid_out = self._laid_out
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
                self._key(str(key), place): self._forced(item, kind_by_looks, place, within)
                if named and key in _VALUES
                else self._entry(str(key), item, place, within)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return self._several(value, place, within)
        return self._line(value, place) if isinstance(value, str) else value

    def _several(self, values: list[Any] | tuple[Any, ...], place: str, within: str) -> list[Any]:
        """A list; `NAME=value` of an environment and what follows a `--password` are told by their neighbours."""
        masked: list[Any] = []
        flag = ""
        for item in values:
            if not isinstance(item, str):
                masked.append(self._value(item, place, within))
            elif flag and not item.startswith("-") and self._operand(flag, item, within):
                masked.append(self._forced(item, kind_by_looks, place, within))
            else:
                name, equals, rest = item.partition("=")
                told = equals and _ENV_NAME.fullmatch(name)
                inside = told and within.lower() in ENVIRONMENT and self._telling(name, rest)
                argument = told and name.startswith("-") and rest and self._operand(name, rest, within)
                if inside or argument:
                    masked.append(f"{self.text(name, place)}={self._forced(rest, kind_by_looks, place, within)}")
                elif snake_case(within) in COMMANDS or within.lower() in ENVIRONMENT:
                    masked.append(self._line(item, place))
                elif self._shows(within, item):
                    masked.append(self._leaf(item, place, within))
                else:
                    masked.append(self._forced(item, kind_by_looks, place, within))
            flag = item if isinstance(item, str) and item.startswith("-") and len(item) <= 100 else ""
        return masked

    def _operand(self, flag: str, value: str, within: str) -> bool:
        """Has what follows a flag to be masked? In a command line unless flag or shape are harmless."""
        name = flag.strip("-")
        if code_follows(flag) or "=" in flag or name.lower() in self._shown:
            return False
        if strength_of(name) is not Strength.NONE:
            return True
        if len(flag) == 2 and flag[1] not in "pauwkP" and re.fullmatch(r"[a-z_]{1,40}", value):
            return False
        strict = snake_case(within) in COMMANDS and not value.startswith(("/", "./"))
        return strict and len(name) > 0 and not (harmless_key(name) or harmless_shape(value) or _looks_named(value))

    def _leaf(self, item: str, place: str, key: str) -> str:
        """A text that may stay. What is left of a sentence beside a secret may be a token that may not."""
        masked = self._line(item, place)
        told = masked != item and not self._shows(key, masked)
        return str(self._forced(masked, kind_by_looks, place, key)) if told else masked

    def _line(self, text: str, place: str) -> str:
        """A text among others: a key that is printed line by line is in none of them as a whole."""
        if self._in_key and (line := _KEY_LINE.fullmatch(text)) and not COMMON.fullmatch(line["secret"]):
            return self._mask("private-key", line["secret"], place)
        if "PRIVATE KEY" in text:
            self._in_key = text.rfind("-----BEGIN") > text.rfind("-----END")
        return self.text(text, place)

    def _named(self, value: Mapping[Any, Any], within: str) -> bool:
        """Is this `{"name": "API_KEY", "value": …}`, a name that tells beside its value?"""
        name = next((value[key] for key in _NAMED if isinstance(value.get(key), str)), None)
        if name is None or len(name) > 200 or PLACEHOLDERS.search(name) or not any(key in value for key in _VALUES):
            return False
        if within.lower() in ENVIRONMENT:
            return self._telling(name, next(str(value[key]) for key in _VALUES if key in value))
        return strength_of(name) is Strength.STRONG or (strength_of(name) is Strength.WEAK and name.isupper())

    def _telling(self, name: str, value: str) -> bool:
        """Has the value under this name of an environment to be masked? Unless name or shape are harmless, yes."""
        if name.lower() in self._shown:
            self._hits["allowed", name] += 1
            return False
        strength = strength_of(name)
        if strength is not Strength.NONE or _ENV_SECRET.search(name):
            return True
        return not (harmless_key(name) or harmless_shape(value) or value in self._spared)

    def _shows(self, key: str, item: str) -> bool:
        """May a text of an answer stay, as far as its key and its shape go?"""
        return (
            key in self._mapped or item in self._spared or (harmless_leaf(key, item) and not is_secret_under(key, item))
        )

    def _unmapped(self, name: str, item: str) -> bool:
        prose = len(item.split()) > 1 or item[:1] in ("{", "[")
        return not prose and not item.isalpha() and "://" not in item and self._telling(name, item)

    def _key(self, key: str, place: str) -> str:
        """Keys are masked by their looks only: a known value that is also the name of a field must not rename it."""
        return key if _FIELD.fullmatch(key) else self.text(key, place)

    def _entry(self, key: str, item: Any, place: str, within: str) -> Any:
        kind: Callable[[str], str] | None = None
        short = key[:200]
        inside = within.lower() in ENVIRONMENT
        if _USER_ID.match(short):
            kind = _user_id
        elif short.lower() in self._shown:
            self._hits["allowed", short] += 1
            return item
        elif (
            strength_of(short) is Strength.STRONG
            or (
                inside
                and (isinstance(item, str) or strength_of(short) is not Strength.NONE)
                and self._telling(short, str(item))
            )
            or (isinstance(item, str) and not inside and not self._shows(short, item))
        ):
            kind = kind_by_looks
        below = within if inside else key
        if kind is None and isinstance(item, str) and not inside:
            return self._leaf(item, place, short)
        return self._value(item, place, below) if kind is None else self._forced(item, kind, place, below)

    def _forced(self, item: Any, kind: Callable[[str], str], place: str, key: str) -> Any:
        """Mask whatever stands under a key that tells: texts, numbers, and lists of them."""
        if isinstance(item, list | tuple):
            return [self._forced(one, kind, place, key) for one in item]
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            return self._value(item, place, key)
        text = str(item)
        return self._mask(kind(text), text, place) if text and not PLACEHOLDER.fullmatch(text) else item

    def _spans(self, text: str) -> list[tuple[int, int, str]]:
        """Where secrets stand in the text, and of which type; spans do not overlap, and none touches a placeholder."""
        bare = PLACEHOLDERS.sub(lambda match: "\0" * len(match[0]), text) if "#" in text else text
        found = [(a, b, "") for a, b in self._known.spans(bare)]
        prepared = Prepared(bare)
        found += form_spans(prepared)
        found += provider_spans(prepared)
        for a, b in assigned_spans(prepared):
            found.append((a, b, "value"))
            if b - a >= _SAID_AGAIN and (again := bare.find(bare[a:b], b, b + _NEAR)) >= 0:
                found.append((again, again + b - a, "value"))
        found += [(a, b, "value") for a, b in positioned_spans(prepared)]
        for a, b in opaque_spans(prepared):
            if bare[a:b] in self._spared:
                continue
            if not self._laid_out or any(bare[a:b] in value for value in self._names):
                found.append((a, b, "opaque"))
        spans = apart([one for one in found if "\0" not in bare[one[0] : one[1]] or one[2] == "private-key"], bare)
        return [(a, b, kind or self._known_kind(text[a:b])) for a, b, kind in spans]

    def _known_kind(self, written: str) -> str:
        name = self._known.name(written)
        return _kind_in(name) if name else "value"

    def _replaced(self, text: str, spans: list[tuple[int, int, str, str]], place: str) -> str:
        done, at = [], 0
        for start, end, kind, meant in spans:
            done += [text[at:start], self._mask(kind, meant, place)]
            at = end
        return "".join((*done, text[at:])) if done else text

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
        for readable in decodings(run):
            if self._spans(readable):
                return True
            if depth < NESTED and (
                (ESCAPE.search(readable) and self._spans(unescaped(readable)))
                or any(
                    self._holds(inner[0], depth + 1)
                    for inner in RUN.finditer(readable)
                    if not inner[0].islower() or HEX.search(inner[0])
                )
            ):
                return True
        return False

    def _repacked(self, run: str, place: str) -> str:
        """The data of a picture or page that is text itself, masked and encoded again."""
        try:
            inside = base64.b64decode(run, validate=True).decode("utf-8")
        except (ValueError, binascii.Error):
            return self._mask("encoded", run, place)
        return base64.b64encode(self.text(inside, place).encode()).decode()

    def _mask(self, kind: str, value: str, place: str) -> str:
        self._hits[kind, place] += 1
        name = self._placeholder(kind, value)
        if (
            len(value) >= SEARCHED_FROM
            and kind not in BY_LOOKS
            and value not in self._spared
            and (not COMMON.fullmatch(value) or (value.isalpha() and is_random(value, SEARCHED_FROM)))
            and (kind != "value" or _SEARCHED.fullmatch(value) or is_random(value, SEARCHED_FROM))
        ):
            self._known.add(value, name)
        return name

    def _placeholder(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] += 1
            prefix = "" if kind in PERSONAL else "secret:"
            self._names[value] = f"<{prefix}{kind}#{self._counts[kind]}>"
        return self._names[value]


def _around_placeholders(text: str) -> list[tuple[int, int]]:
    """The lines in which something was masked, with one before and one behind."""
    found: list[tuple[int, int]] = []
    for match in PLACEHOLDERS.finditer(text):
        if found and match.end() <= found[-1][1]:
            continue
        begin = text.rfind("\n", 0, max(0, text.rfind("\n", 0, match.start()))) + 1
        end = text.find("\n", match.end())
        end = text.find("\n", end + 1) if end >= 0 else -1
        end = len(text) if end < 0 else end
        if found and begin <= found[-1][1]:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _looks_named(value: str) -> bool:
    """A module, a class, a script, a header: what a program is told to run or to say."""
    return " " in value or re.fullmatch(r"[A-Za-z_]\w{0,40}(?:[.:][A-Za-z_]\w{0,40}){1,8}", value) is not None


def _user_id(value: str) -> str:
    return "user-id"


def _kind_in(placeholder: str) -> str:
    return placeholder.strip("<>").removeprefix("secret:").partition("#")[0]
