"""Measure how long a report is: `python tools/measure_report.py outputs/*/*/report.html`.

A screen is 1280×800 or 390×844 pixels, a page is A4. What is folded stays folded, as a reader finds it.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DESK, PHONE = (1280, 800), (390, 844)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_PAGE = re.compile(rb"/Type\s*/Page\b")


@contextmanager
def chromium() -> Iterator[Any]:
    """The Chromium of this machine, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


def screens(browser: Any, report: Path, size: tuple[int, int]) -> float:
    """How many screens of that size (width, height in pixels) the report is high."""
    tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
    tab.goto(report.resolve().as_uri())
    high = tab.evaluate("document.documentElement.scrollHeight")
    tab.close()
    return float(high) / size[1]


def printed(browser: Any, report: Path, appendix: bool) -> int:
    """On how many pages of A4 the report is printed, with what is folded on the screen or without it."""
    tab = browser.new_page()
    tab.goto(report.resolve().as_uri())
    if not appendix:
        tab.add_style_tag(content="@media print { details.part { display: none } }")
    pdf = tab.pdf(format="A4", prefer_css_page_size=True)
    tab.close()
    return len(_PAGE.findall(pdf))


def words(browser: Any, report: Path) -> tuple[int, int]:
    """How many words a reader sees before he unfolds anything, and how many there are."""
    tab = browser.new_page()
    tab.goto(report.resolve().as_uri())
    seen, every = (tab.evaluate(f"document.body.{text}") for text in ("innerText", "textContent"))
    tab.close()
    return len(seen.split()), len(every.split())


def main(reports: list[str]) -> None:
    """Print one line for each report: screens on a desktop and a phone, pages, words, kilobytes."""
    print(f"{'desk':>6} {'phone':>6} {'pages':>6} {'+folded':>7} {'words':>7} {'of all':>7} {'KB':>6}  report")
    with chromium() as browser:
        for name in reports:
            path = Path(name)
            shown, every = words(browser, path)
            print(
                f"{screens(browser, path, DESK):6.1f} {screens(browser, path, PHONE):6.1f}"
                f" {printed(browser, path, False):6} {printed(browser, path, True):7}"
                f" {shown:7,} {every:7,} {path.stat().st_size / 1000:6.0f}  {name}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
