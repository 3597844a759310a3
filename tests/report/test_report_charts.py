"""The pictures: same facts, same bytes; any input; the numbers also in words."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_samples import demo, demo_diagnosis, empty, hostile

from runbooks.diagnose.model import Moment, Span
from runbooks.report import axis, charts, page, summary, writeup
from runbooks.report.section import Figure

HERE = Path(__file__).parent
ELSEWHERE = """
import sys
sys.path.insert(0, {here!r})
from test_report_charts import digests
print(digests())
"""


def digests() -> list[str]:
    """The hash of every output of two reports."""
    texts = []
    for report in (demo(), hostile()):
        texts += [charts.timeline(report).svg, charts.life(report.diagnosis).svg, page.render(report)]
        texts += [writeup.render(report), summary.dumps(summary.build(report))]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def drawings() -> list[Figure]:
    return [
        draw
        for report in (demo(), empty(), hostile())
        for draw in (charts.timeline(report), charts.life(report.diagnosis))
    ]


def test_they_are_wellformed_and_active_in_nothing() -> None:
    for figure in drawings():
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
        }
        links = [value for element in root.iter() for key, value in element.items() if key.endswith("href")]
        assert all(link.startswith("#") for link in links)
        assert "onerror" not in figure.svg.replace("<!--", "").split("<g", 1)[0]


def test_they_are_the_same_twice() -> None:
    assert [figure.svg for figure in drawings()] == [figure.svg for figure in drawings()]


def test_every_output_is_the_same_in_another_process_zone_and_language() -> None:
    environment = os.environ | {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7", "COLUMNS": "40"}
    code = ELSEWHERE.format(here=str(HERE))
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(digests())


def test_words_say_the_numbers() -> None:
    alt = charts.timeline(demo()).alt
    assert "17 moments from 6 sources" in alt
    assert "API event 10" in alt
    assert "Decisive: number 7, 2025-10-02 14:02:15 UTC, program log: Missing required environment variables" in alt
    assert "Longest quiet stretch: 2 h 29 min after number 16" in alt
    assert "started 4 times" in charts.life(demo_diagnosis()).alt


def test_nothing_known_is_said_so() -> None:
    assert "No dated moment is known" in charts.timeline(empty()).alt
    assert "No state of this machine is known" in charts.life(empty().diagnosis).alt


@pytest.mark.parametrize("count", [1, 2, 3, 36, 37, 300])
def test_any_number_of_moments(count: int) -> None:
    moment = demo_diagnosis().timeline[0]
    same = replace(demo_diagnosis(), timeline=(moment,) * count)
    assert f"{count} moment" in charts.timeline(same).alt


def test_letters_the_font_lacks_and_odd_spans_do_no_harm() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    odd = replace(
        demo_diagnosis(),
        timeline=(Moment(start, "日志 \U0001f4a5", "$\\frac$ _^{", "E07", True),),
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
    assert scale.places[0] == 0
    assert scale.places[-1] == 1
    assert min(steps) > 0.03
    assert [place for place, _ in scale.ticks(0.2)] == sorted(place for place, _ in scale.ticks(0.2))
