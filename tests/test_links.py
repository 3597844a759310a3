"""Every link in a document or a notebook leads to something that exists, or has the form of an address that may."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

CHECKOUT = Path(__file__).parent.parent
PLACES = ("*.md", ".github/**/*.md", "docs/**/*.md", "tests/**/*.md", "benchmarks/**/*.md", "outputs/*.md")
DOCUMENTS = sorted(p for pattern in (*PLACES, "outputs/example/**/*.md") for p in CHECKOUT.glob(pattern))
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ATTRIBUTE = re.compile(r"\b(?:href|src)=[\"']([^\"']+)")


def targets(text: str) -> Iterator[str]:
    """Where links, pictures and plain HTML lead."""
    for token in (part for block in READER.parse(text) for part in (block, *(block.children or ()))):
        if token.type == "link_open":
            yield str(token.attrs["href"])
        elif token.type == "image":
            yield str(token.attrs["src"])
        elif token.type in ("html_block", "html_inline"):
            yield from ATTRIBUTE.findall(token.content)


def anchors(text: str) -> set[str]:
    """The ids that GitHub gives to headings."""
    tokens = READER.parse(text)
    headings = [b.content for a, b in itertools.pairwise(tokens) if a.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", h)).strip().lower().replace(" ", "-") for h in headings}


def astray(text: str, document: Path) -> Iterator[str]:
    """Targets that are not there, each with the reason."""
    for target in targets(text):
        parts = urlsplit(target)
        if parts.scheme:
            if parts.scheme != "https" or not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.netloc):
                yield f"{target}: no address of the public web"
            continue
        there = (document.parent / unquote(parts.path)).resolve() if parts.path else document
        if not there.is_relative_to(CHECKOUT) or not there.exists():
            yield f"{target}: no such file"
        elif parts.fragment and there.suffix == ".md":
            content = text if there == document else there.read_text(encoding="utf-8")
            if parts.fragment not in anchors(content):
                yield f"{target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    assert list(astray(document.read_text(encoding="utf-8"), document)) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_every_link_of_a_notebook_leads_somewhere(notebook: Path) -> None:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            assert list(astray("".join(cell["source"]), notebook)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[x](docs/nowhere.md)",
        "[x](README.md#nothing-is-called-so)",
        "![x](docs/nowhere.png)",
        '<img alt="x" src="docs/nowhere.png">',
        "[x][y]\n\n[y]: docs/nowhere.md",
        "[x](#nothing-is-called-so)",
        "[x](http://fly.io/docs)",
        "[x](https://localhost/)",
        "<ftp://example.com/x>",
        "[x](../outside.md)",
    ],
)
def test_a_link_astray_would_be_found(text: str) -> None:
    assert list(astray(text, CHECKOUT / "README.md"))
