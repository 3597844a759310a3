"""Attacks in everything that others may write do nothing: in a browser, in Markdown, on a terminal, as a file name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from markdown_it import MarkdownIt

import runbooks.case
from runbooks.cli import terminal
from runbooks.execution import runner

from .world import ACTIVE, ELSEWHERE, LONG, PATH, SCRIPT, TERMINAL, UNICODE, served

# Everything but tab and line feed that moves a cursor, hides, or turns the reading direction.
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


@dataclass
class Run:
    """What one run by the production runner left, and said."""

    root: Path
    folder: Path
    stdout: str
    stderr: str


@dataclass
class Seen:
    """What a browser did with a page."""

    pwned: Any = None
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("hostile")
    with served(place) as (parameters, environment):
        command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible"]
        command += ["--output-root", str(place / "out")]
        long = place / "caller.log"
        long.write_text(parameters.pop("caller_log") + "\x00" + LONG, encoding="utf-8")
        for name, value in (*parameters.items(), ("caller_log", str(long))):
            command += ["-p", name, value]
        done = subprocess.run(command, capture_output=True, env={**os.environ, **environment}, check=False)
    stdout, stderr = done.stdout.decode(), done.stderr.decode()
    assert done.returncode in (3, 4), stderr
    (folder,) = (place / "out").glob("*/machine_not_visible--*")
    return Run(place / "out", folder, stdout, stderr)


def opened(browser: Any, path: Path) -> Seen:
    """Open a file, let everything in it happen that can, poke every element, and tell what happened."""
    seen = Seen()
    own = path.as_uri()
    page = browser.new_page()

    def request(route: Any) -> None:
        url = route.request.url
        if url == own:
            route.continue_()
            return
        seen.asked.append(url)
        route.abort()

    def dialog(shown: Any) -> None:
        seen.complaints.append(f"dialog {shown.message}")
        shown.dismiss()

    page.route(re.compile(r"^(?!data:)"), request)
    page.on("dialog", dialog)
    page.on("pageerror", lambda error: seen.complaints.append(f"error {error}"))
    page.on("console", lambda said: seen.complaints.append(f"console {said.type} {said.text}"))
    page.goto(own, wait_until="load")
    page.evaluate(
        """() => { for (const element of document.querySelectorAll('*'))
             for (const kind of ['mouseover', 'focus', 'toggle', 'load', 'error'])
               element.dispatchEvent(new Event(kind));
           for (const one of document.querySelectorAll('details')) one.open = true; }"""
    )
    page.wait_for_timeout(300)
    seen.pwned = page.evaluate("window.PWNED")
    seen.links = page.evaluate(
        "[...document.querySelectorAll('[href], [src]')].map(e => e.getAttribute('href') || e.src)"
    )
    seen.text = page.inner_text("body")
    page.close()
    return seen


def test_the_attacks_would_work_if_they_were_let(browser: Any, tmp_path: Path) -> None:
    """Otherwise all that follows would prove nothing."""
    path = tmp_path / "raw.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{ACTIVE}")
    seen = opened(browser, path)
    assert seen.pwned is not None
    assert [url for url in seen.asked if url.startswith(ELSEWHERE)]


def test_the_page_does_nothing_that_others_wrote_in_it(run: Run, browser: Any) -> None:
    seen = opened(browser, run.folder / "report.html")
    assert (seen.pwned, seen.asked, seen.complaints) == (None, [], [])
    assert all(link.startswith(("#", "data:image/svg+xml;base64,")) for link in seen.links)
    # It is all there to read, as what it is.
    assert SCRIPT in seen.text
    assert "javascript:window.PWNED=9" in seen.text
    assert "⟨U+202E⟩" in seen.text
    assert not CONTROL.search(seen.text.replace("\r", ""))
    assert str(7 * 7 * 191) not in seen.text


def test_the_pictures_in_the_page_do_nothing_either(run: Run, browser: Any, tmp_path: Path) -> None:
    """Each in a page of its own, without any policy, as a curious reader may open it."""
    pictures = re.findall(r"<svg.*?</svg>", (run.folder / "report.html").read_text(), re.DOTALL)
    assert pictures
    for n, picture in enumerate(pictures):
        path = tmp_path / f"{n}.html"
        path.write_text(f"<!doctype html><meta charset=utf-8><body>{picture}")
        seen = opened(browser, path)
        assert (seen.pwned, seen.asked, seen.complaints) == (None, [], [])


def test_the_policy_of_the_page_stops_a_script_that_got_in_all_the_same(run: Run, browser: Any, tmp_path: Path) -> None:
    for name in ("report.html", "index.html"):
        source = run.folder / name if name == "report.html" else run.root / name
        path = tmp_path / name
        path.write_text(source.read_text().replace("<main", f"{ACTIVE}<script>window.PWNED=11</script><main", 1))
        seen = opened(browser, path)
        assert (seen.pwned, seen.asked) == (None, [])
        assert any("Content Security Policy" in error_message for error_message in seen.complaints)


def test_the_list_of_runs_does_nothing(run: Run, browser: Any) -> None:
    seen = opened(browser, run.root / "index.html")
    assert (seen.pwned, seen.asked, seen.complaints) == (None, [], [])
    assert all(re.fullmatch(r"#main|[\w./-]+", link) for link in seen.links)


def test_the_executed_notebook_shows_nothing_active(run: Run, browser: Any, tmp_path: Path) -> None:
    """All HTML of all cells in one page without any policy, as a notebook that is trusted would show it."""
    node = nbformat.read(run.folder / "report.ipynb", as_version=4)
    shown, texts = [], []
    for cell in node.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            assert set(data) <= {"text/html", "text/plain", "image/png"}
            shown.append(data.get("text/html", ""))
            texts += [data.get("text/plain", ""), output.get("text", "")]
    assert not CONTROL.search("".join(texts))
    path = tmp_path / "outputs.html"
    path.write_text("<!doctype html><meta charset=utf-8><body>" + "".join(shown), encoding="utf-8")
    seen = opened(browser, path)
    assert (seen.pwned, seen.asked, seen.complaints) == (None, [], [])
    assert SCRIPT in seen.text


def test_what_a_cell_prints_or_raises_moves_no_cursor(tmp_path: Path) -> None:
    parameters = nbformat.v4.new_code_cell('app_name = ""', metadata={"tags": ["parameters"]})
    attack = TERMINAL + UNICODE
    cells = [f"print({attack!r}, {SCRIPT!r})", f"raise RuntimeError({attack!r})"]
    path = tmp_path / "fixture.ipynb"
    written = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=written), path)
    result = runner.run("machine_not_visible", {"app_name": "vyx"}, output_root=tmp_path / "out", notebook=path)
    assert result.folder is not None
    node = nbformat.read(result.folder / "report.ipynb", as_version=4)
    outputs = [output for cell in node.cells for output in cell.get("outputs", ())]
    assert {output.output_type for output in outputs} == {"stream", "error"}
    shown = "".join(o.get("text", "") + o.get("evalue", "") + "".join(o.get("traceback", ())) for o in outputs)
    assert "⟨NUL⟩" in shown
    assert not CONTROL.search(shown)
    assert not CONTROL.search(terminal.plain(result.reason))


def test_markdown_holds_no_html_and_no_link_of_others(run: Run) -> None:
    text = (run.folder / "report.md").read_text(encoding="utf-8")
    assert "window.PWNED" in text
    assert not CONTROL.search(text)
    rest = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    while rest:
        token = rest.pop()
        rest += token.children or []
        assert token.type not in ("html_block", "html_inline", "image"), token.content[:200]
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith("#"), token.attrs
    headings = re.findall(r"^#+ .*$", re.sub(r"(?ms)^(`{3,}).*?^\1$", "", text), re.MULTILINE)
    assert not [heading for heading in headings if heading == "# heading"]


def test_the_terminal_gets_no_control_character(run: Run) -> None:
    for text in (run.stdout, run.stderr):
        assert not CONTROL.search(text)
        assert "\t=1" not in text


def test_the_summary_can_be_printed(run: Run) -> None:
    """Other programs print its texts; so they hold nothing that a terminal would obey."""
    rest: list[Any] = [json.loads((run.folder / "summary.json").read_text(encoding="utf-8"))]
    while rest:
        one = rest.pop()
        rest += [*one.values()] if isinstance(one, dict) else one if isinstance(one, list) else []
        assert not (isinstance(one, str) and CONTROL.search(one)), one[:200]


def test_names_of_files_are_made_of_plain_characters(run: Run) -> None:
    names = [path.relative_to(run.root).as_posix() for path in run.root.rglob("*")]
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", name) for name in names)


@pytest.mark.parametrize("name", [PATH, SCRIPT, TERMINAL, UNICODE, "-rf", "CON", "x" * 5000, "ghp_" + "a1B2" * 9])
def test_a_subject_with_any_name_gets_a_plain_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name comes from the caller's answer; nothing else says what the machine is called."""
    root = tmp_path / "a" / "b" / "out"
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(root))
    monkeypatch.setenv("FLY_API_HOSTNAME", "http://127.0.0.1:9")
    monkeypatch.setenv("FLY_API_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RUNBOOKS_CONNECT_TO", "*:*=nxdomain")
    monkeypatch.setenv("RUNBOOKS_STATUS_URL", "off")
    said = json.dumps({"success": True, "machineName": name, "name": name, "machineId": name})
    runbooks.case.open_case(app_name="vyx-app", caller_log=said).publish()
    made = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]{1,300}", one) for one in made)
    assert not [one for one in made if "ghp_" in one or "/-" in one or ".." in one]
    assert [one for one in made if one.endswith("report.html")]
    assert all(path == "a" or path.startswith("a/b") for path in made)
