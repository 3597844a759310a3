"""Every § that code, tests and documents cite is a section of docs/fly-platform.md, and each row of its §11 exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PLATFORM = (CHECKOUT / "docs" / "fly-platform.md").read_text(encoding="utf-8")
PLACES = ("*.md", "Makefile", "*.toml", "docs/**/*", "runbooks/**/*", "tools/**/*", "tests/**/*", "benchmarks/**/*")
TEXT = {".py", ".md", ".yaml", ".toml", ".j2", ".html", ".css", ".js", ".sql"}
FILES = sorted(
    path
    for path in {path for place in PLACES for path in CHECKOUT.glob(place)}
    if path.is_file()
    and path.suffix in TEXT
    and path != Path(__file__)
    and "__pycache__" not in path.parts
    and not any(part.startswith(".") for part in path.relative_to(CHECKOUT).parts)
)

HEADINGS = set(re.findall(r"^#{2,3} §(\d+(?:\.\d+)?) ", PLATFORM, re.M)) | set(
    re.findall(r"^\| §(\d+\.\d+) \|", PLATFORM, re.M)
)
CAUSES, SCENARIOS = (
    set(re.findall(rf"^\| ({form}) \|", PLATFORM.partition(f"\n## §{number} ")[2].partition("\n## ")[0], re.M))
    for number, form in ((11, r"\d+"), (12, r"S\d+"))
)
REFERENCE = re.compile(r"§\s?(?P<section>[\w.]*\w)(?:,? rows? (?P<rows>\d+(?:(?:-|, )\d+)*)| (?P<scenario>S\d+))?")
ELSEWHERE = re.compile(r"\b(?:design|facts|causes)(?:\.md)?,? (?:§|\d+(?:\.\d| row))")


def unresolved(text: str) -> Iterator[str]:
    """The references in `text` that lead nowhere, each with the reason."""
    for found in ELSEWHERE.finditer(text):
        yield f"{found[0]}: § belongs to docs/fly-platform.md, and needs no name in front"
    for found in REFERENCE.finditer(text):
        if found["section"] not in HEADINGS:
            yield f"{found[0]}: no such section"
        if found["rows"] and not (found["section"] == "11" and rows(found["rows"]) <= CAUSES):
            yield f"{found[0]}: no such row"
        if found["scenario"] and not (found["section"] == "12" and found["scenario"] in SCENARIOS):
            yield f"{found[0]}: no such scenario"


def rows(text: str) -> set[str]:
    """The numbers of "1-3, 7"."""
    ranges = [part.partition("-") for part in text.split(", ")]
    return {str(n) for first, _, last in ranges for n in range(int(first), int(last or first) + 1)}


def test_every_section_that_is_cited_exists() -> None:
    lines = (
        (f"{path.relative_to(CHECKOUT)}:{number}", line)
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    )
    astray = [f"{place}: {reason}" for place, line in lines for reason in unresolved(line)]
    assert not astray, "\n".join(astray)


def test_the_sections_stand_in_order() -> None:
    numbers = [tuple(map(int, n.split("."))) for n in re.findall(r"^#{2,3} §([\d.]+) ", PLATFORM, re.M)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "text", ["§99", "§1.99", "§11 row 99", "§11 rows 1-99", "§11, row 99", "§2 row 1", "§12 S99", "design §5", "§A"]
)
def test_a_reference_that_leads_nowhere_would_be_found(text: str) -> None:
    assert list(unresolved(text)) != []


@pytest.mark.parametrize("text", ["§1.6", "§1.1, §1.2", "§11 rows 1-5, 42", "§11, row 43", "§12 S1", "§14.13"])
def test_a_reference_that_resolves_is_accepted(text: str) -> None:
    assert list(unresolved(text)) == []
