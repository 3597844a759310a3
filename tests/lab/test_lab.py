"""JupyterLab driven by a browser, as an engineer uses it at three in the morning."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from produced import Production

from runbooks.simulator.scenario import Scenario, load_scenario, scenario_names

from .notebook import Notebook
from .server import Lab

Open = Callable[..., Notebook]
DEMO = "simulator:vyx-missing-environment"
HOSTILE_LOG = r"""Error: C:\new\u0041 said "no" and 'never' {"a": "b\n", \"c\": [1]} ${HOME} \N{x} %s \
    at Server.<anonymous> (/srv/app/index.ts:41:7)"""
SLICE = ["vyx-late-pull-failure", "wrong-app", "healthy"]
"""Played in CI. LAB_SCENARIOS=all (`make lab-scenarios`) plays every one."""


def published(root: Path, runbook: str = "machine_not_visible") -> set[Path]:
    return {path.parent for path in root.glob(f"*/{runbook}--*/summary.json")}


def test_from_a_pasted_log_to_the_report(opened: Open, scenario: Scenario, out: Path) -> None:
    given = scenario.parameters
    notebook = opened(source=DEMO)
    notebook.fill("app_name", given["app_name"])
    notebook.fill("image", given["image"])
    notebook.paste_log(given["caller_log"] + HOSTILE_LOG)
    notebook.run("parameters")

    opening = notebook.run("open")
    token_scope, *_ = opening.splitlines()
    assert token_scope.startswith("Token scope: organisation vyx")
    assert "So far: missing-environment, confirmed" in opening
    assert "Verdict so far: ROOT CAUSE IDENTIFIED" in opening

    assert "The caller reports success" in notebook.run("step-08")
    assert "Missing required environment variables: SUPABASE_SERVICE_KEY" in notebook.run("step-14")
    assert "41 moments" in notebook.run("step-26")
    picture = notebook.cell("step-26").locator(".jp-OutputArea img")
    assert picture.evaluate("image => image.naturalWidth") == 1440
    assert 'fly secrets set SUPABASE_SERVICE_KEY="${SUPABASE_SERVICE_KEY:?}" -a vyx-app' in notebook.run("step-35")
    assert "No notes yet" in notebook.run("notes")
    notebook.write("notes", 'case.note(r"""\nAsked Nadia: 3 users wait. C:\\new\n""")')
    assert "Asked Nadia: 3 users wait. C:\\new" in notebook.run("notes")

    before = published(out)
    assert "Open: report.html · report.md · summary.json" in notebook.run("publish")
    (folder,) = published(out) - before
    assert json.loads((folder / "summary.json").read_text())["cause"]["slug"] == "missing-environment"
    told = json.loads((folder / "evidence/index.json").read_text())["parameters"]["caller_log"]
    assert HOSTILE_LOG in told

    assert "Nothing was asked again" in notebook.run("open")
    assert "Nothing changed since it was written" in notebook.run("publish")
    assert published(out) - before == {folder}

    notebook.cell("publish").get_by_role("link", name="report.html").click()
    page = notebook.page.frame_locator(".jp-HTMLViewer iframe")
    page.get_by_text("Asked Nadia: 3 users wait.").first.wait_for()
    assert "SUPABASE_SERVICE_KEY" in page.get_by_role("heading", level=1).inner_text()


def test_an_hour_with_one_notebook(opened: Open, out: Path) -> None:
    """A typo and its correction, the case, completion, a second look, a note, the finished notebook opened again."""
    notebook = opened(source=DEMO)
    page, said = notebook.page, []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    right = notebook.cell("parameters").locator(".cm-content").inner_text()
    notebook.write("parameters", right.replace("image: str", "iamge: str"))
    notebook.run("parameters")
    assert "iamge" in notebook.run("open")
    assert "Did you mean image" in notebook.output("open")
    notebook.write("parameters", right)
    notebook.run("parameters")
    opening = notebook.run("open")
    assert "ROOT CAUSE IDENTIFIED" in opening
    assert "Do first: Set SUPABASE_SERVICE_KEY" in opening

    notebook.add_below("frames", "case")
    shown = notebook.run("own")
    assert "case.image()" in shown
    assert "Do first: Set SUPABASE_SERVICE_KEY" in shown
    notebook.write("own", "case.frames.lo")
    page.keyboard.press("Tab")
    offered = page.locator(".jp-Completer")
    offered.get_by_text("looks").first.wait_for(timeout=60_000)
    assert "log" in offered.inner_text().split()
    page.keyboard.press("Escape")
    notebook.write("own", "case.refresh()")
    assert "Nothing changed since" in notebook.run("own")
    notebook.write("notes", 'case.note("Asked Nadia.")')
    assert "Asked Nadia." in notebook.run("notes")
    before = published(out)
    notebook.run("publish")
    assert len(published(out) - before) == 1
    notebook.save()
    page.goto(f"{page.url.partition('?')[0]}?reset")
    assert "ROOT CAUSE IDENTIFIED" in notebook.output("open"), "what was shown is in the file"
    assert not page.locator(".Toastify__toast").count(), "nothing covers the output"
    assert said == []


def test_a_finished_run_opens_on_its_verdict(opened: Open, production: Production, jupyter: Lab) -> None:
    notebook = opened(source=DEMO)
    finished = jupyter.root / "finished.ipynb"
    shutil.copy(production.of("vyx-missing-environment").folder / "report.ipynb", finished)
    notebook.page.goto(f"{jupyter.url}/lab/tree/{finished.name}?reset")
    verdict = notebook.page.locator(".jp-Notebook:visible .jp-Cell").first.get_by_role("strong").first
    verdict.wait_for()
    assert verdict.bounding_box()["y"] < 300
    command = notebook.page.get_by_text("fly secrets set SUPABASE_SERVICE_KEY=").first
    assert command.bounding_box()["y"] < 1000, "what to do is on the first screen, too"


def test_a_second_look_and_a_table_to_sort(opened: Open) -> None:
    notebook = opened(source=DEMO)
    notebook.run("parameters")
    notebook.run("open")
    notebook.add_below("frames", "case.refresh()")
    looked = notebook.run("own")
    assert "Nothing changed since 2025-10-02T03:09:40Z" in looked
    assert "The earlier evidence is kept in" in looked

    notebook.write("own", 'case.browse("log")')
    notebook.run("own")
    table = notebook.cell("own").locator("table.dataTable")
    table.wait_for()
    assert "Pulling container image" in table.locator("tbody tr").first.inner_text()
    table.get_by_label("message: Activate to sort").click()
    table.locator("tbody tr:first-child", has_text="reboot: Restarting system").wait_for()
    notebook.cell("own").get_by_label("Search:").fill("SUPABASE")
    notebook.cell("own").get_by_text("Showing 1 to 4 of 4 entries").wait_for()


def test_the_token_is_asked_for_hidden_and_stays_in_no_file(opened: Open, scenario: Scenario, jupyter: Lab) -> None:
    notebook = opened()
    notebook.fill("app_name", scenario.parameters["app_name"])
    notebook.fill("machine_id", scenario.parameters["machine_id"])
    notebook.run("parameters")
    before = notebook.prompt("open")
    notebook.start("open")
    asked = notebook.cell("open").locator("input.jp-Stdin-input")
    asked.wait_for()
    assert asked.get_attribute("type") == "password"
    assert "fly tokens create readonly -o YOUR-ORG -x 24h" in notebook.output("open")
    asked.fill(scenario.token)
    asked.press("Enter")
    notebook.wait("open", before)
    opening = notebook.output("open")
    assert "Token scope: organisation vyx" in opening
    assert "Verdict so far: ROOT CAUSE IDENTIFIED" in opening
    assert "fly tokens create readonly" in json.dumps(notebook.save()), "what was typed stood there, too"
    assert "Nothing was asked again" in notebook.run("open")
    notebook.run("publish")
    assert "ROOT CAUSE IDENTIFIED" in json.dumps(notebook.save())
    secret = scenario.token.removeprefix("FlyV1 ").encode()
    files = [path for folder in (jupyter.root, jupyter.home) for path in folder.rglob("*") if path.is_file()]
    assert notebook.path in files
    assert [path for path in files if secret in path.read_bytes()] == []


def test_enter_alone_goes_on_without_a_token(opened: Open, scenario: Scenario) -> None:
    notebook = opened()
    notebook.fill("app_name", scenario.parameters["app_name"])
    notebook.fill("machine_id", scenario.parameters["machine_id"])
    notebook.run("parameters")
    before = notebook.prompt("open")
    notebook.start("open")
    notebook.cell("open").locator("input.jp-Stdin-input").press("Enter")
    notebook.wait("open", before)
    opening = notebook.output("open")
    assert "Token scope: none." in opening
    assert "Verdict so far" in opening


def test_one_kernel_plays_scenario_after_scenario(opened: Open, out: Path) -> None:
    notebook = opened(source="simulator:healthy")
    source = notebook.cell("parameters").locator(".cm-content").inner_text()
    wrong = []
    for name in scenario_names() if os.environ.get("LAB_SCENARIOS") == "all" else SLICE:
        before = published(out)
        notebook.write("parameters", source.replace("simulator:healthy", f"simulator:{name}"))
        assert "The report is in" in notebook.run_all("publish"), name
        (folder,) = published(out) - before
        found, expect = json.loads((folder / "summary.json").read_text()), load_scenario(name).expect
        told = (found["verdict"], (found["cause"] or {}).get("slug"))
        if told != (expect["verdict"], expect["cause"]):
            wrong.append((name, told))
        opening = notebook.output("open")
        assert f"Simulated: a reconstruction, scenario {name}." in opening
        assert found["headline"].replace("`", "") in opening
        assert "application/vnd.jupyter.error" not in json.dumps(notebook.save()), name
    assert wrong == []


@pytest.fixture
def incident(out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's incident, published where the Lab's file browser shows it."""
    from runbooks.case import open_case

    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(out))
    before = published(out)
    open_case(source=DEMO).publish()
    (folder,) = published(out) - before
    return folder


def test_verify_fix_closes_the_incident(opened: Open, incident: Path, out: Path) -> None:
    notebook = opened("verify_fix", "simulator:vyx-fixed")
    notebook.fill("incident", incident.relative_to(out).as_posix())  # as "Copy Path" gives it
    before = published(out, "verify_fix")
    notebook.run_all("publish")
    assert "5 of 5 checks pass" in notebook.output("five-checks")
    (folder,) = published(out, "verify_fix") - before
    assert json.loads((folder / "summary.json").read_text())["verdict"] == "healthy"
    notebook.cell("publish").get_by_role("link", name="report.html").click()
    page = notebook.page.frame_locator(".jp-HTMLViewer iframe")
    page.get_by_text("RESOLVED").first.wait_for()
