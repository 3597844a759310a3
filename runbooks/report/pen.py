"""What a Markdown document is written with: its sentences, footnotes, lists, actions, and how much it may say.

Lists rather than tables: a table of sentences can be read neither in a terminal nor in a chat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from runbooks.diagnose.model import Claim, Remedy
from runbooks.report import escape, inline


@dataclass(frozen=True, slots=True)
class Room:
    """How much is said before the rest is only counted: characters of a sentence and a command, things of a kind."""

    sentence: int
    command: int
    things: int
    moments: int
    exchanges: int


WHOLE = Room(sentence=escape.SENTENCE, command=40_000, things=60, moments=60, exchanges=6)
SHORT = Room(sentence=300, command=2_000, things=20, moments=30, exchanges=0)


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes for a document in which the numbers `known` lead to a heading."""

    known: Collection[str]
    room: Room = WHOLE

    def say(self, sentence: str, limit: int = 0) -> str:
        """One sentence of somebody else as one harmless line."""
        return inline.markdown(sentence, self.known, min(limit or self.room.sentence, self.room.sentence)).strip()

    def notes(self, numbers: Iterable[str]) -> str:
        return inline.markdown_notes(numbers, self.known)

    def noted(self, text: str, numbers: Iterable[str]) -> str:
        """A line that is written already, with its footnotes behind it."""
        return f"{text} {self.notes(numbers)}".rstrip()

    def claim(self, claim: Claim, limit: int = 0) -> str:
        return self.noted(self.say(claim.text, limit), claim.evidence)

    def claims(self, claims: Iterable[Claim], limit: int = 0) -> str:
        """Several in one paragraph, each ended by a full stop."""
        return " ".join(self.noted(stopped(self.say(c.text, limit)), c.evidence) for c in claims)

    def bullets(self, lines: Iterable[str], more: str = "more") -> str:
        return "\n".join(f"- {line}" for line in self.some(list(lines), f"{more}, see `report.html`"))

    def some(self, lines: Sequence[str], more: str) -> Iterator[str]:
        """As many as there is room for, and how many more there are."""
        yield from lines[: self.room.things]
        if len(lines) > self.room.things:
            yield cut(f"{len(lines) - self.room.things:,} {more}")

    def actions(self, remedies: Sequence[Remedy], numbered: bool = True) -> Iterator[str]:
        """A checklist whose boxes, owners and dates are for the reader to fill in."""
        for number, one in enumerate(remedies[: self.room.things], start=1):
            title = self.say(one.title, 300)
            yield f"- [ ] **{number}. {title}** (owner: ____, due: ____)" if numbered else f"- [ ] **{title}**"
            if one.why:
                yield indented(self.say(one.why))
            if one.commands:
                yield indented(escape.fence("\n".join(self._commands(one)), "sh"))
        if len(remedies) > self.room.things:
            yield cut(f"{len(remedies) - self.room.things:,} more, see `report.html`")

    def _commands(self, remedy: Remedy) -> Iterator[str]:
        for command in remedy.commands:
            yield escape.plain(command, self.room.command)


def stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":", "…")) else f"{sentence}."


def indented(block: str, width: int = 2) -> str:
    """A block that belongs to the list item before it, whose mark is `width` wide."""
    return "\n".join(" " * width + line if line else "" for line in block.split("\n"))


def cut(what: str) -> str:
    return f"… \\[cut: {what}\\]"


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of short cells, its columns also straight where nobody renders it."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * max(3, width) for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )
