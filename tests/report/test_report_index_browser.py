"""The page of all runs in a real browser: the filters work without a script, and nothing else happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from index_samples import fill, leave, told

from runbooks.report import index

SMALLEST_TARGET = 44


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    fill(root)
    evil = '"]{} *{display:none} </style><script>window.PWNED=1</script><img src=x onerror="window.PWNED=1">'
    leave(root, "2025-10-02/evil", told(headline=evil, subject={"app": evil, "machine_name": "x" * 300}), "live")
    return index.write(root)


@pytest.fixture
def page(browser: Any, written: Path) -> Iterator[Any]:
    """The page, opened as a plain file. It asks for nothing, says nothing on the console, runs nothing."""
    opened, noise = _open(browser, written)
    yield opened
    assert opened.evaluate("window.PWNED") is None
    assert noise == []
    opened.context.close()


def _open(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    page = browser.new_context(**options).new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: noise.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, noise


def shown(page: Any) -> int:
    return int(page.locator("li.run:visible").count())


def read_aloud(page: Any) -> str:
    """All that the browser tells a screen reader, the counters of the style sheet included."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return " ".join(
        str(node["name"]["value"])
        for node in tree
        if node.get("role", {}).get("value") in ("heading", "StaticText", "listitem", "image") and node.get("name")
    )


def choose(page: Any, control: str, words: str) -> None:
    (label,) = [text for text in page.locator(f"#by-{control} option").all_inner_texts() if text.startswith(words)]
    page.locator(f"#by-{control}").select_option(label=label)


def test_each_choice_keeps_as_many_runs_as_it_says(page: Any) -> None:
    assert shown(page) == 10
    for control in page.get_by_role("combobox").all():
        for option in control.locator("option").all():
            control.select_option(option.get_attribute("value"))
            (said,) = re.findall(r"\((\d+)\)$", option.inner_text()) or ["10"]
            assert shown(page) == int(said), option.inner_text()
            assert page.locator(".strip b:visible").count() + page.locator("b.apart").count() >= int(said)
        control.select_option("")


def test_choices_add_up_and_all_are_undone_at_once(page: Any) -> None:
    assert "10 runs, newest first" in read_aloud(page)
    choose(page, "a", "vyx-app")
    choose(page, "c", "missing-environment")
    choose(page, "d", "2025-10-01")
    assert shown(page) == 2
    assert "Nothing matches" not in read_aloud(page)
    assert re.search(r"The filters show\s+2\s+of them", read_aloud(page))
    choose(page, "s", "INVESTIGATING")
    assert shown(page) == 0
    said = read_aloud(page)
    assert "Nothing matches" in said
    assert re.search(r"The filters show\s+0\s+of them", said)
    page.get_by_role("button", name="Show all").click()
    assert shown(page) == 10
    assert "The filters" not in read_aloud(page)
    assert "Nothing matches" not in read_aloud(page)
    choose(page, "b", "verify_fix")
    assert page.locator("li.run:visible strong").all_inner_texts() == ["✓ HEALTHY"]
    choose(page, "b", "all runbooks")
    choose(page, "o", "replay")
    assert page.locator("li.run:visible .badge").all_inner_texts() == ["replay"]


def test_the_strip_follows_the_filters(page: Any) -> None:
    lane = page.locator(".strip li", has_text="missing-environment")
    assert lane.locator("b:visible").count() == 6
    assert lane.get_by_role("img").get_attribute("aria-label") == "1 on 2025-09-28, 2 on 2025-10-01, 3 on 2025-10-02"
    choose(page, "d", "2025-10-01")
    assert lane.locator("b:visible").count() == 2
    assert re.search(r"\b2\s+of\s+6\b", read_aloud(page))


def test_it_can_be_used_with_the_keyboard_alone(browser: Any, written: Path) -> None:
    page, noise = _open(browser, written, viewport={"width": 390, "height": 844})
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the runs"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Filter"
    assert not page.locator("#by-a").is_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "by-a"
    page.keyboard.press("h")
    assert page.locator("#by-a option:checked").inner_text() == "harbor-relay (1)"
    assert shown(page) == 1
    assert noise == []
    page.context.close()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_every_target_is_large(browser: Any, written: Path) -> None:
    page, noise = _open(browser, written, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("summary").click()
    targets = page.locator("main summary, main select, main button, main a").all()
    assert len(targets) > 30
    small = [
        (target.inner_text(), box) for target in targets if (box := target.bounding_box())["height"] < SMALLEST_TARGET
    ]
    assert small == []
    assert noise == []
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_to_mend(browser: Any, written: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, noise = _open(browser, written, color_scheme=scheme, viewport={"width": width, "height": 900})
    if width == 390:
        page.locator("summary").click()
    choose(page, "a", "vyx-app")
    found = axe.run(page).response["violations"]
    assert [(one["id"], one["impact"], [node["target"] for node in one["nodes"]]) for one in found] == []
    assert noise == []
    page.context.close()


def test_in_print_all_is_there_and_a_filter_that_is_set_is_told(page: Any) -> None:
    page.emulate_media(media="print")
    assert not page.locator("form").is_visible()
    assert shown(page) == 10
    page.emulate_media(media="screen")
    choose(page, "s", "HEALTHY")
    page.emulate_media(media="print")
    assert [control.get_attribute("id") for control in page.locator("select:visible").all()] == ["by-s"]
    assert shown(page) == 1


def test_the_policy_stops_a_script_that_got_in_all_the_same(browser: Any, written: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    attack = '<script>window.PWNED=1</script><img src="x" onerror="window.PWNED=1"><main'
    path.write_text(written.read_text(encoding="utf-8").replace("<main", attack, 1), encoding="utf-8")
    page, noise = _open(browser, path)
    assert page.evaluate("window.PWNED") is None
    assert any("Content Security Policy" in said for said in noise)
    page.context.close()


def test_a_browser_that_cannot_filter_shows_all_and_no_dead_controls(
    browser: Any, written: Path, tmp_path: Path
) -> None:
    """One that knows no `:has`, which is left out of the page here."""
    path = tmp_path / "index.html"
    path.write_text(written.read_text(encoding="utf-8").replace(":has(", ":has-not-yet("), encoding="utf-8")
    page, noise = _open(browser, path)
    assert shown(page) == 10
    assert not page.locator("form").is_visible()
    assert not page.locator("summary").is_visible()
    assert noise == []
    page.context.close()
