"""Every scenario meets its own `expect:` when the production runner executes the notebook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from produced import Production

from runbooks.collect.client import MAX_REQUESTS
from runbooks.report import summary as contract
from runbooks.simulator.scenario import DEFAULT, load_scenario, scenario_names

FIRST_REPORT = {"image-tag-missing", "image-pull-failed", "startup-crash", "wrong-app", "token-out-of-scope"}


@pytest.mark.parametrize("name", scenario_names())
def test_scenario(name: str, production: Production) -> None:
    run = production.of(name)
    assert "Traceback" not in run.stderr, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    expect = load_scenario(name).expect
    contract.check(found)
    cause = found["cause"] or {}
    status = {h["slug"]: h["status"] for h in found["hypotheses"]}
    assert found["verdict"] == expect["verdict"]
    assert cause.get("slug") == expect["cause"]
    assert {c["slug"] for c in found["contributing"]} >= set(expect.get("contributing", ()))
    assert {c["slug"] for c in found["contributing"]} >= set(expect.get("hygiene", ()))
    assert all(status.get(slug) in ("open", "likely") for slug in expect.get("open", ())), status
    assert {slug: status.get(slug) for slug in expect.get("refuted", ())} == dict.fromkeys(
        expect.get("refuted", ()), "refuted"
    )
    for words in expect.get("mentions", ()):
        assert words in found["headline"] + cause.get("statement", "")
    assert set(status) >= FIRST_REPORT
    blocked = found["status"] == "LOOK BLOCKED"
    assert run.code == (5 if blocked else 0 if expect["verdict"] == "healthy" else 3 if cause else 4)
    assert blocked == (name == "token-invalid")
    assert found["requests"]["count"] <= (17 if name == "healthy" else MAX_REQUESTS)
    assert found["requests"]["retries"] == 0
    assert {p.name for p in run.folder.iterdir()} == {
        "report.html",
        "report.md",
        "summary.json",
        "evidence",
        "report.ipynb",
        "manifest.json",
    }
    known = {
        observation["number"] for observation in json.loads((run.folder / "evidence/index.json").read_text())["looks"]
    }
    assert footnotes(found) <= known
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    leads = set(re.findall(r'\bhref="#([^"]+)"', page))
    assert footnotes(found) <= leads <= set(re.findall(r'\bid="([^"]+)"', page))


def test_the_executed_notebook_opens_on_the_verdict(production: Production) -> None:
    """As Markdown, which GitHub and nbviewer show; the parameters are folded, and every picture has its words."""
    run = production.of(DEFAULT)
    node = nbformat.read(run.folder / "report.ipynb", as_version=4)
    nbformat.validate(node)
    first = node.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"**ROOT CAUSE IDENTIFIED**: {json.loads(run.stdout)['headline']}")
    assert 'fly secrets set SUPABASE_SERVICE_KEY="${SUPABASE_SERVICE_KEY:?}" -a vyx-app' in first.source
    for name in re.findall(r"\]\((.+?)\)", first.source):
        assert (run.folder / name).is_file()
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in node.cells]
    given = ["parameters" in " ".join(cell.metadata.get("tags", ())) for cell in node.cells]
    assert folded == given
    outputs = [output for cell in node.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
    assert all(len(picture.metadata["image/png"]["alt"]) > 40 for picture in pictures)


def test_a_process_of_its_own_says_the_same(production: Production, tmp_path: Path) -> None:
    """The runs above are made by the command's own function, in the process of the tests."""
    command = [sys.executable, "-P", "-m", "runbooks", "run", "machine_not_visible", "--json"]
    command += ["--source", f"simulator:{DEFAULT}", "--output-root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    run = production.of(DEFAULT)
    assert (done.returncode, done.stdout) == (run.code, run.stdout)
    assert "Traceback" not in done.stderr, done.stderr
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    for name in ("summary.json", "report.md", "report.html"):
        assert (folder / name).read_bytes() == (run.folder / name).read_bytes(), name


def footnotes(value: object) -> set[str]:
    """Every evidence number that stands anywhere in the summary."""
    if isinstance(value, dict):
        own = value.get("evidence", [])
        own = {own} if isinstance(own, str) else set(own)
        return own.union(*(footnotes(item) for key, item in value.items() if key != "evidence"))
    if isinstance(value, list):
        return set().union(*(footnotes(item) for item in value)) if value else set()
    return set()
