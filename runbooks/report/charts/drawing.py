"""A sheet to draw on, measured in points from its upper left corner, and the places for letters on it.

All figures are equally wide, so that their letters are equally large. Letters stand in strips: lines of
the sheet that know what they hold already, which is how no two labels can overlap. matplotlib is imported when
the first figure is drawn: it takes half a second.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from runbooks.report.charts import text_metrics
from runbooks.report.section import Figure

WIDTH = 720.0
EDGE = 10.0
"""The space that stays free around everything."""
INK, MUTED, BAND, RULE, PAPER = "#26323d", "#56616a", "#f1f3f4", "#bcc4ca", "#ffffff"
MARK, DECISIVE = "#3f5d7d", "#9c1f16"
WORDS, SMALL, TINY = 10.0, 9.0, 8.5
"""Sizes of letters: names, labels, and numbers of the axis."""

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "fly-runbooks",
    "svg.fonttype": "path",
    "font.family": [text_metrics.FAMILY],
    "text.usetex": False,
    "path.simplify": False,
}


class Strip:
    """One line for letters between two edges, and what stands in it already."""

    def __init__(self, left: float, right: float, gap: float = 5.0) -> None:
        self.left, self.right, self._gap = left, right, gap
        self._taken: list[tuple[float, float]] = []

    def room(self, at: float) -> tuple[float, float]:
        """From where to where it is free around a place; an empty stretch where it is not."""
        left, right = self.left, self.right
        for start, end in self._taken:
            if start - self._gap < at < end + self._gap:
                return at, at
            if end <= at:
                left = max(left, end + self._gap)
            else:
                right = min(right, start - self._gap)
        return left, right

    def take(self, start: float, end: float) -> bool:
        """Take this stretch, if it lies inside and is free as a whole."""
        free = self.left <= start and end <= self.right
        free = free and all(end + self._gap <= a or b + self._gap <= start for a, b in self._taken)
        if free:
            self._taken.append((start, end))
        return free

    def block(self, at: float) -> None:
        """Let no letters cross this place."""
        self._taken.append((at, at))

    def grow(self, stretch: tuple[float, float], wanted: float, backwards: bool) -> tuple[float, float]:
        """A taken stretch as long as wanted, or as long as what stands beside it allows."""
        self._taken.remove(stretch)
        start, end = stretch
        left, right = self.room(end if backwards else start)
        grown = (max(left, end - wanted), end) if backwards else (start, min(right, start + wanted))
        self._taken.append(grown)
        return grown


class Sheet:
    """What is drawn so far. Places are points from the upper left corner; `order` says what lies above what."""

    def __init__(self, height: float) -> None:
        from matplotlib.figure import Figure as Canvas
        from matplotlib.transforms import Affine2D

        self._height = height
        self._place = Affine2D()
        self._canvas = Canvas(figsize=(WIDTH / 72, height / 72))

    def box(self, x: float, y: float, wide: float, high: float, fill: str, order: float = 1) -> None:
        from matplotlib.patches import Rectangle

        shape = Rectangle(
            (x, self._height - y - high),
            wide,
            high,
            facecolor=fill,
            linewidth=0,
            transform=self._place,
            zorder=order,
        )
        self._canvas.add_artist(shape)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, wide: float, order: float = 2, dotted: bool = False
    ) -> None:
        self._add(points, order, color=colour, linewidth=wide, linestyle=(0, (1, 3)) if dotted else "-")

    def marks(
        self,
        places: Iterable[tuple[float, float]],
        shape: str,
        size: float,
        fill: str,
        *,
        edge: str = PAPER,
        wide: float = 0.8,
        order: float = 5,
    ) -> None:
        style = {"markerfacecolor": fill, "markeredgecolor": edge, "markeredgewidth": wide}
        self._add(list(places), order, linestyle="none", marker=shape, markersize=size, **style)

    def write(
        self,
        x: float,
        y: float,
        words: str,
        size: float = SMALL,
        *,
        colour: str = INK,
        bold: bool = False,
        align: str = "left",
        upright: bool = False,
        order: float = 8,
    ) -> None:
        """Clean words that begin, end or are centred at `x`, on the line `y`; `upright` ones read upwards."""
        if not words:
            return
        from matplotlib.text import Text

        text = Text(
            x,
            self._height - y,
            words,
            color=colour,
            ha=align,
            va="baseline",
            rotation=90 if upright else 0,
            rotation_mode="anchor",
            parse_math=False,
            family=text_metrics.FAMILY,
            size=size,
            weight="bold" if bold else "normal",
            transform=self._place,
            zorder=order,
        )
        self._canvas.add_artist(text)

    def fit(self, x: float, y: float, text: object, room: float, size: float = SMALL, **style: Any) -> None:
        """Any text, in one line that is no longer than its room."""
        self.write(
            x, y, text_metrics.fitted(text_metrics.clean(text), room, size, style.get("bold", False)), size, **style
        )

    def _add(self, points: Sequence[tuple[float, float]], order: float, **style: Any) -> None:
        from matplotlib.lines import Line2D

        if points:
            xs, ys = zip(*points, strict=True)
            line = Line2D(xs, [self._height - y for y in ys], transform=self._place, zorder=order, **style)
            self._canvas.add_artist(line)

    def svg(self) -> str:
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        self._scale(1)
        target = io.StringIO()
        canvas: Any = FigureCanvasSVG(self._canvas)
        canvas.print_svg(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = target.getvalue()
        return text[text.index("<svg") :]

    def png(self) -> bytes:
        """The same in pixels, on paper: where a notebook shows it, the ground may be dark."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self._scale(2)
        target = io.BytesIO()
        canvas: Any = FigureCanvasAgg(self._canvas)
        canvas.print_png(target, metadata={"Software": None})
        return target.getvalue()

    def _scale(self, scale: float) -> None:
        self._place.clear().scale(scale)
        self._canvas.set_dpi(72 * scale)
        self._canvas.patch.set(facecolor=PAPER, alpha=0 if scale == 1 else 1)


def picture(name: str, alt: str, height: float, draw: Callable[[Sheet], None]) -> Figure:
    """A figure as `draw` fills its sheet, whatever settings of matplotlib the user has."""
    with _settled():
        sheet = Sheet(height)
        draw(sheet)
    return Figure(name, alt, _settled()(sheet.svg), _settled()(sheet.png))


@contextmanager
def _settled() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def empty(name: str, message: str) -> Figure:
    """A figure that says why there is nothing to see."""
    return picture(name, message, 40, lambda sheet: sheet.fit(EDGE, 25, message, WIDTH - 2 * EDGE, WORDS, colour=MUTED))
