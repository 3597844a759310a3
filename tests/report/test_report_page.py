"""The page: one file, nothing active but its own script, nothing loaded, every footnote resolves."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from played import demo, healthy, stuck
from report_samples import EVIL, RUN, empty, fixed, hostile, likely, long, not_fixed

from runbooks.diagnose.model import Confidence, Verdict
from runbooks.report import fly_support, format_body, page, paste, times
from runbooks.report.document import Report
from runbooks.report.section import Section

SAMPLES = pytest.mark.parametrize("sample", [demo, empty, hostile, fixed, not_fixed, likely, healthy, long])
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Collects tags, ids, links, headings; notes elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def values(self, name: str) -> Iterator[str]:
        return (attrs[name] or "" for _, attrs in self.tags if name in attrs)


@cache
def rendered(sample: Callable[[], Report]) -> str:
    return page.render(sample())


@SAMPLES
def test_it_is_wellformed_and_nothing_is_active_but_its_own_script(sample: Callable[[], Report]) -> None:
    text = rendered(sample)
    reader = Reader(text)
    assert not reader.faults
    assert not reader.open
    assert not {tag for tag, _ in reader.tags} & {"link", "iframe", "object", "embed", "form", "base", "foreignObject"}
    assert [attrs for tag, attrs in reader.tags if tag == "script"] == [{}]
    script = re.findall("<script>(.*?)</script>", text, re.DOTALL)[-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on") or name == "srcset"]
    assert all(href.startswith(("#", "../../2025-10-0")) for href in reader.values("href"))
    assert not list(reader.values("src"))
    assert not re.search(r"url\(|@import", text.split("</style>")[0])
    policy = next(attrs["content"] for tag, attrs in reader.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy == f"{page.POLICY}; script-src 'sha256-{digest}'"
    assert page.POLICY.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


@SAMPLES
def test_every_link_inside_resolves_and_ids_are_unique(sample: Callable[[], Report]) -> None:
    report = sample()
    reader = Reader(rendered(sample))
    ids = list(reader.values("id"))
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in reader.values("href") if href.startswith("#")} <= set(ids)
    assert {href[1:] for href in reader.values("xlink:href")} <= set(ids)
    assert set(report.evidence.observations) <= set(ids)


@SAMPLES
def test_headings_are_in_order(sample: Callable[[], Report]) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(rendered(sample)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@SAMPLES
def test_landmarks_tables_and_pictures_speak(sample: Callable[[], Report]) -> None:
    reader = Reader(rendered(sample))
    tags = [tag for tag, _ in reader.tags]
    assert {"header", "main", "nav", "footer"} <= set(tags)
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in reader.tags if tag == "th")
    assert all(attrs.get("aria-label") and attrs.get("role") == "img" for tag, attrs in reader.tags if tag == "svg")
    assert dict(reader.tags)["html"] == {"lang": "en"}


def test_the_first_screen_is_the_answer() -> None:
    text = page.render(demo())
    first = re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("<nav")])
    for words in ("ROOT CAUSE IDENTIFIED", "is destroyed: the", "SUPABASE_SERVICE_KEY", "confirmed", "2025-10-02"):
        assert words in first
    for words in ("91850296bd4738", "fly secrets set", "Visibility", "do not show it", "Impact", "destroyed since"):
        assert words in first
    decisive = next(moment for moment in demo().diagnosis.timeline if moment.decisive)
    assert html.escape(decisive.text) in first
    assert times.second(decisive.at) in first
    assert "Simulated reconstruction" in text
    assert "Simulated reconstruction" not in page.render(empty())


def test_no_line_of_the_headline_ends_inside_a_name() -> None:
    report = demo()
    told = replace(report.diagnosis, headline="vyx-app runs, and <b-c> is `not-it` [E03].")
    first = page.render(replace(report, diagnosis=told))
    assert '<span class="name">vyx-app</span> runs, and &lt;' in first
    assert not Reader(first).faults


def test_a_notebooks_conclusions_are_not_said_twice() -> None:
    report = demo()
    repeated = (Section("five-checks", "The five checks", "", "SAID TWICE", in_opening=True),)
    assert page.render(replace(report, sections=report.sections + repeated)) == page.render(report)


@pytest.mark.parametrize(
    ("verdict", "confidence", "words"),
    [
        (Verdict.HEALTHY, None, "HEALTHY"),
        (Verdict.INCIDENT, "confirmed", "ROOT CAUSE IDENTIFIED"),
        (Verdict.INCIDENT, "likely", "LIKELY CAUSE"),
        (Verdict.INCIDENT, None, "INVESTIGATING"),
        (Verdict.INCONCLUSIVE, None, "INCONCLUSIVE"),
    ],
)
def test_the_status_line(verdict: Verdict, confidence: str | None, words: str) -> None:
    report = demo()
    assert report.diagnosis.cause is not None
    cause = report.diagnosis.cause._replace(confidence=Confidence(confidence)) if confidence else None
    text = page.render(replace(report, diagnosis=replace(report.diagnosis, verdict=verdict, cause=cause)))
    assert f"<title>{words}: " in text


def test_what_is_cut_is_counted_and_what_is_hidden_is_shown() -> None:
    text = page.render(hostile())
    assert "1,000,368 characters" in text
    assert re.search(r"cut: 9[89]\d,\d{3} more characters, see evidence/http.har", text)
    assert "⟨NUL⟩" in text
    assert "⟨U+202E⟩" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "{{ 7*7 }}" in text
    assert len(text) < 3_000_000
    text.encode("utf-8")


def test_nothing_in_it_depends_on_how_long_a_request_took() -> None:
    report = demo()
    slow = {
        number: replace(observation, exchanges=tuple(replace(one, duration_ms=9.9) for one in observation.exchanges))
        for number, observation in report.evidence.observations.items()
    }
    assert page.render(report) == page.render(replace(report, evidence=replace(report.evidence, observations=slow)))


def test_what_is_needed_next_stands_first_and_what_it_rests_on_is_folded() -> None:
    slugs = ("timeline", "image", "mine", "logs", "searched", "yours")
    sections = tuple(Section(slug, slug.title(), "", f"<{slug}>") for slug in slugs)
    text = page.render(replace(demo(), sections=sections))
    rest = text[text.index("</nav>") :]
    shown = re.findall(r'<(?:h2|h3|details class="part") id="([^"]+)"', rest)
    told = ["step-image", "step-mine", "step-logs", "step-yours"]
    order = ["cause", "impact", "what-to-do", "verification", "prevention", "step-timeline", "visibility"]
    order += ["not-checked", "hypotheses", "steps", *told, "support", "evidence"]
    assert shown == order
    assert "&lt;searched&gt;" in text[text.index('id="evidence"') :]
    contents = re.findall(r'href="#([^"]+)"', text[text.index("<nav") : text.index("</nav>")])
    assert contents == [anchor for anchor in order if anchor not in told]


def test_steps_that_are_the_answer_are_not_folded() -> None:
    """A runbook without hypotheses has nothing else to say."""
    report = demo()
    sections = (Section("machines", "Machines that disagree", "", "Two."),)
    text = page.render(replace(report, sections=sections, diagnosis=replace(report.diagnosis, hypotheses=())))
    assert '<h2 id="step-machines">' in text
    assert 'id="steps"' not in text


def test_every_look_leads_back_to_what_rests_on_it() -> None:
    text = page.render(demo())
    looked = text[text.index('id="E07"') : text.index('id="E08"')]
    back = re.findall(r'<a href="#([^"]+)">', looked)
    assert back == ["main", "cause", "hypotheses", "step-timeline", "step-logs"]


def test_the_checks_of_a_fix_come_first_with_what_they_were() -> None:
    text = page.render(not_fixed())
    first = re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("<nav")])
    lines = [" ".join(line.split()) for line in first.split("\n")]
    assert "The machine runs and stays up [E03] ✓ passes ✗ fails" in lines
    assert "The WebSocket connects [E17] ✗ fails ✗ fails" in lines
    assert "The database row says running [E14] ? not checked ✗ fails" in lines
    assert "3 of 5 pass" in lines
    assert "RESOLVED" not in text
    assert "<title>RESOLVED: Fixed: all five checks hold" in page.render(fixed())
    assert "This incident can be closed." in page.render(fixed())


def test_earlier_runs_are_linked_where_their_folder_is_one() -> None:
    text = page.render(fixed())
    links = {href for href in Reader(text).values("href") if not href.startswith("#")}
    assert f"../../{RUN}/report.html" in links
    assert all(re.fullmatch(r"\.\./\.\./\d{4}-\d\d-\d\d/[\w.%~-]+/report\.html", href) for href in links)
    assert "2 changes since the run of 2025-10-02 03:09:40 UTC" in text
    assert "[cut: 3 more runs" in text
    unchanged = page.render(not_fixed())
    assert "Verdict, cause and views have not changed since the run of 2025-10-02 03:09:40 UTC" in unchanged
    assert {href for href in Reader(unchanged).values("href") if not href.startswith("#")} == {
        f"../../{RUN}/report.html"
    }


@pytest.mark.parametrize(
    "folder", ["", "x", "../../etc", "2025-10-02/a/../../..", "javascript:alert(1)", "2025-10-02/"]
)
def test_no_other_folder_becomes_a_link(folder: str) -> None:
    report = not_fixed()
    assert report.since is not None
    since = replace(report.since, earlier=(replace(report.since.earlier[0], folder=folder),))
    hrefs = set(
        Reader(page.render(replace(report, since=since, diagnosis=replace(report.diagnosis, review=None)))).values(
            "href"
        )
    )
    assert all(href.startswith("#") for href in hrefs)


def test_what_is_passed_on_stands_in_it_whole() -> None:
    text = html.unescape(page.render(stuck()))
    assert f'<pre class="whole">{paste.block(stuck())}</pre>' in text
    assert f'<pre class="whole">{fly_support.packet(stuck())}</pre>' in text
    assert f"<p>{fly_support.packet(demo())}</p>" in html.unescape(page.render(demo()))


def test_notes_keep_their_lines() -> None:
    text = page.render(fixed())
    assert "Called at 03:20.\n   She had changed the secret.\n&lt;script&gt;" in text
    assert '<p class="words">A second note.</p>' in text
    assert "own words" not in page.render(demo())


def test_an_answer_is_laid_out_one_entry_a_line() -> None:
    body = '{"data":[{"message":"one","at":1},{"message":"two","at":null}],"meta":{"next":"' + "x" * 90 + '"},"e":[]}'
    assert format_body.lay_out(body).text.split("\n") == [
        "{",
        '  "data": [{"message": "one", "at": 1}, {"message": "two", "at": null}],',
        '  "meta": {',
        f'    "next": "{"x" * 90}"',
        "  },",
        '  "e": []',
        "}",
    ]
    for odd in ("", "[", "{not json", "[" * 200_000, '[1e999, NaN, "\\ud800"]', "plain\ntext"):
        assert format_body.lay_out(odd).size == len(odd)


def test_the_attack_is_a_real_one() -> None:
    assert {"<script>", "javascript:", "\x1b[", "\u202e", "\x00", "```"} <= {
        part for part in ("<script>", "javascript:", "\x1b[", "\u202e", "\x00", "```") if part in EVIL
    }
