"""A runbook in JupyterLab as an engineer has it before him: click, type, paste, Shift+Enter, read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .server import Lab

PATIENCE_MS = 180_000
"""Long enough for a busy machine; nothing is asserted about time."""


class Notebook:
    """A copy of a runbook in a browser's page. Cells go by the ids that they have in git."""

    def __init__(self, page: Any, lab: Lab, copy: Path) -> None:
        self.page, self.path = page, copy
        self._places = {cell["id"]: n for n, cell in enumerate(json.loads(copy.read_text())["cells"])}
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{lab.url}/lab/tree/{copy.relative_to(lab.root).as_posix()}?reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def cell(self, name: str) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self._places[name])

    def click(self, name: str, line: str) -> None:
        """Put the cursor at the start of the line that begins so."""
        self.cell(name).locator(".cm-line").get_by_text(re.compile(f"^{re.escape(line)}")).first.click()
        self.page.keyboard.press("Home")

    def fill(self, parameter: str, text: str) -> None:
        """Type between the quotes behind the parameter's name."""
        self.click("parameters", f"{parameter}:")
        for _ in range(len(f'{parameter}: str = "')):
            self.page.keyboard.press("ArrowRight")
        self.page.keyboard.type(text)

    def paste_log(self, text: str) -> None:
        """Paste onto the empty line between the triple quotes."""
        self.click("parameters", "caller_log:")
        self.page.keyboard.press("ArrowDown")
        self.paste(text)

    def write(self, name: str, text: str) -> None:
        """Other text for a whole cell."""
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.paste(text)

    def paste(self, text: str) -> None:
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")

    def run(self, name: str) -> str:
        """Shift+Enter in this cell; what stands under it when it is done."""
        before = self.prompt(name)
        self.start(name)
        self.wait(name, before)
        return self.output(name) if name != "parameters" else ""

    def start(self, name: str) -> None:
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def wait(self, name: str, before: str) -> None:
        """Until the cell has another number than before."""
        for _ in range(PATIENCE_MS // 100):
            if re.fullmatch(r"\[\d+\]:", self.prompt(name)) and self.prompt(name) != before:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{name} did not end: {self.prompt(name)} {self.output(name)}")

    def run_all(self, last: str) -> str:
        """Run All Cells, and what stands under the last one then."""
        before = self.prompt(last)
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.wait(last, before)
        return self.output(last)

    def prompt(self, name: str) -> str:
        return str(self.cell(name).locator(".jp-InputPrompt").inner_text()).strip()

    def output(self, name: str) -> str:
        """What stands under a cell. Lab draws only what is in view, and a little later."""
        for _ in range(PATIENCE_MS // 100):
            self.cell(name).scroll_into_view_if_needed()
            if shown := str(self.cell(name).locator(".jp-Cell-outputArea").inner_text()).strip():
                return shown
            self.page.wait_for_timeout(100)
        raise AssertionError(f"nothing is shown under {name}")

    def add_below(self, name: str, text: str) -> None:
        """A cell of one's own below this one; it takes the name `own`."""
        self.cell(name).locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        self._places = {n: place + (place > self._places[name]) for n, place in self._places.items()}
        self._places["own"] = self._places[name] + 1
        self.write("own", text)

    def save(self) -> dict[str, Any]:
        """The file as it lies on the disk after a click on "save": Ctrl+S does nothing where no cell has the focus."""
        self.page.locator('.jp-NotebookPanel-toolbar [data-jp-item-name="save"]').click()
        self.page.locator(".jp-mod-dirty").wait_for(state="detached")
        saved: dict[str, Any] = json.loads(self.path.read_text())
        return saved
