"""A section in the notebook, and the escaping under everything."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import bleach
import pandas as pd
import pytest
from played import demo
from report_samples import EVIL, hostile
from rich.cells import cell_len

from runbooks.report import escape, inline, table, times
from runbooks.report.notebook import outputs
from runbooks.report.section import Figure, Item, Mark, Section


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


SECTIONS = [*demo().sections, *hostile().sections]
sections = pytest.mark.parametrize("section", SECTIONS, ids=[f"{n}-{s.slug[:12]}" for n, s in enumerate(SECTIONS)])
STRUCTURE = {"div", "p", "strong", "ul", "ol", "li", "code", "table", "thead", "tbody", "tr", "th", "td", "pre", "span"}
GITHUB = STRUCTURE - {"span"} | {"a", "figure", "img", "details", "summary"}
"""Tags that GitHub's view of a notebook leaves, out of those used here. Styles, roles and `data:` images go."""


def as_github(html: str) -> str:
    attributes = {"*": ["alt", "scope", "aria-label", "tabindex"], "a": ["href"], "img": ["src"]}
    cleaned: str = bleach.clean(html, tags=GITHUB, attributes=attributes, protocols=["http", "https"], strip=True)
    return cleaned


@sections
def test_the_notebook_shows_it_styled_and_harmless(section: Section) -> None:
    shown = "".join(data.get("text/html", "") for data, _ in outputs(section))
    for html, allowed in ((shown, {"details", "summary"}), (section._repr_html_(), {"figure", "img"})):
        tags = Tags(html).found
        assert {tag for tag, _ in tags} <= STRUCTURE | allowed
        assert not [name for _, attrs in tags for name in attrs if name.startswith("on") or name in ("href", "id")]
        assert all(attrs.get("scope") == "col" for tag, attrs in tags if tag == "th")


@sections
def test_without_any_style_it_is_still_told(section: Section) -> None:
    told = list(outputs(section))
    cleaned = [as_github(data["text/html"]) for data, _ in told if "text/html" in data]
    shown = "".join(cleaned)
    assert "style=" not in shown
    assert "<img" not in shown
    assert cleaned[0].startswith(f"<div><div><strong>{escape.html(section.title, 300)}</strong>")
    assert shown.count("<p><strong>") == 1, "the answer"
    assert shown.count("<li>") == len(section.notes) + len(section.items)
    assert shown.count("<th ") == (sum(map(bool, section.table.columns)) if section.table is not None else 0)
    pictures = [(data, metadata) for data, metadata in told if "image/png" in data]
    assert len(pictures) == (section.figure is not None)
    for data, metadata in pictures:
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert data["text/plain"].startswith("[chart] ")
        assert metadata["image/png"]["alt"] == escape.plain(section.figure.alt, 4_000)  # type: ignore[union-attr]
        assert f"<summary>Text description of the chart</summary>{escape.html(section.figure.alt, 4_000)}" in shown  # type: ignore[union-attr]
    plain = "\n\n".join(filter(None, (data["text/plain"] for data, _ in told)))
    assert plain == repr(section)


def test_a_picture_that_cannot_be_drawn_costs_only_itself() -> None:
    def broken() -> bytes:
        raise RuntimeError("no such font")

    section = Section("s", "T", "", "Answer.", figure=Figure("f", "three lanes", lambda: "<svg/>", broken))
    ((data, _),) = outputs(section)
    assert "The chart could not be drawn (RuntimeError); text description: three lanes" in data["text/html"]
    assert "Answer." in data["text/html"]


def test_a_large_picture_and_a_long_quote_are_whole() -> None:
    """No limit for the length of a value cuts what a viewer has to decode."""
    svg = f"<svg>{'x' * 100_000}</svg>"
    quote = "\n".join(["y" * 390] * 390)
    section = Section("s", "T", "", "A.", quote=quote, figure=Figure("f", "alt", lambda: svg, lambda: b""))
    source = next(attrs["src"] for tag, attrs in Tags(section._repr_html_()).found if tag == "img")
    assert base64.b64decode((source or "").partition(",")[2]).decode() == svg
    assert quote in section._repr_html_()


def test_items_bring_their_commands_and_their_own_marks() -> None:
    ordered = Section(
        "s",
        "T",
        "",
        "A.",
        items=(Item("First.", commands=("fly a", "fly b")), Item("Then.", ("E03",))),
        mark=Mark.NUMBER,
    )
    assert "<ol" in ordered._repr_html_()
    assert "<li>First.<pre" in ordered._repr_html_()
    assert repr(ordered).endswith("A.\n1. First.\n    fly a\n    fly b\n2. Then. [E03]")
    boxes = Section("s", "T", "", "A.", items=(Item("This."), Item("That.")), mark=Mark.BOX)
    assert repr(boxes).endswith("A.\n☐ This.\n☐ That.")
    assert "list-style:none" in boxes._repr_html_()


def test_links_lead_to_files_and_nowhere_else() -> None:
    section = Section("s", "T", "", "A.", links=(("report.html", "../a b/report.html"), ("<x>", "javascript:alert(1)")))
    hrefs = [attrs["href"] for tag, attrs in Tags(section._repr_html_()).found if tag == "a"]
    assert hrefs == ["../a%20b/report.html", "javascript%3Aalert%281%29"]


