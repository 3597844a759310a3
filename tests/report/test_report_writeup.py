"""The write-up and the other Markdown: it parses, it says what the page says, it does nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_samples import EVIL, demo, empty, hostile

from runbooks.report import display, escape, inline, paste, writeup
from runbooks.report.document import Report

SAMPLES = pytest.mark.parametrize("sample", [demo, empty, hostile])


def parsed(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


@SAMPLES
def test_it_holds_no_html_and_only_its_own_links(sample: Callable[[], Report]) -> None:
    text = writeup.render(sample())
    tokens = list(parsed(text))
    assert not [token.content for token in tokens if token.type in ("html_block", "html_inline", "image", "s_open")]
    links = {str(token.attrs["href"]) for token in tokens if token.type == "link_open"}
    headings = {
        after.content.lower()
        for before, after in pairwise(tokens)
        if before.type == "heading_open" and before.tag == "h3"
    }
    assert {link.removeprefix("#") for link in links} <= headings
    assert all(link.startswith("#e") for link in links)


@SAMPLES
def test_nothing_github_would_turn_into_a_link_stands_in_running_text(sample: Callable[[], Report]) -> None:
    running = [token.content for token in parsed(writeup.render(sample())) if token.type == "text"]
    for content in running:
        assert not re.search(r"://|\bwww\.|@\w|(^|\s)#\d", content), content


@SAMPLES
def test_every_row_of_a_table_has_as_many_cells_as_its_head(sample: Callable[[], Report]) -> None:
    width = cells = 0
    for token in parsed(writeup.render(sample())):
        if token.type == "tr_open":
            cells = 0
        elif token.type in ("th_open", "td_open"):
            cells += 1
        elif token.type == "tr_close":
            width = width if width and token.level > 1 and cells == width else cells
            assert cells >= 2
    lines = re.sub(r"^(`{3,}).*?^\1$", "", writeup.render(sample()), flags=re.DOTALL | re.MULTILINE).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    shapes = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert shapes <= {3, 5, 6}


def test_it_reads_in_order() -> None:
    text = writeup.render(demo())
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads == [
        "Root cause", "Ruled out",
        "What to do", "Symptoms", "Who sees the machine", "Timeline", "Hypotheses", "What contributed",
        "Verification", "Prevention", "Not checked", "Evidence",
    ]  # fmt: skip
    assert text.startswith(
        "# Machine created via API but not visible in dashboard\n\n**Status:** ● ROOT CAUSE IDENTIFIED"
    )
    assert "Simulated reconstruction" in text
    assert "at every start. [\\[E07\\]](#e07) [\\[E04\\]](#e04)" in text
    assert "- [ ] **Machine shows in the list**\n\n  ```sh\n  fly machines list --app vyx-app" in text
    assert "[x]" not in text


def test_very_many_moments_are_cut_but_never_the_decisive_one() -> None:
    text = writeup.render(hostile())
    assert "more moments, numbered as in" in text
    assert "◆ **decisive:**" in text


@SAMPLES
def test_the_block_to_paste_is_short(sample: Callable[[], Report]) -> None:
    lines = paste.block(sample()).split("\n")
    assert len(lines) <= paste.MOST_LINES
    assert max(map(len, lines)) < 300


def test_the_block_to_paste_names_what_support_asks_for() -> None:
    block = paste.block(demo())
    for words in ("91850296bd4738", "region sin", "01K6HZ9VVKJ7HZFMJWJB3M3RYN-sin", "14:02:15 UTC", "vyx-app"):
        assert words in block


@pytest.mark.parametrize(
    "text",
    [
        EVIL, "# h", "- a", "1. a", "+ a", "=== a", "--- ", "> q", "a | b", "a\\|b", "*a* _b_ ~~c~~ **d**", "<b>x</b>",
        "[a]: http://x", "[a](b)", "`", "``", "`a``b`", "&lt;", "a\nb", "http://x.y/|`z`", "\\`a`", "~~~", "    code",
        "![a](b)", "@a", "`<b>`", "x@y.z `", "a\\", "https://x.y/a\\|b",
    ],
)  # fmt: skip
def test_a_sentence_stays_a_sentence(text: str) -> None:
    """Alone, in a list, and in a table: one paragraph, no markup but code."""
    shown = inline.markdown(text)
    kinds = {"inline", "text", "code_inline", "paragraph_open", "paragraph_close"}
    assert {token.type for token in parsed(shown)} <= kinds
    assert {token.type for token in parsed(f"- {shown}")} <= kinds | {
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    }  # fmt: skip
    cells = [token for token in parsed(f"| a | b |\n| --- | --- |\n| {shown} | last |") if token.type == "td_open"]
    assert len(cells) == 2


def test_a_fence_cannot_be_left() -> None:
    block = escape.fence("a\n`````\n# out\n<b>")
    assert [token.type for token in parsed(block)] == ["fence"]


@SAMPLES
def test_sections_in_markdown_and_text(sample: Callable[[], Report]) -> None:
    for section in sample().sections:
        tokens = list(parsed(display.section_markdown(section)))
        assert not [t for t in tokens if t.type in ("html_block", "html_inline", "image", "link_open")]
        shown = repr(section)
        assert shown.isprintable() or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        table_lines = [line for line in shown.splitlines() if not line.startswith("  ")]
        assert max(map(len, table_lines)) <= 101
