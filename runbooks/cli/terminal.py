"""Output for a terminal. Nothing that came from outside can move the cursor or colour a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runbooks.diagnose.catalogue import CauseInfo
from runbooks.diagnose.commands import filled, sentence
from runbooks.evidence.redaction import Redactor
from runbooks.execution.doctor import Finding
from runbooks.execution.ending import Result
from runbooks.execution.steps import Step
from runbooks.report.status import standing

# C0 except tab and newline, DEL, C1, zero-width characters, line separators, tags, and the characters that turn
# the reading direction.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff]"
)
_FINDINGS = {"ok": ("✓", ""), "problem": ("✗", "red"), "not-used": ("–", "dim"), "not-looked-at": ("–", "dim")}
_MARKS = {"done": "✓", "failed": "✗", "interrupted": "■"}
# What comes here was masked where it entered; this is the last net, also for what a person mistyped.
_redactor = Redactor()


def add_secret(secrets: Iterable[tuple[str, str]]) -> None:
    """Credentials that may not be shown whatever text they stand in."""
    for value, kind in secrets:
        _redactor.add_secret(value, kind)


def plain(text: object) -> str:
    """The text without secrets, and with every control character spelled out."""
    return _harmless(_redactor.text(str(text), "terminal"))


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


class Progress:
    """One line a step, on stderr; on a terminal the running step is shown as well."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._status = console.status("Starting the kernel …") if console.is_terminal and not quiet else None

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._status:
            self._status.stop()

    def step(self, step: Step, total: int) -> None:
        if self._quiet:
            return
        title = plain(step.title)
        if step.status == "running":
            if self._status:
                self._status.update(Text(f"{step.number}/{total} {title}"))
            return
        mark = _MARKS.get(step.status, "?")
        line = f"{mark} {step.number:>2}/{total} {title}"
        self._console.print(Text(f"{line} ({step.seconds:.1f} s)"), soft_wrap=True)


def show_result(console: Console, result: Result) -> None:
    """The end of a run: what was found, what to do, what was not checked, where the report is."""
    summary = result.summary or {}
    cause = summary.get("cause") or {}
    found = standing(str(summary.get("verdict")), cause.get("confidence"), str(summary.get("status", "")))
    console.print()
    _show(console, "result", run=result, summary=summary, standing=found)
    if result.folder is not None:
        report = result.folder / "report.html"
        console.print()
        show_paths(console, "Report", report if report.is_file() else result.folder)
        text = result.folder / "report.md"
        if text.is_file():
            show_paths(console, "As text, for an issue or a chat", text)


def show_runbook(
    console: Console, name: str, title: str, parameters: Sequence[tuple[str, str, str, str]], distribution: str
) -> None:
    """One runbook with its parameters, and who brings it."""
    brought = f" (from {distribution})" if distribution else ""
    _line(console, f"{name}: {title}{brought}", "bold")
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    for column in ("parameter", "type", "default", "meaning"):
        table.add_column(column, overflow="fold")
    for row in parameters:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)


def show_broken(console: Console, name: str, reason: str) -> None:
    """A runbook that cannot be loaded is a line in the list."""
    _line(console, f"{name}: cannot be loaded. {reason}", "yellow")


def show_scenarios(console: Console, titles: Mapping[str, str]) -> None:
    """The simulator's scenarios, each with its title."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("scenario", "incident"):
        table.add_column(column, overflow="fold")
    for name, title in titles.items():
        table.add_row(Text(plain(name)), Text(plain(title)))
    console.print(table)


def show_cause(console: Console, info: CauseInfo) -> None:
    """The whole catalogue entry of one cause; placeholders are in capitals."""
    remedy, next_test = filled(info.remedy, {})._asdict(), sentence(info.next_test, {})
    _show(console, "cause", info=info, remedy=remedy, next_test=next_test)


def show_finding(console: Console, finding: Finding) -> None:
    """One line of `doctor`, and below it the command that mends what is wrong."""
    sign, style = _FINDINGS[finding.state]
    # Masked by itself: behind "token:" anything would be one.
    console.print(Text(f"{sign} {finding.name}: {plain(finding.found)}", style=style), soft_wrap=True)
    if finding.mend:
        _line(console, f"    {finding.mend}", "cyan")


def show_paths(console: Console, label: str, path: Path) -> None:
    # A path is shown as it is: masked, it would lead nowhere, and its last parts are names that were scanned.
    console.print(Text(_harmless(f"{label}: {path}")), soft_wrap=True)


def show_line(console: Console, text: str) -> None:
    _line(console, text)


def show_error(console: Console, text: str) -> None:
    _line(console, f"Error: {text}", "red")


def show_warnings(console: Console, warnings: Sequence[str]) -> None:
    for warning in warnings:
        _line(console, f"Warning: {warning}", "yellow")


def _show(console: Console, macro: str, **context: object) -> None:
    """What a macro of the template gives, line by line. A sentence is broken between words for a person only."""
    from runbooks.report import templating

    made = templating.module("terminal.term.j2", plain=plain, **context)
    for style, text in templating.styled_lines(getattr(made, macro)()):
        whole = "line" in style or not console.is_terminal
        console.print(Text(text, style=style.replace("line", "").strip()), soft_wrap=whole)


def _line(console: Console, text: object, style: str = "") -> None:
    console.print(Text(plain(text), style=style), soft_wrap=True)
