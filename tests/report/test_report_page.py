"""The page: one file, nothing active, nothing loaded, every footnote resolves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from report_samples import EVIL, demo, empty, hostile

from runbooks.diagnose.model import Verdict
from runbooks.report import page
from runbooks.report.document import Report
from runbooks.report.section import Section

SAMPLES = pytest.mark.parametrize("sample", [demo, empty, hostile])
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


@SAMPLES
def test_it_is_wellformed_and_active_in_nothing(sample: Callable[[], Report]) -> None:
    text = page.render(sample())
    reader = Reader(text)
    assert not reader.faults
    assert not reader.open
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object", "embed", "form", "base", "svg"}
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on") or name == "srcset"]
    assert all(href.startswith("#") for href in reader.values("href"))
    assert all(src.startswith("data:image/svg+xml;base64,") for src in reader.values("src"))
    assert not re.search(r"url\(|@import", text.split("</style>")[0])
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text.replace("&#x27;", "'").replace(
        "&#39;", "'"
    )


@SAMPLES
def test_every_link_inside_resolves_and_ids_are_unique(sample: Callable[[], Report]) -> None:
    report = sample()
    reader = Reader(page.render(report))
    ids = list(reader.values("id"))
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in reader.values("href")} <= set(ids)
    assert set(report.evidence.looks) <= set(ids)


@SAMPLES
def test_headings_are_in_order(sample: Callable[[], Report]) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(page.render(sample())).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@SAMPLES
def test_landmarks_tables_and_pictures_speak(sample: Callable[[], Report]) -> None:
    reader = Reader(page.render(sample()))
    tags = [tag for tag, _ in reader.tags]
    assert {"header", "main", "nav", "footer"} <= set(tags)
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in reader.tags if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in reader.tags if tag == "img")
    assert dict(reader.tags)["html"] == {"lang": "en"}


def test_the_first_screen_is_the_answer() -> None:
    text = page.render(demo())
    first = re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("<nav")])
    for words in ("ROOT CAUSE IDENTIFIED", "existed for 24 seconds", "SUPABASE_SERVICE_KEY", "confirmed", "2025-10-02"):
        assert words in first
    for words in ("91850296bd4738", "fly secrets set", "Who sees the machine", "Dashboard", "does not"):
        assert words in first
    assert "Simulated reconstruction" in text
    assert "Simulated reconstruction" not in page.render(empty())


def test_a_notebooks_conclusions_are_not_said_twice() -> None:
    report = demo()
    repeated = tuple(Section(slug, slug, "", "SAID TWICE") for slug in page.OWN)
    assert page.render(replace(report, sections=report.sections + repeated)) == page.render(report)


@pytest.mark.parametrize(
    ("verdict", "confidence", "words"),
    [
        (Verdict.HEALTHY, None, "RESOLVED"),
        (Verdict.INCIDENT, "confirmed", "ROOT CAUSE IDENTIFIED"),
        (Verdict.INCIDENT, "likely", "INVESTIGATING"),
        (Verdict.INCIDENT, None, "INVESTIGATING"),
        (Verdict.INCONCLUSIVE, None, "INCONCLUSIVE"),
    ],
)
def test_the_status_line(verdict: Verdict, confidence: str | None, words: str) -> None:
    report = demo()
    cause = replace(report.diagnosis.cause, confidence=confidence) if confidence and report.diagnosis.cause else None
    text = page.render(replace(report, diagnosis=replace(report.diagnosis, verdict=verdict, cause=cause)))
    assert f"<title>{words}: " in text


def test_what_is_cut_is_counted_and_what_is_hidden_is_shown() -> None:
    text = page.render(hostile())
    assert "1,000,368 characters" in text
    assert re.search(r"cut: 996,\d{3} more characters, see evidence/http.har", text)
    assert "⟨NUL⟩" in text
    assert "⟨U+202E⟩" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "{{ 7*7 }}" in text
    assert len(text) < 3_000_000
    text.encode("utf-8")


def test_nothing_in_it_depends_on_how_long_a_request_took() -> None:
    report = demo()
    slow = {
        number: replace(look, exchanges=tuple(replace(one, duration_ms=9.9) for one in look.exchanges))
        for number, look in report.evidence.looks.items()
    }
    assert page.render(report) == page.render(replace(report, evidence=replace(report.evidence, looks=slow)))


@pytest.mark.parametrize("sample", [demo, hostile])
def test_a_browser_shows_it(sample: Callable[[], Report], tmp_path: Path, chromium: str) -> None:
    """No request, no dialog, no sideways scrolling on a phone, and print opens what is folded."""
    playwright = pytest.importorskip("playwright.sync_api")
    target = tmp_path / "report.html"
    target.write_text(page.render(sample()), encoding="utf-8")
    noise: list[str] = []
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        tab.on("dialog", lambda dialog: noise.append(dialog.message))
        tab.on("console", lambda message: noise.append(message.text))
        tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or noise.append(request.url))
        tab.goto(target.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        folded = "[...document.querySelectorAll('details pre')].filter(e => e.checkVisibility()).length"
        assert tab.evaluate(folded) == 0
        tab.emulate_media(media="print")
        boxes = "[...document.querySelectorAll('details pre')].map(e => e.getBoundingClientRect().height)"
        assert min(tab.evaluate(boxes)) > 10
        browser.close()
    assert noise == []


def test_the_attack_is_a_real_one() -> None:
    assert {"<script>", "javascript:", "\x1b[", "\u202e", "\x00", "```"} <= {
        part for part in ("<script>", "javascript:", "\x1b[", "\u202e", "\x00", "```") if part in EVIL
    }
