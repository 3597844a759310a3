"""A sheet to draw on, measured in points from its upper left corner. Nothing else here draws with matplotlib.

Letters are outlines, which are loaded once. What is drawn comes out twice: as SVG, which is text and is written here,
and as pixels, by matplotlib's renderer. Both show the same outlines in the same places.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from PIL import Image

from runbooks.report import escape
from runbooks.report.charts import text_metrics
from runbooks.report.charts.drawing import INK, PAPER, SMALL, WIDTH

_PIXELS = 2
"""Of the picture, for a point."""
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "z"}
_LEVEL = 3
"""Of compression: a higher one takes twice as long for a few per cent."""
_MOST_COLOURS, _SAME = 256, 8 / 255
_DOTS = (1.0, 3.0)
"""Of a dotted line: dot and space, in widths of the line."""


class Sheet:
    """What is drawn so far. Places are points from the upper left corner; `order` says what lies above what."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._shapes: list[tuple[float, str, str, Callable[[Any], None]]] = []
        self._defined: dict[str, str] = {}
        self._tips: list[str] = []
        self._colours = {PAPER, INK}

    def box(self, x: float, y: float, wide: float, high: float, fill: str, order: float = 1) -> None:
        shape = _path([(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)], closed=True)
        self._add(
            order,
            "patch",
            f'<path d="{_told(shape)}" style="fill: {fill}"/>',
            lambda renderer: self._paint(renderer, shape, fill=fill),
        )

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, wide: float, order: float = 2, dotted: bool = False
    ) -> None:
        if not points:
            return
        shape = _path(points)
        dots = [part * wide for part in _DOTS] if dotted else None
        ends = f"stroke-dasharray: {dots[0]:g},{dots[1]:g}" if dots else "stroke-linecap: square"
        self._add(
            order,
            "line2d",
            f'<path d="{_told(shape)}" style="fill: none; stroke: {colour}; stroke-width: {wide:g}; {ends}"/>',
            lambda renderer: self._paint(renderer, shape, stroke=colour, wide=wide, dots=dots, square=not dotted),
        )

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
        if not (places := list(places)):
            return
        outline, filled = _mark(shape, size)
        told = f"fill: {fill if filled else 'none'}; stroke: {edge if wide else 'none'}; stroke-width: {wide:g}"
        name = self._defined.setdefault(f'd="{_told(outline)}" style="{told}"', f"mark{len(self._defined) + 1}")

        def paint(renderer: Any) -> None:
            for x, y in places:
                there = Path(np.add(outline.vertices, (x, y)), outline.codes)
                self._paint(renderer, there, fill=fill if filled else "", stroke=edge if wide else "", wide=wide)

        uses = "".join(f'<use href="#{name}" x="{x:.2f}" y="{y:.2f}"/>' for x, y in places)
        self._add(order, "line2d", uses, paint)

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
        x -= text_metrics.width(words, size, bold) * {"left": 0, "center": 0.5, "right": 1}[align]
        units = size / text_metrics.UNITS
        uses, at = [], 0
        for letter in words:
            if told := _letter(letter, bold)[1]:
                name = self._defined.setdefault(told, f"{'b' if bold else 'r'}{ord(letter):x}")
                uses.append(f'<use href="#{name}" x="{at}"/>')
            at += _advance(letter, bold)
        turn = " rotate(-90)" if upright else ""
        place = Affine2D().scale(units).rotate_deg(-90 if upright else 0).translate(x, y)
        said = html.escape(words, quote=False).replace("--", "- -")
        self._add(
            order,
            "text",
            f'<!-- {said} --><g style="fill: {colour}" '
            f'transform="translate({x:.2f} {y:.2f}){turn} scale({units:g})">{"".join(uses)}</g>',
            lambda renderer: self._paint(renderer, _written(words, bold).transformed(place), fill=colour, snap=False),
        )

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

    def svg(self) -> str:
        """The picture as text, letters included: it loads nothing, and looks alike everywhere."""
        defined = "\n".join(f'<path id="{name}" {told}/>' for told, name in self._defined.items())
        numbers: dict[str, int] = {}
        drawn = []
        for _, kind, told, _ in self._in_order():
            numbers[kind] = numbers.get(kind, 0) + 1
            drawn.append(f'<g id="{kind}_{numbers[kind]}">{told}</g>\n')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="{WIDTH:g}pt" height="{self._height:g}pt" '
            f'viewBox="0 0 {WIDTH:g} {self._height:g}">\n'
            f'<defs><style type="text/css">*{{stroke-linejoin: round}}</style>\n{defined}\n</defs>\n'
            f"{''.join(drawn)}{''.join(self._tips)}</svg>\n"
        )

    def png(self) -> bytes:
        """The same in pixels, on paper: where a notebook shows it, the ground may be dark."""
        size = round(WIDTH * _PIXELS), int(self._height * _PIXELS)
        renderer: Any = RendererAgg(*size, 72 * _PIXELS)  # type: ignore[no-untyped-call]
        self._paint(renderer, _path([(0, 0), (WIDTH, 0), (WIDTH, self._height), (0, self._height)], True), fill=PAPER)
        for *_, paint in self._in_order():
            paint(renderer)
        written = io.BytesIO()
        pixels = Image.fromarray(np.asarray(renderer.buffer_rgba())).convert("RGB")
        pixels = pixels.quantize(palette=_palette(self._colours), dither=Image.Dither.NONE)
        pixels.save(written, "PNG", compress_level=_LEVEL, dpi=(72 * _PIXELS, 72 * _PIXELS))
        return written.getvalue()

    def _in_order(self) -> list[tuple[float, str, str, Callable[[Any], None]]]:
        return sorted(self._shapes, key=lambda shape: shape[0])

    def _add(self, order: float, kind: str, told: str, paint: Callable[[Any], None]) -> None:
        self._shapes.append((order, kind, told, paint))

    def _paint(
        self,
        renderer: Any,
        shape: Path,
        *,
        fill: str = "",
        stroke: str = "",
        wide: float = 0,
        dots: Sequence[float] | None = None,
        square: bool = False,
        snap: bool | None = None,
    ) -> None:
        self._colours |= {colour for colour in (fill, stroke) if colour}
        context = renderer.new_gc()
        context.set_linewidth(wide if stroke else 0)
        context.set_foreground(to_rgba(stroke or fill), isRGBA=True)
        context.set_capstyle("projecting" if square else "butt")
        context.set_joinstyle("round")
        context.set_dashes(0, dots)
        context.set_snap(snap)
        down = Affine2D.from_values(_PIXELS, 0, 0, -_PIXELS, 0, self._height * _PIXELS)
        renderer.draw_path(context, shape, down, to_rgba(fill) if fill else None)


