"""What happened, by source: every moment in its lane, numbered as in the table, the key ones labelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from runbooks.base.amount import amount
from runbooks.diagnose.model import Diagnosis, Moment
from runbooks.report import escape, times
from runbooks.report.charts import axis, lanes, text_metrics
from runbooks.report.charts.drawing import (
    DECISIVE,
    EDGE,
    INK,
    MARK,
    PAPER,
    SMALL,
    TINY,
    WIDTH,
    WORDS,
    Strip,
    empty,
    picture,
)
from runbooks.report.document import Report
from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

NAMES = {
    "caller": "caller",
    "Fly API": "Fly API",
    "events": "events",
    "metrics": "metrics",
    "platform log": "platform log",
    "program log": "program log",
    "record": "row (record)",
    "endpoint": "endpoint",
    "status": "status page",
    "we": "this check",
}
"""The lanes in their order: who asked, what the platform did, what the program said, what it left behind."""
MOST_NUMBERED = 60
"""Of so many moments, those with the room for it carry their number, and others are dots; more are strokes."""

_NUMBER, _DIAMOND, _NEAR = 15.0, 20.0, 12.0
_LEAST, _FIRST = (46.0, 90.0), 110.0
"""A telling label is worth drawing from so many points on, another from so many; before all have found
their place, none takes more than the third."""
_REACH, _TRIES = 7.0, 20
"""So far beside the middle of its mark a label may begin or end; so many of equal moments are tried."""
_BAD = re.compile(
    r"exit|kill|crash|fail|error|exception|panic|missing|invalid|refus|reject|denied|unauthori[sz]ed|not found"
    r"|cannot|could not|unable|limit|max |out of memory|time[d ]?out|unhealthy|destroy|stopp|suspend",
    re.IGNORECASE,
)
_TELLING = re.compile(
    r"created|started|prepared|pull|listening|answers|claims|says|updated|reports|resolves|looked", re.IGNORECASE
)
"""What makes a line worth its words in the picture. It decides about labels only: the table has every line."""
_ADDRESS = re.compile(r"^(?:ws|http)s?://\S+\s+(?=\S)")
_LONG = re.compile(r"\b(?=\w*\d)([0-9A-Za-z]{6})[0-9A-Za-z]{6,}\b")
"""An id or a digest, of which a label shows the beginning."""
_TAGS = re.compile(r"^(?:\[[^\[\]]{1,30}\]\s*|(?:INFO|WARN|ERROR|DEBUG)\b:?\s+)+(?=\S)")


def timeline(subject: Report | Diagnosis) -> Figure:
    """Every moment in the lane of its source, numbered as in the timeline's table."""
    diagnosis = subject.diagnosis if isinstance(subject, Report) else subject
    if not diagnosis.timeline:
        return empty("timeline", "No dated moment is known: no source that could be read gave a time.")
    moments = _Moments(diagnosis.timeline)
    return picture("timeline", moments.alt(), moments.lanes.bottom + moments.scale.height, moments.draw)


@dataclass(frozen=True, slots=True)
class _Label:
    """Words over the mark of `rank`, from where to where; `backwards` ones end at it. The tail is never cut."""

    stretch: tuple[float, float]
    backwards: bool
    rank: int
    words: str
    tail: str


