"""A section in the notebook, and the escaping under everything."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest
from report_samples import EVIL, demo, hostile

from runbooks.report import escape, inline, times
from runbooks.report.section import Section


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("section", [*demo().sections, *hostile().sections], ids=lambda s: s.slug[:12])
def test_the_notebook_shows_it_styled_and_harmless(section: Section) -> None:
    tags = Tags(section._repr_html_()).found
    allowed = {
        "div",
        "p",
        "strong",
        "ul",
        "li",
        "code",
        "figure",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "span",
    }
    assert {tag for tag, _ in tags} <= allowed
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on") or name in ("href", "id")]
    assert all(attrs.get("scope") == "col" for tag, attrs in tags if tag == "th")


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
