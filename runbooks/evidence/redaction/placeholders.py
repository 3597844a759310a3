"""What stands for the values that are masked: the same value always gets the same placeholder.

`<secret:fly-token#1>` is the first Fly token met in this investigation, so that "equal or not" survives the masking.
Placeholders hold no character that needs escaping in JSON, and no rule matches them, so redaction is idempotent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from runbooks.evidence.redaction.allowed import COMMON
from runbooks.evidence.redaction.forms import BY_LOOKS, FORMS, PERSONAL
from runbooks.evidence.redaction.known import SEARCHED_FROM, KnownValues
from runbooks.evidence.redaction.opacity import is_random
from runbooks.evidence.redaction.providers import PROVIDER_KINDS

PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")
PLACEHOLDERS = re.compile(r"((?:<|&lt;)(?:secret:)?[a-z-]+#\d+(?:>|&gt;))")
# Every type of placeholder that a rule can give; `add_secret` has names of its own.
KINDS = frozenset({kind for kind, _, _ in FORMS} | PROVIDER_KINDS | {"value", "opaque", "encoded"})
# What is masked because of its place alone is searched elsewhere only if it is made like a key or a password: text
# without a digit, or with the characters of markup and of sentences, is masked where it stands.
_SEARCHED = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_~!@#$%^*.-]{8,}")


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that had to be masked: which rule, where, how often. Never the value."""

    rule: str
    place: str
    count: int


class Placeholders:
    """The values that were masked, with what stands for each, and how often each rule masked something.

    Attributes:
        known: values that are searched in every text
        names: the placeholder of each value
        spared: names of the investigation itself, which are no secrets
    """

    def __init__(self) -> None:
        self.known = KnownValues()
        self.names: dict[str, str] = {}
        self.spared: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, str]] = Counter()

    def take_over(self, other: Placeholders) -> None:
        """Know what another one knows, without what it has masked."""
        self.known, self.names, self.spared = other.known.copy(), dict(other.names), other.spared
        self._counts = Counter(other._counts)

    def count(self, rule: str, place: str) -> None:
        """Count that a rule has decided about something."""
        self._hits[rule, place] += 1

    def add_secret(self, value: str, kind: str) -> None:
        """Remember a secret that no pattern would recognise; shorter than 8 characters is refused."""
        if len(value) >= SEARCHED_FROM and not PLACEHOLDER.fullmatch(value):
            self.known.add(value, self._name(kind, value))

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
        values = {name: value for value, name in self.names.items()}
        names = dict.fromkeys(match[0] for match in PLACEHOLDER.finditer(masked))
        return [(name, values[name], bool(self.known.name(values[name]))) for name in names if name in values]

    def adopt(self, masked: str, behind: Iterable[tuple[str, str, bool]], place: str) -> str:
        """A text that another redactor masked, with the placeholders that its values have here."""
        own = {}
        for name, value, searched in behind:
            own[name] = self.known.name(value) or self._name(kind_in(name), value)
            if searched:
                self.known.add(value, own[name])

        def replaced(match: re.Match[str]) -> str:
            name = own.get(match[0], match[0])
            self._hits[kind_in(name), place] += 1
            return name

        return PLACEHOLDER.sub(replaced, masked)

    @property
    def hits(self) -> list[Hit]:
        """All that was masked so far, by rule and place."""
        return [Hit(rule, place, count) for (rule, place), count in sorted(self._hits.items())]

    @property
    def masked(self) -> dict[str, int]:
        """Different values masked, by type."""
        return dict(sorted(self._counts.items()))

    def mask(self, kind: str, value: str, place: str) -> str:
        """What stands for a value from now on; it is searched in other texts if it is made like a secret."""
        self._hits[kind, place] += 1
        name = self._name(kind, value)
        if (
            len(value) >= SEARCHED_FROM
            and kind not in BY_LOOKS
            and value not in self.spared
            and (not COMMON.fullmatch(value) or (value.isalpha() and is_random(value, SEARCHED_FROM)))
            and (kind != "value" or _SEARCHED.fullmatch(value) or is_random(value, SEARCHED_FROM))
        ):
            self.known.add(value, name)
        return name

    def _name(self, kind: str, value: str) -> str:
        if value not in self.names:
            self._counts[kind] += 1
            prefix = "" if kind in PERSONAL else "secret:"
            self.names[value] = f"<{prefix}{kind}#{self._counts[kind]}>"
        return self.names[value]


def kind_in(placeholder: str) -> str:
    """The kind that a placeholder names."""
    return placeholder.strip("<>").removeprefix("secret:").partition("#")[0]
