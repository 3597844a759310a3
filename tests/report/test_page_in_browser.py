"""The page in a real Chromium: what a reader meets, on a desk, on a phone, in the dark, on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from played import demo, healthy, stuck
from report_samples import LAST, empty, fixed, hostile, likely, long, not_fixed, still_broken

from runbooks.report import page
from runbooks.report.document import Report
from tools import measure_report
from tools.measure_report import DESK, PHONE

PAPER = (687, 971)
BLOCKED = re.compile(r"; script-src &#x?\d+;sha256-[^&]+&#x?\d+;")
EVERY = [demo, empty, hostile, fixed, not_fixed, likely, healthy, long]
Sample = Callable[[], Report]


@dataclass
class Shown:
    """An open page, and all that it did beside being read."""

    tab: Any
    noise: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Each sample rendered once, and without its script: blocked by a policy that does not know it."""
    folder, made = tmp_path_factory.mktemp("pages"), dict[str, Path]()

    def write(sample: Sample, blocked: bool = False) -> Path:
        name = f"{sample.__name__}{'-blocked' * blocked}"
        if name not in made:
            text = page.render(sample())
            made[name] = folder / f"{name}.html"
            made[name].write_text(BLOCKED.sub("", text) if blocked else text, encoding="utf-8")
        return made[name]

    return write


@contextmanager
def shown(browser: Any, path: Path, size: tuple[int, int] = DESK, scheme: str = "light") -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    seen = Shown(context.new_page())
    seen.tab.on("dialog", lambda dialog: (seen.noise.append(f"dialog {dialog.message}"), dialog.dismiss()))
    seen.tab.on("console", lambda said: seen.noise.append(f"console {said.text}"))
    seen.tab.on("pageerror", lambda error: seen.noise.append(f"error {error}"))

    def asked(route: Any) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            seen.noise.append(f"asked {route.request.url}")
            route.abort()

    seen.tab.route(re.compile("^(?!data:)"), asked)
    seen.tab.goto(path.as_uri(), wait_until="load")
    yield seen
    context.close()


