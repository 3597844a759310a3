"""A sheet to draw on, measured in points from its upper left corner. Nothing else here draws with matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from runbooks.report import escape
from runbooks.report.charts import text_metrics
from runbooks.report.charts.drawing import INK, PAPER, SMALL, WIDTH

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "fly-runbooks",
    "svg.fonttype": "path",
    "font.family": [text_metrics.FAMILY],
    "text.usetex": False,
    "path.simplify": False,
}
_ID = re.compile(r"\b[mp][0-9a-f]{10}\b")
"""What matplotlib names marks and clips: digests, some of which look like a secret. They are numbered here."""


class Sheet:
    """What is drawn so far. Places are points from the upper left corner; `order` says what lies above what."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._place = Affine2D()
        self._canvas = Canvas(figsize=(WIDTH / 72, height / 72))
        self._tips: list[str] = []

    def box(self, x: float, y: float, wide: float, high: float, fill: str, order: float = 1) -> None:
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

    def tip(self, x: float, y: float, text: object, reach: float = 8.0) -> None:
        """What a pointer on this place is told, in the SVG. It says nothing that is not told in words elsewhere."""
        words = escape.html(escape.line(text, 200))
        self._tips.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{reach:g}" fill-opacity="0"><title>{words}</title></circle>'
        )

    def fit(self, x: float, y: float, text: object, room: float, size: float = SMALL, **style: Any) -> None:
        """Any text, in one line that is no longer than its room."""
        self.write(
            x, y, text_metrics.fitted(text_metrics.clean(text), room, size, style.get("bold", False)), size, **style
        )

    def _add(self, points: Sequence[tuple[float, float]], order: float, **style: Any) -> None:
        if points:
            xs, ys = zip(*points, strict=True)
            line = Line2D(xs, [self._height - y for y in ys], transform=self._place, zorder=order, **style)
            self._canvas.add_artist(line)

    def svg(self) -> str:
        self._scale(1)
        target = io.StringIO()
        canvas: Any = FigureCanvasSVG(self._canvas)
        canvas.print_svg(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        numbers: dict[str, str] = {}
        text = _ID.sub(lambda match: numbers.setdefault(match[0], f"mark{len(numbers) + 1}"), target.getvalue())
        return text[text.index("<svg") :].replace("</svg>", f"{''.join(self._tips)}</svg>")

    def png(self) -> bytes:
        """The same in pixels, on paper: where a notebook shows it, the ground may be dark."""
        self._scale(2)
        target = io.BytesIO()
        canvas: Any = FigureCanvasAgg(self._canvas)
        canvas.print_png(target, metadata={"Software": None})
        return target.getvalue()

    def _scale(self, scale: float) -> None:
        self._place.clear().scale(scale)
        self._canvas.set_dpi(72 * scale)
        self._canvas.patch.set(facecolor=PAPER, alpha=0 if scale == 1 else 1)


@contextmanager
def settled() -> Iterator[None]:
    """The settings that figures are drawn with, whatever the user has."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield
