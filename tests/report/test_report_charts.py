"""The pictures: same facts, same bytes; any input; the numbers also in words; nothing by colour alone."""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from chart_samples import LETTERS, beside, crowd, figures, life_of, loop, weighed
from played import demo
from report_samples import empty, hostile

from runbooks.diagnose.model import Claim, Comparison, Difference, Moment, Span, Status
from runbooks.report import charts, page, summary, writeup
from runbooks.report.charts import axis, text_metrics
from runbooks.report.charts.drawing import Strip
from runbooks.report.charts.matrix import MOST_ROWS
from runbooks.report.section import Figure

HERE = Path(__file__).parent
ELSEWHERE = """
import sys
sys.path[:0] = [{here!r}, {tests!r}]
from test_report_charts import digests
print(digests())
"""


def digests() -> list[str]:
    """The hash of every picture, and of every other output of two reports."""
    texts = [figure.svg + figure.alt for _, figure in figures()]
    for report in (demo(), hostile()):
        texts += [page.render(report), writeup.render(report), summary.dumps(summary.build(report))]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def words(figure: Figure) -> list[str]:
    """The labels of a picture: each stands in a comment beside its outlines."""
    found = re.findall(r'<g id="text_\d+">\s*<!-- (.*?) -->', figure.svg, re.DOTALL)
    return [html.unescape(label) for label in found]


def colourless(figure: Figure) -> str:
    return re.sub(r"#[0-9a-f]{6}", "", figure.svg)


@pytest.mark.slow
def test_they_are_wellformed_and_active_in_nothing() -> None:
    for _, figure in figures():
        root = ElementTree.fromstring(figure.svg)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {
            "svg",
            "metadata",
            "RDF",
            "Work",
            "type",
            "g",
            "defs",
            "style",
            "path",
            "use",
            "clipPath",
            "rect",
            "circle",
            "title",
        }
        links = [value for element in root.iter() for key, value in element.items() if key.endswith("href")]
        assert all(link.startswith("#") for link in links)
        # Digests as ids look like secrets now and then, which costs the picture its marks.
        named = {element.get("id", "") for element in root.iter()} - {""}
        assert [
            name
            for name in named
            if not re.fullmatch(r"(?:figure|axes|patch|line2d|text|use|mark|[rb])_?[0-9a-f]{1,4}", name)
        ] == []
        assert "onerror" not in figure.svg.replace("<!--", "").split("<g", 1)[0]


def test_a_picture_is_the_same_when_drawn_again() -> None:
    drawn: list[Callable[[], Figure]] = [lambda: charts.siblings(beside(3))]
    drawn += [partial(draw, demo().diagnosis) for draw in (charts.timeline, charts.life, charts.matrix)]
    for draw in drawn:
        first, again = draw(), draw()
        assert (first.svg, first.png, first.alt) == (again.svg, again.png, again.alt)


@pytest.mark.slow
def test_every_output_is_the_same_in_another_process_zone_and_language() -> None:
    environment = os.environ | {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7", "COLUMNS": "40"}
    code = ELSEWHERE.format(here=str(HERE), tests=str(HERE.parent))
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(digests())


def test_words_say_the_numbers_of_the_demo() -> None:
    incident = demo().diagnosis
    alt = charts.timeline(demo()).alt
    assert "41 moments from 8 sources" in alt
    assert "platform log 16" in alt
    assert "Decisive: number 12, 2025-10-02 03:00:17 UTC, program log: [Main] Missing required environment" in alt
    assert "Longest gap: 9 min 11 s after number 38" in alt
    life = charts.life(incident).alt
    assert "Started 4 times, 3 restarts; longest run 1.2 s; destroyed at the time of the check." in life
    assert "Matrix of 11 hypotheses (of 18 evaluated) and 12 pieces of evidence" in charts.matrix(incident).alt


@pytest.mark.parametrize("count", [1, 2, 3, 36, 61, 300])
def test_a_timelines_words_and_lanes_count_what_there_is(count: int) -> None:
    figure, moments = charts.timeline(crowd(count)), crowd(count).timeline
    amounts = Counter(moment.source for moment in moments)
    told = re.search(r"^Timeline of (\d+) moments? from (\d+) sources?, .*? By source: (.*?)\.", figure.alt)
    assert told is not None
    assert (told[1], told[2]) == (str(count), str(len(amounts)))
    counted = [int(one.rpartition(" ")[2]) for one in told[3].split(", ")]
    assert sorted(counted) == sorted(amounts.values())
    assert [int(word.split()[0]) for word in words(figure) if re.fullmatch(r"\d+ moments?", word)] == counted
    assert len(re.findall(r"<use [^>]*y=", figure.svg)) == count, "every moment is drawn once"


def test_lanes_stand_in_the_order_of_the_telling() -> None:
    shown = words(charts.timeline(crowd(120)))
    names = [
        "caller",
        "Fly API",
        "events",
        "metrics",
        "platform log",
        "program log",
        "row (record)",
        "endpoint",
        "status page",
    ]
    places = [shown.index(name) for name in (*names, "this check")]
    assert places == sorted(places)


def test_equal_lines_are_told_once_and_counted() -> None:
    moments = crowd(300).timeline
    labels = [word for word in words(charts.timeline(crowd(300))) if "×" in word]
    assert len(labels) == len(set(labels)) >= 9
    for label in labels:
        said = re.fullmatch(r"(\d+) (.*?)…? ×(\d+)", label)
        assert said is not None
        first = moments[int(said[1]) - 1]
        assert said[2][:6] in first.text
        assert int(said[3]) == sum((m.source, m.text) == (first.source, first.text) and not m.decisive for m in moments)


@pytest.mark.parametrize("restarts", [0, 1, 40])
def test_a_life_counts_its_starts(restarts: int) -> None:
    figure = charts.life(loop(restarts))
    said = f"Started {restarts + 1} times, {restarts} restart" if restarts else "Started once;"
    assert said in figure.alt
    assert any(word.startswith(said) for word in words(figure)), "the picture says it too"
    assert f"{1 + 3 * (restarts + 1)} stretches" in figure.alt
    assert restarts > 1 or {f"start {n + 1}" for n in range(restarts + 1)} <= set(words(figure))


def test_a_matrix_holds_every_sign_and_counts_what_it_leaves_out() -> None:
    for diagnosis in (demo().diagnosis, weighed(12, 10), weighed(60, 40)):
        figure = charts.matrix(diagnosis)
        rows = [h for h in diagnosis.hypotheses if h.status is not Status.REFUTED or h.always_listed][:MOST_ROWS]
        cited = {n for h in rows for c in (*h.supports, *h.against, *h.missing) for n in c.evidence}
        shown = {word for word in words(figure) if re.fullmatch(r"E\d\d", word)}
        assert shown <= cited
        columns = re.search(r"(\d+) more column", figure.alt)
        assert len(cited) - len(shown) <= (int(columns[1]) if columns else 0)
        assert f"(of {len(diagnosis.hypotheses)} evaluated) and {len(cited)} pieces of evidence" in figure.alt
        left = sum(map(int, re.findall(r"(\d+) more (?:confirmed|likely|open|refuted)", figure.alt)))
        assert left == len(diagnosis.hypotheses) - len(rows)
        for row in rows:
            assert f"{row.status}: {row.title} (" in figure.alt
            for side, claims in (("supports", row.supports), ("contradicts", row.against), ("missing", row.missing)):
                numbers = sorted({n for claim in claims for n in claim.evidence})
                assert not numbers or f"{side} {' '.join(numbers)}" in figure.alt


def test_the_siblings_words_count_what_differs() -> None:
    comparison = beside(4)
    alt = charts.siblings(comparison).alt
    same = sum(len(set(row.values)) == 1 for row in comparison.rows)
    assert "compared with 3 other machines, by 13 attributes" in alt
    assert f"Only this machine differs in {len(comparison.differs)}: attribute 0 " in alt
    assert f"Same on all machines, {same}: " in alt
    assert "… 17 more attributes, 2 more machines, in the table" in words(charts.siblings(beside(9, attributes=37)))


def test_nothing_is_told_by_colour_alone() -> None:
    claim, hypothesis = (Claim("…", ("E07",)),), demo().diagnosis.hypotheses[0]._replace(supports=())

    def row(one: object) -> str:
        return colourless(charts.matrix(replace(demo().diagnosis, hypotheses=(one,))))

    sides = ("supports", "against", "missing")
    assert len({row(hypothesis._replace(**{side: claim})) for side in sides}) == 3
    assert len({row(hypothesis._replace(status=status, always_listed=True)) for status in Status}) == 4

    moment = demo().diagnosis.timeline[0]
    marked = {colourless(charts.timeline(life_of(moment._replace(decisive=on), moment))) for on in (True, False)}
    assert len(marked) == 2

    def beside_it(value: str, *differs: str) -> str:
        rows = (Difference("state", ("x", value)),)
        return colourless(charts.siblings(Comparison(("a", "b"), rows, (), differs)))

    assert len({beside_it("x"), beside_it("not known"), beside_it("y"), beside_it("y", "state")}) == 4


def test_nothing_known_is_said_so() -> None:
    assert "No dated moment is known" in charts.timeline(empty()).alt
    assert "No state of this machine is known" in charts.life(empty().diagnosis).alt
    assert "No hypothesis was evaluated" in charts.matrix(empty().diagnosis).alt


def test_odd_letters_spans_and_zones_do_no_harm() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    odd = replace(
        demo().diagnosis,
        timeline=(
            Moment(start, "日志 \U0001f4a5", "$\\frac$ _^{", "E07", True),
            Moment(start.replace(tzinfo=None), "", "", ""),
        ),
        life=(Span("ready", start, start), Span("ready", start, start - timedelta(seconds=5)), Span("", start, None)),
    )
    assert charts.timeline(odd).svg.startswith("<svg")
    assert charts.life(odd).svg.startswith("<svg")


def test_a_drawing_leaves_the_users_settings_alone() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "font.size": 30.0, "axes.facecolor": "black"}):
        mine = charts.timeline(demo()).svg
        assert mpl.rcParams["font.size"] == 30.0
    assert mine == charts.timeline(demo()).svg
    assert "matplotlib.pyplot" not in sys.modules


