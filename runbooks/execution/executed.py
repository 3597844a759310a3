"""The executed notebook as it is kept: masked, without this machine's paths, and opening on the verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks.base import folders
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import HTML, PLAIN
from runbooks.execution.steps import Step, is_parameters
from runbooks.report import escape

if TYPE_CHECKING:
    from nbformat import NotebookNode

# CSI (colours, cursor), OSC (titles, links) up to its end, other escapes of two characters.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]{0,60}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\^_])")


def write_notebook(node: NotebookNode, steps: Sequence[Step], redactor: Redactor, path: Path) -> int:
    """The executed notebook without this machine's paths, with the true status of each cell; how much was masked."""
    import nbformat

    before = sum(hit.count for hit in redactor.hits)
    for key in ("input_path", "output_path"):
        node.metadata.get("papermill", {}).pop(key, None)
    for cell in node.cells:
        cell.metadata.pop("execution", None)
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    for step, cell in zip(steps, code, strict=True):
        # papermill calls cells that never ran "completed" (its notebook_complete).
        cell.metadata.setdefault("papermill", {})["status"] = step.status
        cell.outputs = _joined(cell.outputs)
        if is_parameters(cell):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    if verdict := _verdict(path.parent):
        node.cells.insert(0, nbformat.v4.new_markdown_cell(verdict, id="verdict"))
    cleaned = nbformat.from_dict(masked(node, redactor, "notebook"))
    folders.write_whole(path, nbformat.writes(cleaned, version=4))
    return sum(hit.count for hit in redactor.hits) - before


def _verdict(folder: Path) -> str:
    """The first cell of the executed notebook: whoever opens it wants the verdict, and then the steps.

    Empty, if the run wrote no summary that has one.
    """
    from runbooks.report.brief import first_screen  # the templates, after the run and not before it

    summary = json.loads(read(folder / "summary.json") or "{}")
    if not {"verdict", "headline", "remedies"} <= set(summary):
        return ""
    links = (f"[{name}]({name})" for name in ("report.html", "report.md", "summary.json") if (folder / name).is_file())
    parameters = "The steps follow as they ran; what this run was given is in the cell that begins with `# Parameters`."
    return f"{first_screen(summary)}\nThe whole report: {' · '.join(links)}. {parameters}"


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What was printed piece by piece as one text, and tracebacks as one; neither with anything for a terminal."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if output.output_type == "error":
            output.traceback = [uncoloured("\n".join(output.traceback))]
            output.evalue = uncoloured(output.evalue)
        elif output.output_type == "stream":
            if last is not None and last.output_type == "stream" and last.name == output.name:
                last.text = uncoloured(last.text + output.text)
                continue
            output.text = uncoloured(output.text)
        joined.append(output)
    return joined


def uncoloured(text: str) -> str:
    """Without colours, titles and links of a terminal, and with every other control character made visible."""
    return escape.plain(_SEQUENCE.sub("", text))


def masked(value: Any, redactor: Redactor, place: str) -> Any:
    """Mask every string inside; the data of a picture is only looked through, since it is no text."""
    if isinstance(value, Mapping) and HTML in value and PLAIN in value:
        rest = masked({name: item for name, item in value.items() if name != PLAIN}, redactor, place)
        with redactor.laid_out():
            plain = masked(value[PLAIN], redactor, place)
        return {**rest, PLAIN: plain}
    if isinstance(value, Mapping):
        return {
            redactor.text(str(key), place): _picture(item, redactor, place)
            if str(key).startswith("image/") and "+xml" not in str(key)
            else masked(item, redactor, place)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item, redactor, place) for item in value]
    return redactor.text(value, place) if isinstance(value, str) else value


def _picture(data: Any, redactor: Redactor, place: str) -> Any:
    return data if isinstance(data, str) and not redactor.hides(data) else masked(data, redactor, place)


def read(path: Path) -> str:
    """The text of a file; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
