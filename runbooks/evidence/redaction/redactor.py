"""Secrets are replaced where they enter, by typed and stable placeholders (`placeholders`).

Structured values are masked unless their key or their shape is known as harmless (`values`). In free text three
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
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runbooks.evidence.redaction.allowed import allowed_by_user
from runbooks.evidence.redaction.assigned import assigned_spans
from runbooks.evidence.redaction.encodings import ESCAPE, HEX, NESTED, RUN, decodings, escaped_spans, unescaped
from runbooks.evidence.redaction.forms import form_spans, kind_by_looks
from runbooks.evidence.redaction.layout import without_layout
from runbooks.evidence.redaction.opacity import opaque_spans
from runbooks.evidence.redaction.pictures import without_pixels
from runbooks.evidence.redaction.placeholders import PLACEHOLDERS, Hit, Placeholders, kind_in
from runbooks.evidence.redaction.positions import positioned_spans
from runbooks.evidence.redaction.prepared import Prepared
from runbooks.evidence.redaction.providers import provider_spans
from runbooks.evidence.redaction.spans import apart
from runbooks.evidence.redaction.tables import table_spans
from runbooks.evidence.redaction.values import FIELD, ValueMask

PASSES = 5
# A value that long is masked also where it is said again just behind, before other rules take it to pieces.
_SAID_AGAIN, _NEAR = 16, 2_000
# Lists of machines repeat most of their short texts: so many of that length are remembered.
_LEAF, _LEAVES = 200, 20_000
# Too short, or too plain, for any rule: words, numbers, times, addresses, ids of machines and their instances.
_PLAIN = re.compile(
    r"(?!fo1_|fm[12]|xox)[a-z0-9_.-]{0,15}|[A-Z][a-z]{0,14}|[a-z]{0,40}|[\d.:]{0,20}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}"
    r"|\d{4}-\d\d-\d\d[T ][\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)?|01[A-Z][0-9A-Z]{22,23}"
)


class Redactor(Placeholders):
    """Masks everything that passes through it and counts what it masked."""

    def __init__(self) -> None:
        super().__init__()
        self._leaves: dict[str, int] = {}  # short texts that were clean, with how much was known then
        self._clean: dict[tuple[bool, bytes], int] = {}  # the same for longer ones, by their digests
        self._laid_out = False
        self._shown = allowed_by_user()

    def allow(self, *words: str) -> None:
        """Names of the investigation itself: random letters among them are no secret, and where one stands under a
        secret-looking key, only that place is masked."""
        self.spared.update(words)

    def hides(self, data: str) -> bool:
        """Does this base64, decoded, show a secret? For pictures, whose data is not searched as text.

        What is no base64 is no picture, and may hide anything.
        """
        try:
            picture = base64.b64decode("".join(data.split()), validate=True)
        except ValueError:
            return True
        return self._holds(base64.b64encode(without_pixels(picture)).decode("ascii"), 0)

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
        learned = self.known.learned
        if self.judged(text):
            return text
        bare = self._without_layout(text)
        if len(bare) < len(text) and not self._shown_by(bare):
            self._remember(text, learned)
            return text
        masked = self._once(text, place)
        if masked == text:
            self._remember(text, learned)
        clean: set[str] = set()
        for _ in range(PASSES):
            if masked == text:
                break
            since, learned = learned, self.known.learned
            # What was just learned may stand elsewhere in the text, and a word may begin where another was masked.
            text, done, at = masked, [], 0
            known = list(self.known.spans(text, since))
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

    def judged(self, text: str) -> bool:
        """Was this very text clean before, and is it still? A word, a number, a time or an id always was."""
        if len(text) <= _LEAF:
            since = self._leaves.get(text, 0 if _PLAIN.fullmatch(text) else None)
        else:
            since = self._clean.get((self._laid_out, _digest(text)))
        return since is not None and not any(True for _ in self.known.spans(text, since))

    def _remember(self, text: str, learned: int) -> None:
        """The text was clean when so much was known."""
        if len(text) > _LEAF:
            self._clean[self._laid_out, _digest(text)] = learned
        elif not self._laid_out and len(self._leaves) < _LEAVES:
            self._leaves[text] = learned

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
        found = [(a, b, kind_in(self.known.name(text[a:b])), text[a:b]) for a, b in inside if b <= end]
        return self._replaced(
            text[begin:end], [(a - begin, b - begin, kind, said) for a, b, kind, said in found], place
        )

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        """Return a JSON-like value with its strings masked; `within` is the key it stands under.

        Keys of an `env` map decide too: a value there is masked unless its name or its shape is known as harmless.
        Empty strings stay empty, since "sent, but empty" is evidence.
        """
        return self._masked(self._values(place), value, place, within)

    def _masked(self, values: ValueMask, value: Any, place: str, within: str = "") -> Any:
        learned = self.known.learned
        masked = values.value(value, within)
        return masked if self.known.learned == learned else self._known_in(masked, place, learned)

    def _known_in(self, value: Any, place: str, since: int) -> Any:
        """The same, which every rule has seen, without what was learnt on the way."""
        if isinstance(value, Mapping):
            return {
                key if FIELD.fullmatch(key) else self._known_in(key, place, since): item
                if key[:200].lower() in self._shown
                else self._known_in(item, place, since)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._known_in(item, place, since) for item in value]
        if not isinstance(value, str):
            return value
        known = list(self.known.spans(value, since))
        return self._search(value, 0, len(value), known, place) if known else value

    def row(self, row: Mapping[str, Any], place: str, known: Collection[str] = ()) -> dict[str, Any]:
        """A row of a database: a column that is not `known` is masked unless its name, shape or prose is harmless."""
        values = self._values(place, known)
        strict = {
            name: values.forced(item, kind_by_looks, name)
            for name, item in row.items()
            if name not in known and isinstance(item, str) and values.unmapped(name, item)
        }
        masked: dict[str, Any] = self._masked(values, {**row, **strict}, place)
        return masked

    def _values(self, place: str, mapped: Collection[str] = ()) -> ValueMask:
        return ValueMask(self, self.text, place, self._shown, frozenset(mapped))

    def knows_in(self, text: str) -> bool:
        """Does a value that is known to be secret stand in this text? No rule is tried."""
        return any(True for _ in self.known.spans(text))

    def scan(self, text: str) -> list[Hit]:
        """What is still in the clear in this text. An empty list is the only good answer."""
        if self.judged(text):
            return []
        bare = self._without_layout(text)
        hits = self._shown_by(bare)
        if hits and len(bare) < len(text):
            hits = self._shown_by(text)
        if not hits:
            self._remember(text, self.known.learned)
        return hits

    def _without_layout(self, text: str) -> str:
        """What is to be judged of a text: all of it, if a known value stands anywhere in it."""
        bare = without_layout(text)
        return text if len(bare) < len(text) and self.knows_in(text) else bare

    def _shown_by(self, text: str) -> list[Hit]:
        """What this shows, asked of another redactor that knows the same, so that nothing is counted here."""
        probe = Redactor()
        probe.take_over(self)
        probe._laid_out = self._laid_out
        probe.text(text, "scan")
        return probe.hits

    def _spans(self, text: str) -> list[tuple[int, int, str]]:
        """Where secrets stand in the text, and of which type; spans do not overlap, and none touches a placeholder."""
        bare = PLACEHOLDERS.sub(lambda match: "\0" * len(match[0]), text) if "#" in text else text
        found = [(a, b, "") for a, b in self.known.spans(bare)]
        prepared = Prepared(bare)
        found += form_spans(prepared)
        found += provider_spans(prepared)
        for a, b in assigned_spans(prepared):
            found.append((a, b, "value"))
            if b - a >= _SAID_AGAIN and (again := bare.find(bare[a:b], b, b + _NEAR)) >= 0:
                found.append((again, again + b - a, "value"))
        found += [(a, b, "value") for a, b in positioned_spans(prepared)]
        found += [(a, b, "value") for a, b in table_spans(prepared)]
        for a, b in opaque_spans(prepared):
            if bare[a:b] in self.spared:
                continue
            if not self._laid_out or any(bare[a:b] in value for value in self.names):
                found.append((a, b, "opaque"))
        spans = apart([one for one in found if "\0" not in bare[one[0] : one[1]] or one[2] == "private-key"], bare)
        return [(a, b, kind or self._known_kind(text[a:b])) for a, b, kind in spans]

    def _known_kind(self, written: str) -> str:
        name = self.known.name(written)
        return kind_in(name) if name else "value"

    def _replaced(self, text: str, spans: list[tuple[int, int, str, str]], place: str) -> str:
        done, at = [], 0
        for start, end, kind, meant in spans:
            done += [text[at:start], self.mask(kind, meant, place)]
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
                else self.mask("encoded", run, place)
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
            return self.mask("encoded", run, place)
        return base64.b64encode(self.text(inside, place).encode()).decode()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


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