def test_the_axis_keeps_order_and_shows_short_and_long() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    scale = axis.build([start + timedelta(seconds=s) for s in (0, 0.01, 1, 3_600, 864_000)])
    steps = [b - a for a, b in pairwise(scale.places)]
    assert (scale.places[0], scale.places[-1]) == (axis.LEFT, axis.RIGHT)
    assert min(steps) > 20


def test_words_are_cut_to_their_room_and_never_grow() -> None:
    for bold in (False, True):
        for room in (0, 3, 20, 55.5, 300):
            cut = text_metrics.fitted(text_metrics.clean(LETTERS), room, 9, bold, " ×7")
            assert text_metrics.width(cut, 9, bold) <= room
            assert not cut or cut.endswith(" ×7")
    assert text_metrics.fitted("whole", 100, 9) == "whole"
    assert text_metrics.fitted("whole", 3, 9) == ""
    assert text_metrics.clean(None) == "None"
    assert text_metrics.clean("e\u0301\u0301 日\n<b>") == "é\ufffd \ufffd ⏎ <b>"


def test_a_strip_never_gives_a_place_twice() -> None:
    strip = Strip(0, 100, 5)
    assert strip.take(10, 30)
    assert not strip.take(33, 40)
    assert not strip.take(90, 101)
    assert strip.room(50) == (35, 100)
    assert strip.room(20) == (20, 20)
    strip.block(80)
    assert strip.room(50) == (35, 75)
    assert strip.take(40, 50)
    assert strip.grow((40, 50), 90, backwards=False) == (40, 75)
    assert strip.grow((40, 75), 90, backwards=True) == (35, 75)
