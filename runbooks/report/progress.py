"""What a notebook shows while the case collects: token scope, one sign a question, and the verdict so far.

Collecting takes seconds, with a slow or dead network up to two minutes; the user should see that it goes on.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Observation, Reason
from runbooks.report import escape
from runbooks.report.conclusions import token_scope

SIGNS = {"seen": "✓", "absent": "✗", "could-not-look": "?"}
_EYES = ("caller", "token", "token-inside")
_TELLING = ("logs", "image-ran", "record")
"""After these the verdict so far is worth a word: log, image and row are what most causes rest on."""
_WIDE = 100


@dataclass
class Progress:
    """Call it with each observation and a function that returns the evidence so far. It only prints."""

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    _held: list[Observation] = field(default_factory=list)
    _told: str = ""
    _column: int = 0

    def __call__(self, observation: Observation, so_far: Callable[[], Evidence]) -> None:
        if observation.facet.slug in _EYES:
            self._held.append(observation)
            return
        if self._held:
            self._line(token_scope(so_far()))
            self._line("✓ answered  ✗ answered: there is none  ? not checked")
            held, self._held = self._held, []
            for earlier in held:
                self._sign(earlier)
        self._sign(observation)
        if observation.facet.slug in _TELLING:
            self._so_far(so_far())

    def announce(self, sentence: str) -> None:
        """What is about to be changed at Fly, on a line of its own."""
        self._line(escape.line(sentence, 300))

    def end(self) -> None:
        """The line is closed, whatever was asked last."""
        for observation in self._held:
            self._sign(observation)
        self._line("")

    def _sign(self, observation: Observation) -> None:
        again = " again" if observation.facet.is_repeat else ""
        sign = "–" if observation.code is Reason.NOT_KEPT else SIGNS[observation.outcome.value]
        word = f"{sign} {observation.facet.slug}{again}  "
        if self._column + len(word) > _WIDE:
            self._line("")
        self.stream.write(word)
        self.stream.flush()
        self._column += len(word)

    def _so_far(self, evidence: Evidence) -> None:
        found = diagnose(evidence)
        if found.cause and found.cause.slug != self._told:
            self._told = found.cause.slug
            self._line(f"So far: {found.cause.slug}, {found.cause.confidence}. {escape.line(found.headline, 300)}")

    def _line(self, text: str) -> None:
        told = "".join(f"{line}\n" for line in textwrap.wrap(text, _WIDE, subsequent_indent="  "))
        self.stream.write(("\n" if self._column else "") + told)
        self.stream.flush()
        self._column = 0
