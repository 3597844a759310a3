"""What a case leaves on disk: staged, scanned for secrets once more, and moved to its folder all at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbooks import __version__
from runbooks.base import folders
from runbooks.base.amount import amount
from runbooks.base.errors import DiskError
from runbooks.base.files import DISK_FAILS, why
from runbooks.base.parameters import CommonParameters
from runbooks.base.runbook import Runbook
from runbooks.base.settings import Settings
from runbooks.evidence import bundle
from runbooks.evidence.bundle import what_is_left
from runbooks.evidence.journal import Journal
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import masked_text
from runbooks.report import blocked, index, page, summary, writeup
from runbooks.report.document import Report
from runbooks.report.section import Section
from runbooks.source import Collected, recorded_parameters


class Publication:
    """The folder of one case, and the state of the case that was last written there.

    Attributes:
        journal: what the current look has on disk already; None in a replay
    """

    def __init__(self, definition: Runbook, parameters: CommonParameters, settings: Settings) -> None:
        self._definition, self._parameters, self._settings = definition, parameters, settings
        self.journal: Journal | None = None
        self._staging: folders.Staging | None = None
        self._place = self._page = ""
        self._masked, self._again = 0, False

    @property
    def folder(self) -> Path:
        """The folder of the run: the runner's, or one of its own until it is published."""
        if self._settings.run_folder:
            return self._settings.run_folder
        if self._staging is None:
            root = self._settings.output_root
            for old in folders.sweep(root):
                print(f"{what_is_left(old)}.")
            self._staging = folders.Staging(root)
            given = self._parameters.model_dump(include={"app_name", "machine_id", "machine_name", "org_slug"})
            folders.write_whole(self._staging.path / folders.TARGET, self._name(given))
        return self._staging.path

    def section(self, report: Report, seen: Collected, told: Mapping[str, Any]) -> Section:
        """Write this state of the case, and say where it is."""
        place = self.write(report, seen, told)
        masked = amount(self._masked, "secret was", "secrets were")
        warning = f"Warning: {masked} found in the finished files and masked there."
        return Section(
            "published",
            "Published",
            "",
            f"The report is in {place}/." + (" Nothing changed since it was written." if self._again else ""),
            notes=(
                "report.html is for people and opens offline; report.md is for an issue or a chat; "
                "summary.json is for programs; evidence/ holds what it all rests on.",
                *((warning,) if self._masked else ()),
            ),
            links=self._links(place),
        )

    def write(self, report: Report, seen: Collected, told: Mapping[str, Any]) -> str:
        """Write this state of the case, unless it is there already.

        Args:
            report: what the files are rendered from
            seen: the evidence, and what a replay needs besides it
            told: what the report says besides the evidence, for a replay

        Returns:
            the folder of the run

        Raises:
            DiskError: the disk fails or is full; what the journal holds is kept
        """
        written = self._files(report, seen, told)
        # The page holds all that the case says; the counts of masked values grow whenever something is rendered.
        self._again = self._place != "" and written["report.html"] == self._page
        if self._again:
            return self._place
        clean, self._masked = _scanned(written, seen.redactor)
        subject = seen.evidence.subject
        named = {"app_name": subject.app, "machine_id": subject.machine_id, "machine_name": subject.machine_name}
        relative = self._name({**named, "org_slug": subject.org})
        folder = self.folder
        try:
            _write(folder, clean)
            folders.write_whole(folder / folders.TARGET, relative)
            hashes = sorted(hashlib.sha256(text.encode()).hexdigest() for text in clean.values())
            folders.write_whole(folder / folders.SCANNED, "\n".join(hashes))
        except OSError as error:
            if error.errno not in DISK_FAILS:
                raise
            raise self._not_written(folder, error) from None
        if self._staging is not None:
            final = self._staging.settle(relative).absolute()
            self._staging, relative = None, str(final)
            if self.journal is not None:
                self.journal.path = final / "evidence" / self.journal.path.name
            index.write(self._settings.output_root)
        self._place, self._page = relative, written["report.html"]
        return relative

    def _name(self, given: Mapping[str, object]) -> str:
        return folders.run_name(self._definition.name, given, datetime.now(UTC), self._definition.subject)

    def _links(self, place: str) -> tuple[tuple[str, str], ...]:
        way = folders.from_notebook(place, self._settings.run_folder, self._settings.output_root)
        names = ("report.html", "report.md", "summary.json")
        return tuple((name, f"{way}/{name}") for name in names) if way else ()

    def _not_written(self, folder: Path, error: OSError) -> DiskError:
        """What could be kept of a run whose report does not fit on the disk."""
        cause = f"The report could not be written: the disk that holds {folder} fails or is full ({why(error)})."
        if self.journal is None:
            return DiskError(cause, "Free some space, and replay the saved run again.")
        kept = self.journal.kept
        told = f"{kept} answers were kept" if kept != 1 else "1 answer was kept"
        return DiskError(
            f"{cause} {told} in {self.journal.path}.",
            "Free some space; `runbooks replay` makes the report from the folder of this run.",
        )

    def _files(self, report: Report, seen: Collected, told: Mapping[str, Any]) -> dict[str, str]:
        """Every file of the run by its name in the folder, not yet scanned."""
        built = summary.build(report)
        summary.check(built)
        given = recorded_parameters(self._parameters)
        given["caller_log"] = self._parameters.settled().get("caller_log", "")
        parameters = seen.redactor.value({k: v for k, v in given.items() if v}, "parameters")
        hits = seen.redactor.hits if seen.bundle is None else seen.bundle.hits
        if report.diagnosis.blocked:
            written = {"report.html": blocked.render_page(report), "report.md": blocked.render_write_up(report)}
        else:
            written = {"report.html": page.render(report), "report.md": writeup.render(report)}
        written["summary.json"] = summary.dumps(built)
        replay_context = replace(seen.replay_context, told=told)
        for name, text in bundle.files(
            seen.evidence, replay_context, hits, parameters, report.runbook, __version__, self._journals()
        ).items():
            written[f"evidence/{name}"] = text
        return written

    def _journals(self) -> dict[str, str]:
        """What is on disk of this run already: it is scanned and hashed with the rest."""
        if self.journal is None or not self.journal.path.parent.is_dir():
            return {}
        found = sorted(self.journal.path.parent.glob("journal*.jsonl"))
        return {path.name: path.read_text(encoding="utf-8") for path in found}


def _scanned(written: Mapping[str, str], redactor: Redactor) -> tuple[dict[str, str], int]:
    """The last look over every byte: what still shows is masked, counted and warned about."""
    clean, masked = {}, 0
    for name, text in written.items():
        hits = redactor.scan(text)
        masked += sum(hit.count for hit in hits)
        clean[name] = masked_text(name, text, redactor) if hits else text
    if masked:
        clean["evidence/index.json"] = bundle.rehashed(clean)
    return clean, masked


def _write(folder: Path, written: Mapping[str, str]) -> None:
    """Each file appears whole or not at all, the evidence first and the summary last.

    The index of the evidence follows the files that it speaks of: without it the journal is what a replay reads.
    """
    (folder / "evidence" / "index.json").unlink(missing_ok=True)
    for name, text in sorted(written.items(), key=lambda item: (_rank(item[0]), item[0])):
        path = folder / name
        if name.endswith(".jsonl") and path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        folders.make(path.parent)
        folders.write_whole(path, text)


def _rank(name: str) -> int:
    if name == "summary.json":
        return 3
    return 1 if name == "evidence/index.json" else 0 if name.startswith("evidence/") else 2
