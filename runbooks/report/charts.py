"""The two pictures of an incident: what happened, by source, and which states the machine passed.

Both are SVG with their letters as outlines, so they look alike everywhere and load nothing; the same
facts always give the same bytes. Both say in words (`alt`) what they show.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ft2font import FT2Font

from runbooks.diagnose.model import Diagnosis, Moment, Span
from runbooks.report import axis, escape, times
from runbooks.report.document import Report
from runbooks.report.section import Figure

MOST_NUMBERED = 60
"""Of so many moments, those with the room for it carry their number; the others are dots, as is a crowd."""
MOST_LANES = 10

_WIDTH, _LEFT, _RIGHT = 11.5, 1.75, 1.25
_ROW, _TOP, _BOTTOM = 0.36, 0.5, 0.62
_EDGE = -0.225
_PLOT = (_WIDTH - _LEFT - _RIGHT) * 72
_INK, _MUTED, _BAND, _RULE = "#26323d", "#5c6770", "#f1f3f4", "#c3cacf"
_MARK, _DECISIVE = "#4a6785", "#a3271d"
_STATE_COLOURS = {
    "started": "#2f7d4f",
    "running": "#2f7d4f",
    "destroyed": "#5b5b5b",
    "destroying": "#8a8a8a",
    "failed": "#a3271d",
    "stopped": "#b0762a",
    "stopping": "#c79a5b",
}
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "fly-runbooks",
    "svg.fonttype": "path",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.parse_math": False,
    "text.usetex": False,
    "path.simplify": False,
}


def timeline(subject: Report | Diagnosis) -> Figure:
    """Every moment in the lane of its source, numbered as in the timeline's table."""
    moments = _diagnosis(subject).timeline
    if not moments:
        return _empty("timeline", "No dated moment is known: no source that could be read gave a time.")
    order = sorted(range(len(moments)), key=lambda index: (times.utc(moments[index].at), index))
    lanes = _lanes([moments[index].source for index in order])
    few = len(moments) <= MOST_NUMBERED
    scale = axis.build([times.utc(moments[i].at) for i in order], _apart(moments, order, lanes) if few else ())
    decisive = [rank for rank, index in enumerate(order) if moments[index].decisive]
    rows = [lanes.index(_lane(lanes, moments[index].source)) for index in order]
    numbered = _roomy(scale.places, rows, decisive) if few else frozenset()

    def draw(plot: Any) -> None:
        _frame(plot, lanes, Counter(_lane(lanes, m.source) for m in moments))
        _time_axis(plot, scale, decisive, len(lanes))
        for rank, index in enumerate(order):
            _mark(plot, scale.places[rank], rows[rank], index + 1, moments[index], rank in numbered)
        if decisive:
            _point_out(
                plot,
                scale.places[decisive[0]],
                order[decisive[0]] + 1,
                moments[order[decisive[0]]],
                len(lanes),
            )

    return Figure("timeline", _svg(draw, len(lanes)), _timeline_alt(moments, order, lanes, decisive, few))


def life(diagnosis: Diagnosis) -> Figure:
    """Which states the machine passed, one lane a state, from the first to the last that is known."""
    spans = sorted(diagnosis.life, key=lambda span: (times.utc(span.start), span.end is None))
    if not spans:
        return _empty("life", "No state of this machine is known: it left no event that could be read.")
    lanes = _lanes([span.state for span in spans])
    marks = sorted({times.utc(at) for span in spans for at in (span.start, span.end) if at is not None})
    still = any(span.end is None for span in spans)
    scale = axis.build(marks)
    room = 0.8 if still else 1.0
    scale = axis.Axis(scale.moments, tuple(place * room for place in scale.places))

    def draw(plot: Any) -> None:
        _frame(plot, lanes, {lane: _lane_total(spans, lanes, lane) for lane in lanes})
        _time_axis(plot, scale, [], len(lanes))
        before: tuple[float, int] | None = None
        for span in spans:
            row = lanes.index(_lane(lanes, span.state))
            start = scale.place(times.utc(span.start))
            end = 1.0 if span.end is None else max(scale.place(times.utc(span.end)), start)
            if before is not None and before[1] != row:
                plot.plot([start, start], [before[1], row], color=_MUTED, linewidth=0.9, zorder=2)
            _bar(plot, span, start, end, row)
            before = (end, row)

    return Figure("life", _svg(draw, len(lanes)), _life_alt(spans))


def _diagnosis(subject: Report | Diagnosis) -> Diagnosis:
    return subject.diagnosis if isinstance(subject, Report) else subject


# -- what is drawn -----------------------------------------------------------------------------


