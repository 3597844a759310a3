"""No two labels overlap, none leaves its picture, none lies under a mark: measured as a browser draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
from chart_samples import crowd, figures, life_of, loop
from report_samples import at

from runbooks.diagnose.model import Moment
from runbooks.report import charts
from runbooks.report.charts import text_metrics
from runbooks.report.charts.drawing import Strip
from runbooks.report.section import Figure

MEASURE = """svg => {
  document.body.innerHTML = svg;
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  return {
    sheet: box(document.querySelector("svg")),
    labels: [...document.querySelectorAll("g[id^=text_]")].map(g => [
      [...g.childNodes].filter(n => n.nodeType === Node.COMMENT_NODE).map(n => n.data.trim()).join(" "), box(g)]),
    marks: [...document.querySelectorAll("g[id^=line2d_] use")].map(box),
  };
}"""
SLACK = 0.25
"""Pixels: letters are drawn with smooth edges."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """A picture as the browser laid it out."""

    sheet: Box
    labels: tuple[tuple[str, Box], ...]
    marks: tuple[Box, ...]

    def faults(self) -> list[str]:
        """What a reader would stumble over."""
        found = [
            f"{a!r} and {b!r} overlap" for (a, one), (b, other) in combinations(self.labels, 2) if _over(one, other)
        ]
        found += [f"{words!r} leaves the picture" for words, box in self.labels if not _inside(box, self.sheet)]
        found += [
            f"{words!r} lies under a mark"
            for words, box in self.labels
            for mark in self.marks
            if _over(box, mark) and not _inside(box, _grown(mark))
        ]
        return found


def _over(one: Box, other: Box) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > SLACK and high > SLACK


def _inside(box: Box, sheet: Box) -> bool:
    return box[0] >= sheet[0] and box[1] >= sheet[1] and box[2] <= sheet[2] and box[3] <= sheet[3]


def _grown(mark: Box) -> Box:
    """A mark may hold its own number, and a diamond has its corners outside of it."""
    return mark[0] - 2, mark[1] - 2, mark[2] + 2, mark[3] + 2


@pytest.fixture(scope="module")
def measured(chromium: str) -> Iterator[Callable[[Figure], Drawn]]:
    """One browser for all pictures, without a script of the page's own or anything to load."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})

        def measure(figure: Figure) -> Drawn:
            told: dict[str, Any] = page.evaluate(MEASURE, figure.svg)
            return Drawn(
                tuple(told["sheet"]),
                tuple((words, tuple(box)) for words, box in told["labels"]),
                tuple(map(tuple, told["marks"])),
            )

        yield measure
        browser.close()


def test_no_label_overlaps_leaves_the_picture_or_is_covered(measured: Callable[[Figure], Drawn]) -> None:
    for name, figure in figures():
        drawn = measured(figure)
        assert drawn.labels, name
        assert not drawn.faults(), f"{name}: {drawn.faults()[:5]}"


def test_a_crowd_still_has_words(measured: Callable[[Figure], Drawn]) -> None:
    few, many = (measured(charts.timeline(crowd(count))) for count in (3, 300))
    assert any("Missing required environment variables" in words for words, _ in few.labels)
    assert sum("×" in words for words, _ in many.labels) >= 9
    assert any(words.startswith("◆ 41") for words, _ in many.labels)


def test_the_measure_finds_an_overlap(measured: Callable[[Figure], Drawn], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where strips do not know what they hold, the same pictures are full of faults."""
    whole = property(lambda _: [])
    monkeypatch.setattr(Strip, "_taken", whole.setter(lambda *_: None), raising=False)
    monkeypatch.setattr(Strip, "grow", lambda _self, stretch, *_: stretch)
    monkeypatch.setattr(Strip, "take", lambda *_: True)
    for figure in (charts.timeline(crowd(36)), charts.timeline(crowd(300)), charts.life(loop(40))):
        assert any("overlap" in fault for fault in measured(figure).faults())


def test_the_measure_finds_what_leaves_the_picture(
    measured: Callable[[Figure], Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_metrics, "fitted", lambda words, *_, **__: words)
    long = life_of(Moment(at(0), "program log", "x" * 200, "E07", True))
    assert any("leaves the picture" in fault for fault in measured(charts.timeline(long)).faults())


def test_the_measure_finds_what_a_mark_covers(
    measured: Callable[[Figure], Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runbooks.report.charts.lanes import Lanes

    monkeypatch.setattr(Lanes, "words", Lanes.marks)
    assert any("under a mark" in fault for fault in measured(charts.timeline(crowd(20))).faults())
