"""Which states the machine passed: one lane a state, every start counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from runbooks.base.amount import amount
from runbooks.diagnose.model import Diagnosis, Span
from runbooks.report import escape, times
from runbooks.report.charts import axis, lanes, text_metrics
from runbooks.report.charts.drawing import (
    EDGE,
    MARK,
    MUTED,
    PAPER,
    SMALL,
    WIDTH,
    WORDS,
    Strip,
    empty,
    picture,
)
from runbooks.report.section import Figure

if TYPE_CHECKING:
    from runbooks.report.charts.sheet import Sheet

ORDER = (
    *("created", "launching", "starting", "started", "running", "restarting", "updating", "replacing", "replaced"),
    *("suspending", "suspended", "stopping", "stopped", "launch_failed", "failed", "destroying", "destroyed"),
)
"""The lanes from birth to end, so that a life reads from the upper left to the lower right."""
_UP = ("started", "running")
_COLOURS = {
    "started": "#2a7048",
    "running": "#2a7048",
    "destroyed": "#4a4a4a",
    "destroying": "#6a6a6a",
    "failed": "#9c1f16",
    "launch_failed": "#9c1f16",
    "stopped": "#8a5a16",
    "stopping": "#8a5a16",
}
_HIGH, _LEAST = 14.0, 4.0


def life(diagnosis: Diagnosis) -> Figure:
    """Which states the machine passed, one lane a state, from the first to the last that is known."""
    spans = sorted(diagnosis.life, key=lambda span: (times.utc(span.start), span.end is None))
    if not spans:
        return empty("life", "No state of this machine is known: no event could be read.")
    known = _Life(spans)
    return picture("life", known.alt(), known.lanes.bottom + known.scale.height, known.draw)


class _Life:
    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self.lanes = lanes.build((span.state for span in spans), ORDER, 30.0)
        self.rows = [self.lanes.row(span.state) for span in spans]
        self.starts = [span for span in spans if span.state.lower() in _UP]
        marks = sorted({times.utc(at) for span in spans for at in (span.start, span.end) if at is not None})
        still = any(span.end is None for span in spans)
        self.scale = axis.build(marks, right=axis.RIGHT - 130 if still else axis.RIGHT)
        self._places = dict(zip(self.scale.moments, self.scale.places, strict=True))

    def draw(self, sheet: Sheet) -> None:
        sheet.fit(EDGE, 19, self.counted(), WIDTH - 2 * EDGE, WORDS, bold=True)
        self.lanes.draw(sheet, str, map(self._total, range(len(self.lanes.names))))
        bars = [self._bar(span, row) for span, row in zip(self.spans, self.rows, strict=True)]
        strips = [Strip(axis.LEFT - 8, WIDTH - EDGE, 2) for _ in self.lanes.names]
        for (_, _, before), (x, _, row) in pairwise(bars):
            sheet.line([(x, self.lanes.marks(before)), (x, self.lanes.marks(row))], MUTED, 0.9, 2)
            for crossed in range(min(before, row) + 1, max(before, row) + 1):
                strips[crossed].block(x)
        starts = 0
        for span, (x, wide, row) in zip(self.spans, bars, strict=True):
            up = span.state.lower() in _UP
            starts += up
            y = self.lanes.marks(row)
            sheet.box(x, y - _HIGH / 2, wide - 0.6, _HIGH, _COLOURS.get(span.state.lower(), MARK), 4)
            long = "until the check" if span.end is None else times.length(span.end - span.start)
            inside = text_metrics.width(long, SMALL) + 6 <= wide
            if inside:
                sheet.write(x + wide / 2, y + 3.2, long, SMALL, colour=PAPER, align="center")
            over: tuple[str, ...] = () if inside else (long,)
            if up:
                over = (", ".join((f"start {starts}", *over)), f"start {starts}", str(starts))
            for words in over:
                size = text_metrics.width(words, SMALL)
                if strips[row].take(x + 3, x + 3 + size):
                    sheet.write(x + 3, self.lanes.words(row) + 1, words, SMALL)
                    break
        self.scale.draw(sheet, self.lanes.top, self.lanes.bottom)

    def _bar(self, span: Span, row: int) -> tuple[float, float, int]:
        """Where it begins, how wide it is, and its lane."""
        start = self._places[times.utc(span.start)]
        end = axis.RIGHT if span.end is None else self._places[times.utc(span.end)]
        return start, max(end - start, _LEAST), row

    def counted(self) -> str:
        """What matters of a life, in one line."""
        starts = len(self.starts)
        restarts = f", {amount(starts - 1, 'restart')}" if starts > 1 else ""
        runs = [span.end - span.start for span in self.starts if span.end is not None]
        longest = f"; longest run {times.length(max(runs))}" if len(runs) > 1 else ""
        last = self.spans[-1]
        now = f"; {escape.line(last.state, 40)} at the time of the check" if last.end is None else ""
        return f"{f'Started {_times(starts)}' if starts else 'No start observed'}{restarts}{longest}{now}."

    def _total(self, row: int) -> str:
        inside = [span for span, its in zip(self.spans, self.rows, strict=True) if its == row]
        whole = sum((span.end - span.start for span in inside if span.end is not None), timedelta())
        still = any(span.end is None for span in inside)
        total = f", {times.length(whole)}" if whole or not still else ""
        return f"{len(inside)}×{total}{', still' if still else ''}"

    def alt(self) -> str:
        last = max(times.utc(span.end or span.start) for span in self.spans)
        shown = [_span_words(span) for span in self.spans[:12]]
        if len(self.spans) > 12:
            shown.append(f"and {len(self.spans) - 12} more")
        return (
            f"States of the machine, {times.between(self.spans[0].start, last)}: {', then '.join(shown)}. "
            f"{amount(len(self.spans), 'stretch', 'stretches')}. {self.counted()}"
        )


def _span_words(span: Span) -> str:
    state = escape.line(span.state, 40)
    if span.end is None:
        return f"{state} from {times.clock(span.start)}, until the check"
    return f"{state} for {times.length(span.end - span.start)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