def _frame(plot: Any, lanes: Sequence[str], amounts: Any) -> None:
    plot.set_xlim(-0.025, 1.025)
    plot.set_ylim(len(lanes) - 0.4, -0.6)
    plot.axis("off")
    for row, lane in enumerate(lanes):
        if row % 2 == 0:
            plot.barh(row, 1.41, left=_EDGE - 0.015, height=1, color=_BAND, linewidth=0, zorder=0, clip_on=False)
        plot.axhline(row, color=_RULE, linewidth=0.7, zorder=1)
        _write(plot, _EDGE, row, _short(lane, 21), ha="left", color=_INK)
        _write(plot, 1.04, row, _short(str(amounts[lane]), 20), ha="left", color=_MUTED, size=8)


def _time_axis(plot: Any, scale: axis.Axis, first: Sequence[int], rows: int) -> None:
    one_day = scale.one_day()
    for place, at in scale.ticks((64 if one_day else 74) / _PLOT, first):
        plot.plot([place, place], [-0.5, rows - 0.42], color=_RULE, linewidth=0.7, linestyle=(0, (2, 3)), zorder=1)
        label = f"{at:%H:%M:%S}" if one_day else f"{at:%H:%M:%S}\n{at:%Y-%m-%d}"
        _write(plot, place, rows - 0.38, label, ha="center", va="top", color=_INK, size=8)
    for place, gap in sorted(scale.gaps(timedelta(seconds=60), 80 / _PLOT), key=lambda one: -one[1])[:4]:
        _write(plot, place, rows - 0.38, f"⟷ {times.length(gap)}", ha="center", va="top", color=_MUTED, size=7.5)
    day = f"{scale.moments[0]:%Y-%m-%d}, " if one_day else ""
    note = f"{day}UTC. Short times are stretched: the space grows with the logarithm of the time between."
    plot.annotate(
        note,
        (0.0, 0.0),
        (0.14 * 72, 7),
        xycoords="figure points",
        textcoords="figure points",
        color=_MUTED,
        size=7.5,
    )


def _mark(plot: Any, place: float, row: int, number: int, moment: Moment, numbered: bool) -> None:
    shape, colour = ("D", _DECISIVE) if moment.decisive else ("o", _MARK)
    size = (13.5 if moment.decisive else 13.0) if numbered else (8.0 if moment.decisive else 4.5)
    plot.plot(
        [place],
        [row],
        marker=shape,
        markersize=size,
        markerfacecolor=colour,
        markeredgecolor="#ffffff",
        markeredgewidth=1.0 if numbered else 0.3,
        linestyle="none",
        zorder=5 if moment.decisive else 4,
    )
    if numbered:
        _write(plot, place, row + 0.02, str(number), ha="center", color="#ffffff", size=7.5, zorder=6)


def _point_out(plot: Any, place: float, number: int, moment: Moment, rows: int) -> None:
    plot.plot([place, place], [-0.62, rows - 0.5], color=_DECISIVE, linewidth=1.0, zorder=3, clip_on=False)
    side = "left" if place < 0.3 else "right" if place > 0.7 else "center"
    text = _short(f"◆ {number}: {moment.text}", 76)
    _write(plot, place, -0.72, text, ha=side, va="bottom", color=_DECISIVE, size=8.5)


def _bar(plot: Any, span: Span, start: float, end: float, row: int) -> None:
    colour = _STATE_COLOURS.get(span.state.lower(), _MARK)
    width = max(end - start, 5 / _PLOT)
    plot.barh(row, width, left=start, height=0.56, color=colour, edgecolor="#ffffff", linewidth=0.6, zorder=4)
    label = "still, when we looked" if span.end is None else times.length(span.end - span.start)
    if width * _PLOT >= 4.5 * len(label) + 6:
        _write(plot, start + width / 2, row + 0.02, label, ha="center", color="#ffffff", size=7.5, zorder=6)


def _write(plot: Any, x: float, y: float, text: str, **style: Any) -> None:
    plot.text(x, y, text, **({"va": "center", "size": 9, "clip_on": False, "zorder": 6} | style))


def _svg(draw: Callable[[Any], None], rows: int) -> str:
    height = _TOP + _ROW * rows + _BOTTOM
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Canvas(figsize=(_WIDTH, height), dpi=72)
        figure.patch.set_alpha(0.0)
        area = (_LEFT / _WIDTH, _BOTTOM / height, _PLOT / 72 / _WIDTH, _ROW * rows / height)
        draw(figure.add_axes(area))
        target = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = target.getvalue()
    return text[text.index("<svg") :]


def _empty(name: str, message: str) -> Figure:
    def draw(plot: Any) -> None:
        plot.axis("off")
        plot.set_xlim(0, 1)
        plot.set_ylim(0, 1)
        plot.text(0.0, 0.5, message, va="center", size=10, color=_MUTED)

    return Figure(name, _svg(draw, 1), message)