def test_a_table_in_a_terminal_breaks_no_word() -> None:
    columns = {"what": ["short"], "reference": [f"registry.fly.io/vyx-app@sha256:{'0123456789abcdef' * 3}"]}
    narrow = table.text(pd.DataFrame(columns))
    assert narrow.splitlines()[0].split() == ["what", "reference"]
    assert columns["reference"][0] in narrow
    many = {f"column {n}": [f"a-word-without-any-blank-{n}", "–"] for n in range(8)}
    wide = table.text(pd.DataFrame(many))
    assert max(map(len, wide.splitlines())) <= 100
    assert "a-word-without-any-blank-0  a-word-without-any-blank-1" in wide
    assert "column 7: a-word-without-any-blank-7" in wide
    assert wide.count("column 7") == 1, "an empty cell is left out"


def test_a_heading_gives_way_before_the_cells_do() -> None:
    columns = ["time (UTC)", *(f"a long heading {n}" for n in range(8))]
    shown = table.text(pd.DataFrame([["2025-10-02 03:00:25 UTC", *"12345678"]], columns=columns))
    assert "2025-10-02 03:00:25 UTC  1 " in shown
    assert max(map(len, shown.splitlines())) <= 100


@sections
def test_a_terminal_of_a_hundred_columns_holds_it(section: Section) -> None:
    prose = [line for line in repr(section).splitlines() if not line.startswith("  ")]
    assert max(map(cell_len, prose)) <= 100


def test_a_named_index_is_shown_and_missing_cells_are_dashes() -> None:
    frame = pd.DataFrame({"state": ["started", None, float("nan")]}, index=pd.Index(["a", "b", "c"], name="machine"))
    section = Section("s", "T", "", "A.", table=frame)
    assert "machine" in repr(section)
    assert section._repr_html_().count(">–</td>") == 2


def test_rows_that_are_cut_are_counted() -> None:
    section = Section("s", "T", "", "A.", table=pd.DataFrame({"n": [str(n) for n in range(1_000)]}))
    assert "[cut: 600 more rows]" in section._repr_html_()
    assert "[cut: 960 more rows]" in repr(section)


def test_footnotes_are_links_only_where_the_evidence_is() -> None:
    shown = inline.html("x [E03, E04b] `[E03]` [E99]", {"E03", "E04b"})
    assert '<a class="note" href="#E03">[E03]</a> <a class="note" href="#E04b">[E04b]</a>' in shown
    assert "<code>[E03]</code>" in shown
    assert '<span class="note">[E99]</span>' in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;t\x07", "⟨ESC⟩]0;t⟨BEL⟩"),
        ("a\x00b\x7f\x9b", "a⟨NUL⟩b⟨DEL⟩⟨U+009B⟩"),
        ("\u202eexe.gnp", "⟨U+202E⟩exe.gnp"),
        ("\ud800", "\ufffd"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("é日\U0001f600\u200d", "é日\U0001f600\u200d"),
    ],
)
def test_plain_shows_what_would_hide(text: str, shown: str) -> None:
    assert escape.plain(text) == shown


def test_cuts_are_counted() -> None:
    assert escape.cut("a" * 1_005, 5) == "aaaaa … [cut: 1,000 more characters]"
    assert escape.cut("one two three " * 9, 9) == "one two … [cut: 119 more characters]"
    assert escape.cut("x" * 10, 9) == "x" * 10
    assert list(escape.lines("a\nb\nc", 1, 9)) == ["a", "… [cut: 2 more lines]"]


def test_escaping_is_fast_enough_for_a_flood() -> None:
    for flood in ("`" * 1_000_000, "[E03" * 200_000, "\x1b[" * 500_000, "@" * 1_000_000, EVIL * 2_000):
        inline.html(flood)
        inline.markdown(flood)
        escape.plain(flood)


def test_lengths_of_time() -> None:
    from datetime import timedelta

    shown = [times.length(timedelta(seconds=s)) for s in (0, 0.44, 9.96, 37, 60, 125, 3_600, 11_400, 90_000, -5)]
    assert shown == ["0 s", "0.4 s", "10 s", "37 s", "1 min", "2 min 5 s", "1 h", "3 h 10 min", "1 d 1 h", "−5 s"]


def test_durations_in_words() -> None:
    from datetime import timedelta

    from runbooks.diagnose.facts import format_duration

    shown = [format_duration(timedelta(seconds=s)) for s in (0, 0.44, 1, 9.96, 37, 125, 3_599, 8_400, 90_000, -5)]
    assert shown == [
        "0 seconds", "0.4 seconds", "1 second", "9.9 seconds", "37 seconds", "2 minutes", "59 minutes",
        "2 hours and 20 minutes", "1 day and 1 hour", "−5 seconds",
    ]  # fmt: skip
    assert format_duration(timedelta(days=400, hours=3)) == "400 days"
    assert format_duration(timedelta(seconds=115)) == "1 minute and 55 seconds"
    assert format_duration(timedelta(seconds=179)) == "2 minutes and 50 seconds"
    assert format_duration(timedelta(days=2, hours=21, minutes=40)) == "2 days and 21 hours"
    assert format_duration(None) == "an unknown time"