def _palette(colours: Collection[str]) -> Image.Image:
    """The colours of a sheet, and as many between each two of them as there is room for: edges stay soft.

    A picture of such pixels is a third as large, and made in a third of the time.
    """
    pure = np.array([to_rgba(colour)[:3] for colour in sorted(colours)])
    one, other = (pure[list(side)] for side in zip(*combinations(range(len(pure)), 2), strict=True))
    steps = max(1, (_MOST_COLOURS - len(pure)) // len(one))
    between = np.concatenate([one + (other - one) * n / (steps + 1) for n in range(1, steps + 1)])
    # Pillow takes colours that differ by less for the same.
    apart = np.abs(between[:, None] - pure).max(axis=2).min(axis=1) > _SAME
    palette = Image.new("P", (1, 1))
    all_of_them = np.concatenate([pure, between[apart]])[:_MOST_COLOURS]
    palette.putpalette((all_of_them * 255).round().astype(np.uint8).tobytes())
    return palette


def _path(points: Sequence[tuple[float, float]], closed: bool = False) -> Path:
    path = Path([*points, points[0]] if closed else points, closed=closed)
    path.should_simplify = False  # whatever the user's settings say
    return path


def _told(shape: Path) -> str:
    """The outline as SVG writes it, to a hundredth."""
    return " ".join(
        _LETTERS[code]
        if code == Path.CLOSEPOLY
        else f"{_LETTERS[code]}{' '.join(f'{round(at, 2):g}' for at in points)}"
        for points, code in shape.iter_segments(simplify=False, curves=True)
    )


@cache
def _mark(shape: str, size: float) -> tuple[Path, bool]:
    """The outline of a mark around its place, and whether it is filled."""
    mark = MarkerStyle(shape)
    return mark.get_path().transformed(mark.get_transform() + Affine2D().scale(size, -size)), mark.is_filled()


def _written(words: str, bold: bool) -> Path:
    """The outlines of the words from their beginning, in units of the font."""
    vertices: list[Any] = [np.empty((0, 2))]
    codes: list[Any] = [np.empty(0, Path.code_type)]
    at = 0
    for letter in words:
        outline, _ = _letter(letter, bold)
        vertices.append(np.add(outline.vertices, (at, 0)))
        codes.append(outline.codes)
        at += _advance(letter, bold)
    return Path(np.concatenate(vertices), np.concatenate(codes))


@cache
def _advance(letter: str, bold: bool) -> int:
    return round(text_metrics.width(letter, text_metrics.UNITS, bold))


@cache
def _letter(letter: str, bold: bool) -> tuple[Path, str]:
    """The outline of a letter on its line, in units of the font, y downwards; and as SVG defines it, if not empty."""
    vertices, codes = text_metrics.outline(letter, bold)
    shape = Path((vertices * (1, -1)).round(), codes)
    return shape, f'd="{_told(shape)}"' if len(vertices) else ""