# -- what is said ------------------------------------------------------------------------------


def _timeline_alt(
    moments: Sequence[Moment],
    order: Sequence[int],
    lanes: Sequence[str],
    decisive: Sequence[int],
    few: bool,
) -> str:
    first, last = moments[order[0]].at, moments[order[-1]].at
    amounts = Counter(_lane(lanes, moment.source) for moment in moments)
    said = [
        f"Timeline of {_amount(len(moments), 'moment')} from {_amount(len(lanes), 'source')}, "
        + (times.second(first) if first == last else times.between(first, last))
        + ".",
        "By source: " + ", ".join(f"{escape.line(lane, 40)} {amounts[lane]}" for lane in lanes) + ".",
    ]
    for rank in decisive[:3]:
        moment = moments[order[rank]]
        said.append(
            f"Decisive: number {order[rank] + 1}, {times.second(moment.at)}, "
            f"{escape.line(moment.source, 40)}: {escape.line(moment.text, 160)}."
        )
    pairs = [(moments[b].at - moments[a].at, a) for a, b in pairwise(order)]
    if pairs and max(pairs)[0] >= timedelta(seconds=60):
        gap, index = max(pairs, key=lambda pair: (pair[0], -pair[1]))
        said.append(f"Longest quiet stretch: {times.length(gap)} after number {index + 1}.")
    if not few:
        said.append("Too many moments to number them in the picture.")
    return " ".join(said)


def _life_alt(spans: Sequence[Span]) -> str:
    last = max((times.utc(span.end or span.start) for span in spans), default=None)
    shown = [_span_words(span) for span in spans[:12]]
    if len(spans) > 12:
        shown.append(f"and {len(spans) - 12} more")
    starts = sum(span.state.lower() in ("started", "running") for span in spans)
    period = times.between(spans[0].start, last) if last else ""
    return (
        f"States of the machine, {period}: {', then '.join(shown)}. "
        f"{_amount(len(spans), 'stretch', 'stretches')}, started {_amount(starts, 'time')}."
    )


def _span_words(span: Span) -> str:
    state = escape.line(span.state, 40)
    if span.end is None:
        return f"{state} from {times.clock(span.start)}, still when we looked"
    return f"{state} for {times.length(span.end - span.start)}"


def _lane_total(spans: Sequence[Span], lanes: Sequence[str], lane: str) -> str:
    inside = [span for span in spans if _lane(lanes, span.state) == lane]
    whole = sum((span.end - span.start for span in inside if span.end is not None), timedelta())
    still = any(span.end is None for span in inside)
    total = f", {times.length(whole)}" if whole or not still else ""
    return f"{len(inside)}×{total}{', still' if still else ''}"


def _roomy(places: Sequence[float], rows: Sequence[int], first: Sequence[int]) -> frozenset[int]:
    """The ranks whose number fits beside the other numbers of its lane, the decisive ones first."""
    taken: dict[int, list[float]] = {}
    chosen = []
    for rank in (*first, *(rank for rank in range(len(places)) if rank not in first)):
        lane = taken.setdefault(rows[rank], [])
        if all(abs(places[rank] - other) >= 15.5 / _PLOT for other in lane):
            lane.append(places[rank])
            chosen.append(rank)
    return frozenset(chosen)


def _amount(count: int, noun: str, several: str = "") -> str:
    return f"{count} {noun if count == 1 else several or noun + 's'}"


# -- lanes and letters -------------------------------------------------------------------------


def _lanes(names: Sequence[str]) -> list[str]:
    """The names in order of first appearance; too many end in one lane "other"."""
    every = list(dict.fromkeys(names))
    return every if len(every) <= MOST_LANES else [*every[: MOST_LANES - 1], "other"]


def _lane(lanes: Sequence[str], name: str) -> str:
    return name if name in lanes else "other"


def _apart(moments: Sequence[Moment], order: Sequence[int], lanes: Sequence[str]) -> list[bool]:
    """Which moments share time and lane with one before, and so need a place of their own."""
    seen: set[tuple[Any, str]] = set()
    apart = []
    for index in order:
        key = (times.utc(moments[index].at), _lane(lanes, moments[index].source))
        apart.append(key in seen)
        seen.add(key)
    return apart


@cache
def _letters() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont("DejaVu Sans", fallback_to_default=False)).get_charmap())


def _short(text: str, limit: int) -> str:
    """One short line in letters that the font has; what is missing or cut shows as such."""
    line = escape.line(text, limit * 4).strip()
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    known = _letters()
    return "".join(letter if ord(letter) in known else "\ufffd" for letter in line)
