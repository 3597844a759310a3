"""The notebooks as they lie in git: clean, thin, and in step with the package."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest

from runbooks.case import DEFAULT
from runbooks.definitions import discovered, find, validate

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TAGS = {"parameters"}
LINES = 3

LOGS = [path for path in NOTEBOOKS if "caller_log" in find(path.stem).parameters.model_fields]

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in _read(path).cells if cell.cell_type == "code"]


def test_every_runbook_has_a_notebook_and_the_other_way_round() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(discovered())


@notebooks
def test_it_is_valid_and_written_as_nbformat_writes_it(path: Path) -> None:
    node = _read(path)
    nbformat.validate(node)
    assert path.read_text() == nbformat.writes(node) + "\n"


@notebooks
def test_it_carries_nothing_of_any_run(path: Path) -> None:
    for cell in _code(path):
        assert cell.outputs == []
        assert cell.execution_count is None
    for cell in _read(path).cells:
        assert set(cell.metadata) <= {"tags"}
        assert set(cell.metadata.get("tags", [])) <= TAGS
    text = path.read_text()
    assert not [sign for sign in ("/home/", "/Users/", "/root/", "/tmp/") if sign in text]


@notebooks
def test_it_asks_for_the_plain_python_kernel(path: Path) -> None:
    metadata = _read(path).metadata
    assert set(metadata) <= {"kernelspec", "language_info"}
    assert metadata.kernelspec.name == "python3"
    assert metadata.kernelspec.language == "python"
    assert "version" not in metadata.get("language_info", {})


@notebooks
def test_its_parameters_are_those_of_the_model_with_the_same_defaults(path: Path) -> None:
    tagged = [cell for cell in _code(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] is not None
    found = {}
    for statement in ast.parse(tagged[0].source).body:
        assert isinstance(statement, ast.Assign | ast.AnnAssign), "one plain assignment a line"
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        assert isinstance(target, ast.Name)
        assert statement.value is not None
        value = ast.literal_eval(statement.value)
        # The quotes for a pasted log stand on lines of their own.
        found[target.id] = value.strip() if isinstance(value, str) else value
    assert found == {name: field.default for name, field in find(path.stem).parameters.model_fields.items()}


@pytest.mark.parametrize("path", LOGS, ids=[p.stem for p in LOGS])
def test_a_log_is_pasted_as_it_is(path: Path) -> None:
    """Backslashes, quotes and braces between the raw triple quotes of the cell stay what they are."""
    log = '{"said": "a \\"quote\\" and C:\\\\new\\u0041\\N{x}", \'b\': r"c"}\n  at fn (x.ts:1) `${y}` %s {0}\\'
    cell = next(c for c in _code(path) if "parameters" in c.metadata.get("tags", []))
    pasted: dict[str, object] = {}
    exec(cell.source.replace('r"""\n', f'r"""\n{log}', 1), pasted)
    given = validate(path.stem, {"app_name": "vyx-app", "caller_log": pasted["caller_log"]})
    assert given.caller_log == log


@pytest.mark.parametrize("path", LOGS, ids=[p.stem for p in LOGS])
def test_what_is_left_empty_is_not_given(path: Path) -> None:
    """A scenario's own log is not replaced by the blank lines between the quotes."""
    given = validate(path.stem, {"source": "simulator:vyx-missing-environment", "caller_log": "\n\n", "title": " "})
    assert "provision-machine" in given.caller_log


@notebooks
def test_it_opens_the_case_first_and_publishes_last(path: Path) -> None:
    parameters, opening, *_, last = _code(path)
    assert "parameters" in parameters.metadata.tags
    named = "" if path.stem == DEFAULT else f', "{path.stem}"'
    assert "from runbooks.case import open_case" in opening.source
    assert f"case = open_case(globals(){named})" in opening.source
    assert last.source.strip() == "case.publish()"


@notebooks
def test_it_tells_before_it_does_and_every_step_is_thin(path: Path) -> None:
    assert _read(path).cells[0].cell_type == "markdown"
    for cell in _code(path):
        if "parameters" not in cell.metadata.get("tags", []):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert 1 <= len(lines) <= LINES, cell.source


@notebooks
def test_its_cells_have_names_that_last(path: Path) -> None:
    ids = [cell["id"] for cell in json.loads(path.read_text())["cells"]]
    assert len(set(ids)) == len(ids)