class _Moments:
    """The moments in order of time; a moment's number is its place in the table, from 1."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        order = sorted(range(len(moments)), key=lambda index: (times.utc(moments[index].at), index))
        self.moments = [moments[index] for index in order]
        self.numbers = [index + 1 for index in order]
        self.decisive = [rank for rank, moment in enumerate(self.moments) if moment.decisive]
        self.lanes = lanes.build((m.source for m in self.moments), NAMES, 38.0 if self.decisive else EDGE)
        self.rows = [self.lanes.row(moment.source) for moment in self.moments]
        self.said = [_said(moment) for moment in self.moments]
        self.few = len(moments) <= MOST_NUMBERED
        self.scale = axis.build([moment.at for moment in self.moments], self._apart() if self.few else ())
        counted = Counter(self.rows)
        self.amounts = [counted[row] for row in range(len(self.lanes.names))]

    def _apart(self) -> list[bool]:
        """Which moments share time and lane with one before, and so need a place of their own."""
        keys = [(times.utc(moment.at), row) for moment, row in zip(self.moments, self.rows, strict=True)]
        return [key in keys[:rank] for rank, key in enumerate(keys)]

    def draw(self, sheet: Sheet) -> None:
        self.lanes.draw(sheet, _lane_name, (amount(number, "moment") for number in self.amounts))
        for row in range(len(self.lanes.names)):
            ranks = [rank for rank, its in enumerate(self.rows) if its == row]
            self._marks(sheet, self.lanes.marks(row), ranks)
            self._labels(sheet, self.lanes.words(row), ranks)
        self.scale.draw(sheet, self.lanes.top, self.lanes.bottom, self.decisive[:1])
        if self.decisive:
            self._flag(sheet, self.decisive[0])

    def _flag(self, sheet: Sheet, rank: int) -> None:
        """The decisive moment in words, and a line from there through all lanes."""
        place, moment = self.scale.places[rank], self.moments[rank]
        said = f"◆ {self.numbers[rank]}  {times.utc(moment.at):%H:%M:%S}  {_untagged(moment)}"
        words = text_metrics.fitted(text_metrics.clean(said), WIDTH - 2 * EDGE - 16, WORDS, bold=True)
        wide = text_metrics.width(words, WORDS, bold=True) + 16
        left = min(max(EDGE, place - 24), WIDTH - EDGE - wide)
        sheet.box(left, 6, wide, 20, DECISIVE, 7)
        sheet.write(left + 8, 20, words, WORDS, colour=PAPER, bold=True)
        sheet.line([(place, 26), (place, self.lanes.bottom)], DECISIVE, 1.4, 3)

    def _marks(self, sheet: Sheet, y: float, ranks: Sequence[int]) -> None:
        """Numbered marks where there is room for the number, the decisive ones first; dots or strokes for the rest."""
        strip = Strip(0, WIDTH, 0.5)
        crowded = self._crowded(ranks)
        plain: list[tuple[float, float]] = []
        dots: list[tuple[float, float]] = []
        for rank in sorted(ranks, key=lambda rank: not self.moments[rank].decisive):
            place, decisive = self.scale.places[rank], self.moments[rank].decisive
            sheet.tip(place, y, self._told(rank))
            half = (_DIAMOND if decisive else _NUMBER) / 2
            numbered = self.few and (rank in self.decisive[:1] or rank not in crowded)
            numbered = numbered and strip.take(place - half, place + half)
            if numbered:
                sheet.write(place, y + 3, str(self.numbers[rank]), TINY, colour=PAPER, bold=decisive, align="center")
            if decisive:
                sheet.marks([(place, y)], "D", 14 if numbered else 9, DECISIVE, wide=1.2, order=6)
            else:
                (plain if numbered else dots).append((place, y))
        sheet.marks(plain, "o", 14.5, MARK)
        if self.few:
            sheet.marks(dots, "o", 5.5, MARK, wide=0.4, order=4)
        else:
            sheet.marks(dots, "|", 9, MARK, edge=MARK, wide=1.0, order=4)

    def _told(self, rank: int) -> str:
        moment = self.moments[rank]
        return f"{self.numbers[rank]} · {times.clock(moment.at)} · {moment.source}: {moment.text}"

    def _crowded(self, ranks: Sequence[int]) -> set[int]:
        """The ranks whose number would lie over a neighbour in their lane."""
        near = [pair for pair in pairwise(ranks) if self.scale.places[pair[1]] - self.scale.places[pair[0]] < _NEAR]
        return {rank for pair in near for rank in pair}

    def _labels(self, sheet: Sheet, y: float, ranks: Sequence[int]) -> None:
        """Words over the marks of one lane: first as many as can stand there, then as much of each as fits."""
        strip = Strip(axis.LEFT - 8, WIDTH - EDGE)
        for rank in self.decisive[:1]:
            strip.block(self.scale.places[rank])
        for groups, least in zip(self._groups(ranks), _LEAST, strict=True):
            for label in [placed for same in groups if (placed := self._placed(strip, same, least))]:
                wanted = text_metrics.width(label.words + label.tail, SMALL)
                start, end = strip.grow(label.stretch, wanted, label.backwards)
                shown = text_metrics.fitted(label.words, end - start + 0.01, SMALL, tail=label.tail)
                colour = DECISIVE if self.moments[label.rank].decisive else INK
                at, align = (end, "right") if label.backwards else (start, "left")
                sheet.write(at, y, shown, SMALL, colour=colour, align=align)

    def _placed(self, strip: Strip, same: Sequence[int], least: float) -> _Label | None:
        """Room for the words of equal moments over the first of them that has any."""
        tail = f" ×{len(same)}" if len(same) > 1 else ""
        for rank in same[:_TRIES]:
            place = self.scale.places[rank]
            rooms = [strip.room(at) for at in (place, place + _REACH, place - _REACH)]
            if max(right - left for left, right in rooms) < _NUMBER:
                continue
            words = text_metrics.clean(f"{self.numbers[rank]} {self.said[rank]}")
            wanted = text_metrics.width(words + tail, SMALL)
            for left, right in rooms:
                begin, end = max(left, place - _REACH), min(right, place + _REACH)
                backwards = right - begin < min(wanted, end - left)
                room = min(wanted, end - left if backwards else right - begin)
                first = min(room, _FIRST)
                stretch = (end - first, end) if backwards else (begin, begin + first)
                if room >= min(wanted, least + text_metrics.width(tail, SMALL)) and strip.take(*stretch):
                    return _Label(stretch, backwards, rank, words, tail)
        return None

    def _groups(self, ranks: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
        """Moments of a lane, those with equal words together: the telling ones, bad news first, and the others."""
        groups: dict[str, list[int]] = {}
        for rank in ranks:
            if rank not in self.decisive[:1]:
                groups.setdefault(self.said[rank], []).append(rank)
        flagged = {self.said[rank] for rank in self.decisive[:1]}
        ends = {ranks[0], ranks[-1]}

        def weight(said: str) -> tuple[int, int]:
            first = groups[said][0]
            bad = 2 * bool(_BAD.search(said)) + (first in ends)
            return -(4 * self.moments[first].decisive + bad - 4 * (said in flagged)), first

        ordered = sorted(groups, key=weight)
        telling = {said for said in ordered if _BAD.search(said) or _TELLING.search(said)}
        return [groups[said] for said in ordered if said in telling], [
            groups[said] for said in ordered if said not in telling
        ]

    def alt(self) -> str:
        first, last = self.scale.moments[0], self.scale.moments[-1]
        sources = ", ".join(
            f"{escape.line(_lane_name(name), 40)} {amount}"
            for name, amount in zip(self.lanes.names, self.amounts, strict=True)
        )
        told = [
            f"Timeline of {amount(len(self.moments), 'moment')} "
            f"from {amount(len(self.lanes.names), 'source')}, "
            f"{times.second(first) if first == last else times.between(first, last)}.",
            f"By source: {sources}.",
        ]
        for rank in self.decisive[:3]:
            moment = self.moments[rank]
            told.append(
                f"Decisive: number {self.numbers[rank]}, {times.second(moment.at)}, "
                f"{escape.line(_lane_name(moment.source), 40)}: {escape.line(moment.text, 160)}."
            )
        gaps = [(b - a, -rank) for rank, (a, b) in enumerate(pairwise(self.scale.moments))]
        if gaps and max(gaps)[0] >= timedelta(seconds=60):
            gap, rank = max(gaps)
            told.append(f"Longest gap: {times.length(gap)} after number {self.numbers[-rank]}.")
        if not self.few:
            told.append("Too many moments to number them in the picture.")
        return " ".join(told)


def _said(moment: Moment) -> str:
    """The words of a moment as a label: no tag of the log before them, of an event what came of it."""
    text = _LONG.sub(r"\1…", _ADDRESS.sub("", _untagged(moment)))
    return text.partition(" → ")[2] or text if moment.source == "events" else text


def _untagged(moment: Moment) -> str:
    return _TAGS.sub("", moment.text[: text_metrics.MOST])


def _lane_name(source: str) -> str:
    return NAMES.get(source, source)
