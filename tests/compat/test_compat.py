"""What version 0.1.0 left stays usable: its bundle replays to the same diagnosis, its notebooks still run.

The fixtures are never renewed; those of later versions go beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbooks.case import open_case
from runbooks.definitions import validate
from runbooks.execution import runner

HERE = Path(__file__).parent
BUNDLE = HERE / "bundle-0.1.0"
NOTEBOOKS = HERE / "notebook-0.1.0"


def _evidence(value: Any) -> list[tuple[str, ...]]:
    """All evidence numbers below a value of the summary, in order."""
    if isinstance(value, dict):
        own = [tuple(value["evidence"])] if isinstance(value.get("evidence"), list) else []
        return own + [found for key, one in value.items() if key != "evidence" for found in _evidence(one)]
    if isinstance(value, list):
        return [found for one in value for found in _evidence(one)]
    return []


def test_the_bundle_replays_to_the_same_diagnosis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    open_case(source=f"bundle:{BUNDLE}").publish()
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    then = json.loads((BUNDLE / "summary.json").read_text())
    now = json.loads((folder / "summary.json").read_text())
    assert now["verdict"] == then["verdict"]
    for key in ("slug", "confidence", "evidence"):
        assert now["cause"][key] == then["cause"][key]
    for part, keys in {
        "contributing": ("slug",),
        "hypotheses": ("slug", "status"),
        "visibility": ("sees",),
        "timeline": ("at",),
    }.items():
        assert [[one[key] for key in keys] for one in now[part]] == [[one[key] for key in keys] for one in then[part]]
    assert _evidence(now) == _evidence(then)


@pytest.mark.parametrize(
    ("runbook", "values", "code", "cause"),
    [
        ("machine_not_visible", {"source": "simulator:vyx-missing-environment"}, 3, "missing-environment"),
        ("verify_fix", {"source": "simulator:vyx-fixed", "incident": str(BUNDLE)}, 0, None),
    ],
)
def test_the_notebooks_still_run(
    runbook: str, values: dict[str, str], code: int, cause: str | None, tmp_path: Path
) -> None:
    validate(runbook, values)
    result = runner.run(runbook, values, output_root=tmp_path / "out", notebook=NOTEBOOKS / f"{runbook}.ipynb")
    assert (result.status, result.exit_code) == ("completed", code), result.reason
    assert result.folder is not None
    summary = json.loads((result.folder / "summary.json").read_text())
    assert (summary["cause"] or {}).get("slug") == cause
    for name in ("report.html", "report.md", "report.ipynb"):
        assert (result.folder / name).is_file(), name
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert {step["status"] for step in manifest["steps"]} == {"done"}