@pytest.mark.parametrize(
    ("sample", "size", "scheme", "blocked"),
    [
        *((sample, size, "light", False) for sample in EVERY for size in (DESK, PHONE)),
        *((sample, DESK, "dark", False) for sample in (demo, hostile, fixed, likely)),
        *((demo, size, scheme, True) for size, scheme in ((DESK, "light"), (PHONE, "dark"))),
    ],
)
def test_nobody_is_shut_out_and_nothing_leaves_the_page(
    sample: Sample, size: tuple[int, int], scheme: str, blocked: bool, browser: Any, written: Callable[..., Path]
) -> None:
    """axe-core finds nothing at all, folded and unfolded; no request, no message, no sideways scrolling."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with shown(browser, written(sample, blocked), size, scheme) as seen:
        assert bool(seen.tab.locator("button").count()) is not blocked
        seen.tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert seen.tab.evaluate("document.documentElement.scrollWidth") <= size[0]
        found = axe.Axe().run(seen.tab).response
    assert len(found["passes"]) > 20
    assert [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
    # A blocked script is reported by the browser, and that is all it does.
    assert len(seen.noise) == blocked


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize("sample", [*(one for one in EVERY if one is not hostile), still_broken, stuck])
def test_verdict_and_next_action_need_no_scrolling(
    sample: Sample, size: tuple[int, int], browser: Any, written: Callable[[Sample], Path]
) -> None:
    with shown(browser, written(sample), size) as seen:
        boxes = [seen.tab.locator(part).first.bounding_box() for part in (".standing strong", "h1", ".now h3")]
        if seen.tab.locator(".now pre").count():
            boxes.append(seen.tab.locator(".now pre").first.bounding_box())
        if sample().diagnosis.review:
            boxes.append(seen.tab.locator("table.checks").bounding_box())
        brief = seen.tab.locator("dl.brief")
        boxes.append(brief.bounding_box())
        if not sample().diagnosis.review:
            assert "Impact" in brief.inner_text()
            assert ("Decisive" in brief.inner_text()) is (sample is not empty)
    for box in boxes:
        assert box["width"] > 0
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("blocked", [False, True])
def test_a_footnote_unfolds_its_evidence_and_leads_back(
    blocked: bool, browser: Any, written: Callable[..., Path]
) -> None:
    """Without the script it is the browser that unfolds what a link leads to."""
    with shown(browser, written(demo, blocked)) as seen:
        tab = seen.tab
        assert not tab.locator("#E06").is_visible()
        tab.locator("dl.brief a.note", has_text="[E06]").first.click()
        assert tab.evaluate("location.hash") == "#E06"
        assert tab.locator("#E06").is_visible()
        assert 0 <= tab.locator("#E06").bounding_box()["y"] < 200
        marked = "e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth) >= 2]"
        assert tab.locator("#E06").evaluate(marked) == ["solid", True]
        assert tab.locator("#E05").evaluate(marked)[0] == "none"
        tab.locator("#E06 a", has_text="Hypotheses").click()
        assert 0 <= tab.locator("#hypotheses").bounding_box()["y"] < 200
        assert tab.locator("#hypotheses").evaluate("e => e.open") is not blocked
        tab.locator("#E06 a", has_text="top").click()
        assert 0 <= tab.locator("h1").bounding_box()["y"] < 400
        # The same way back floats beside everything that stands below the answer.
        assert not tab.locator(".up a").is_visible() or tab.locator(".up a").bounding_box()["y"] > 700
        tab.locator("#hypotheses").scroll_into_view_if_needed()
        assert tab.locator(".up a").bounding_box()["y"] < 800


def test_the_demo_is_short(browser: Any, written: Callable[[Sample], Path]) -> None:
    """As it is delivered: what is folded stays folded, and is the appendix of what is printed."""
    path = written(demo)
    assert measure_report.screens(browser, path, DESK) <= 10
    assert measure_report.screens(browser, path, PHONE) <= 16
    assert measure_report.printed(browser, path, appendix=False) <= 6


def test_a_button_copies_and_a_word_filters(browser: Any, written: Callable[[Sample], Path]) -> None:
    with shown(browser, written(demo)) as seen:
        tab = seen.tab
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.locator(".now button").first.click()
        tab.locator(".now button", has_text="Copied").wait_for()
        assert tab.evaluate("navigator.clipboard.readText()") == tab.locator(".now .commands code").first.inner_text()
        rows = tab.locator("[aria-labelledby=step-timeline] tbody tr")
        every = rows.count()
        tab.locator(".filter input").first.fill("program missing")
        assert 0 < rows.filter(visible=True).count() < every
        assert tab.locator(".filter output").first.inner_text().endswith(f"of {every}")
        tab.locator(".filter input").first.fill("")
        assert rows.filter(visible=True).count() == every
        told = tab.locator("[aria-labelledby=step-timeline] svg title").all_text_contents()
        assert any("Missing required environment variables" in one for one in told)
    assert seen.noise == []


def test_the_policy_blocks_what_gets_in(browser: Any, written: Callable[[Sample], Path], tmp_path: Path) -> None:
    """The same page without its policy runs the script: so it is the policy that stops it."""
    attack = (
        "<script>window.PWNED = 1</script><img src=x onerror='window.PWNED = 2'>"
        "<link rel=stylesheet href='https://evil.example/a.css'><iframe src='https://evil.example/'></iframe>"
    )
    text = written(demo).read_text(encoding="utf-8").replace('<main id="main">', f'<main id="main">{attack}')
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert attack in text
    assert policy.search(text)
    for name, html, pwned in (("kept", text, None), ("lost", policy.sub("", text), 2)):
        path = tmp_path / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        with shown(browser, path) as seen:
            seen.tab.wait_for_timeout(200)
            assert seen.tab.evaluate("window.PWNED ?? null") == pwned
        assert any(one.startswith("asked https://") for one in seen.noise) is (name == "lost")


def test_one_click_takes_a_whole_command(browser: Any, written: Callable[[Sample], Path]) -> None:
    with shown(browser, written(demo)) as seen:
        seen.tab.locator(".now .commands code").first.click()
        assert seen.tab.evaluate("getSelection().toString()") == demo().diagnosis.remedies[0].commands[0]


@pytest.mark.parametrize("sample", [demo, hostile, fixed, long])
def test_paper_loses_nothing(sample: Sample, browser: Any, written: Callable[[Sample], Path], tmp_path: Path) -> None:
    """On A4 what is folded is an appendix, all but texts to pass on and raw answers; nothing sticks out or scrolls."""
    with shown(browser, written(sample), PAPER) as seen:
        tab = seen.tab
        folded = "[...document.querySelectorAll('details pre')].filter(e => e.checkVisibility()).length"
        assert tab.evaluate(folded) == 0
        tab.emulate_media(media="print")
        heights = tab.evaluate(
            "[...document.querySelectorAll('.part:not(#support) > :not(summary, .filter)')].map(e => e.offsetHeight)"
        )
        assert min(heights) > 10
        assert tab.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
        hidden = "e => e.scrollHeight > e.clientHeight + 1 && getComputedStyle(e).overflowY !== 'visible'"
        boxes = "'.scroll, pre, figure, td, p'"
        assert tab.evaluate(f"[...document.querySelectorAll({boxes})].filter({hidden}).length") == 0
        target = tmp_path / "report.pdf"
        tab.pdf(path=target, format="A4")
    if sample is long and shutil.which("pdftotext"):
        told = subprocess.run(["pdftotext", "-layout", target, "-"], capture_output=True, text=True, check=True).stdout
        flat = " ".join(told.split())
        for words in (
            "Not printed: the texts for a chat",
            "event 299 of many",
            "cell 29.8",
            LAST,
            "Explanation number 29",
            "E19 · What was the caller",
        ):
            assert words in flat, words
    assert seen.noise == []
