"""The end of a run: what became of it, the folder completed, cleaned and moved to its place, and the manifest.

What was seen is kept, whatever became of the run; what cannot be cleaned is locked away.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shlex
import shutil
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runbooks import __version__
from runbooks.base import folders
from runbooks.base.amount import amount
from runbooks.base.errors import DiskError, RunbookError, ScanError, UsageError
from runbooks.base.files import DISK_FAILS, why
from runbooks.evidence.redaction import Redactor
from runbooks.evidence.scan import clean_folder, scan_bytes
from runbooks.execution.executed import masked, read, uncoloured, write_notebook
from runbooks.execution.steps import Step, Watch

EXIT_DEADLINE = 124


@dataclass(frozen=True)
class Result:
    """How a run ended. `folder` is None when nothing was worth keeping."""

    status: str
    exit_code: int
    reason: str
    folder: Path | None
    steps: tuple[Step, ...]
    summary: Mapping[str, Any] | None = None
    summary_text: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class Run:
    """What is known about the run while it goes on."""

    runbook: str
    parameters: Mapping[str, Any]
    deadline: float
    begun: datetime
    redactor: Redactor
    watch: Watch
    notebook_hash: str
    index: bool = True
    job: str = ""
    cut: str = ""
    signals: list[int] = field(default_factory=list)
    failure: BaseException | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def signal(self) -> int | None:
        return self.signals[0] if self.signals else None


def published(folder: Path) -> Result:
    """The result of a run that was published before."""
    manifest = json.loads(read(folder / "manifest.json"))
    text = read(folder / "summary.json")
    ended = (str(manifest["status"]), int(manifest["exit_code"]), str(manifest["reason"]))
    return Result(*ended, folder, (), json.loads(text) if text else None, text, tuple(manifest["warnings"]))


def seen(folder: Path) -> bool:
    """Whether anything was seen: it is kept, whatever became of the run."""
    return any((folder / "evidence").glob("journal*.jsonl"))


def finish(this: Run, staging: folders.Staging) -> Result:
    """End the run; a disk that is full or fails ends it with what could be kept."""
    try:
        return _complete(this, staging)
    except OSError as error:
        if error.errno not in DISK_FAILS:
            raise
        return _out_of_room(this, staging, error)


def _out_of_room(this: Run, staging: folders.Staging, error: OSError) -> Result:
    """What is on disk stays there, in its place if that can be had, with a manifest if there is room for one."""
    for rest in (staging.path / "report.ipynb", staging.path / "kernel.log", *staging.path.rglob(".*.part")):
        with contextlib.suppress(OSError):
            rest.unlink()
    told = "The evidence is kept" if seen(staging.path) else "Nothing was seen"
    reason = (
        f"The disk that holds {staging.output_root} fails or is full ({why(error)}): the run could not end. {told}."
    )
    summary_text = read(staging.path / "summary.json")
    folder = staging.path
    with contextlib.suppress(OSError):
        manifest = masked(manifest_of(this, "failed", reason, 1), this.redactor, "manifest")
        manifest["files"] = folders.hashes(staging.path, leave_out="manifest.json")
        folders.write_sealed(staging.path / "manifest.json", manifest)
    try:
        folder = staging.settle(folders.run_name(this.runbook, this.parameters, this.begun), this.job)
    except OSError:
        staging.leave()
    reason += f" Free some space, then: runbooks replay {shlex.quote(str(folder))}" if seen(folder) else ""
    summary = json.loads(summary_text) if summary_text else None
    return Result("failed", 1, reason, folder, tuple(this.watch.steps), summary, summary_text, tuple(this.warnings))


def _complete(this: Run, staging: folders.Staging) -> Result:
    """Decide how it ended, complete and clean the folder, and move it to its place."""
    if this.watch.notebook is not None:
        place = staging.path / "report.ipynb"
        if found := write_notebook(this.watch.notebook, this.watch.steps, this.redactor, place):
            this.warnings.append(f"{amount(found, 'secret was', 'secrets were')} masked in the executed notebook.")
    dirty = _clean(this, staging.path)
    summary_text = read(staging.path / "summary.json")
    summary = json.loads(summary_text) if summary_text else None
    status, code, reason = _ending(this, summary)
    reason = this.redactor.text(reason, "reason")
    steps = tuple(this.watch.steps)
    if summary is None and status == "failed" and code == UsageError.exit_code:
        staging.discard()
        return Result(status, code, reason, None, steps, warnings=tuple(this.warnings))
    if status == "failed":
        log = uncoloured(read(this.watch.scratch / "kernel.log"))
        if log.strip():
            folders.write_whole(staging.path / "kernel.log", this.redactor.text(log, "kernel.log"))
    manifest = manifest_of(this, status, reason, code)
    manifest["files"] = folders.hashes(staging.path, leave_out="manifest.json")
    folders.write_sealed(staging.path / "manifest.json", masked(manifest, this.redactor, "manifest"))
    late = [path for name in ("kernel.log", "manifest.json") if (path := staging.path / name).is_file()]
    dirty += [path.name for path in late if scan_bytes(path.name, path.read_bytes(), this.redactor)]
    if dirty:
        _quarantine(staging, list(dict.fromkeys(dirty)))
    final = staging.settle(folders.run_name(this.runbook, this.parameters, this.begun), this.job)
    if this.index:
        update_index(final.parent.parent, this.warnings)
    return Result(status, code, reason, final, steps, summary, summary_text, tuple(this.warnings))


def _clean(this: Run, folder: Path) -> list[str]:
    """Mask what the finished files still show; the names of those that cannot be cleaned."""
    target = folder / folders.TARGET
    if target.is_file():
        # Only a name, and not hashed anywhere.
        target.write_text(this.redactor.text(read(target), "name of the folder"), encoding="utf-8")
    found, dirty = clean_folder(folder, this.redactor, read(folder / folders.SCANNED).split())
    if found:
        this.warnings.append(
            f"{amount(found, 'secret was', 'secrets were')} found in the finished files and masked there."
        )
    return dirty


def _ending(this: Run, summary: Mapping[str, Any] | None) -> tuple[str, int, str]:
    """Status, exit code and one sentence. What cut the run short comes before what it found."""
    published = "the report was published" if summary else "no report could be published"
    if this.cut == "cancelled" and this.signal is not None:
        name = signal.Signals(this.signal).name
        return "cancelled", 128 + this.signal, f"{name} ended the run early; {published}."
    if this.cut == "deadline":
        return "deadline", EXIT_DEADLINE, f"The deadline of {this.deadline:g} s passed; {published}."
    if this.watch.error is not None:
        name, text = this.watch.error
        own = _exit_code_of(name) == UsageError.exit_code or name == DiskError.__name__
        return "failed", _exit_code_of(name), text if own else f"{name}: {text}"
    if isinstance(this.failure, OSError) and this.failure.errno in DISK_FAILS:
        return "failed", 1, f"The disk fails or is full ({why(this.failure)}); {published}."
    if this.failure is not None:
        first = (str(this.failure).strip().splitlines() or ["no details"])[0]
        return "failed", 1, f"The notebook could not be run to its end: {first}"
    if summary is None:
        return "failed", 1, "The notebook ran to its end and wrote no summary.json."
    how = "The notebook ran to its end." if this.watch.notebook else "Nothing could be looked at, so no kernel ran."
    return "completed", exit_code_of(summary), how


def exit_code_of(summary: Mapping[str, Any]) -> int:
    """What the summary says itself; one from before it did: 0 healthy, 3 an incident with its cause, else 4."""
    if "exit_code" in summary:
        return int(summary["exit_code"])
    if summary.get("verdict") == "healthy":
        return 0
    return 3 if summary.get("cause") else 4


def _exit_code_of(error_name: str) -> int:
    """The exit code of an error that a cell raised, known here by its class's name only."""
    classes: list[type[RunbookError]] = [RunbookError]
    for known in classes:
        classes.extend(known.__subclasses__())
    return next((known.exit_code for known in classes if known.__name__ == error_name), 1)


def manifest_of(this: Run, status: str, reason: str, code: int | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "schema": "fly-runbooks/manifest/1",
        "runbook": this.runbook,
        **({"job": this.job} if this.job else {}),
        "status": status,
        "reason": reason,
        "exit_code": code,
        "signal": this.signal,
        "started_at": this.begun.isoformat(timespec="seconds"),
        "ended_at": now.isoformat(timespec="seconds") if status != "running" else None,
        "seconds": round((now - this.begun).total_seconds(), 3) if status != "running" else None,
        "deadline_seconds": this.deadline,
        "parameters": dict(this.parameters),
        "notebook": {"name": f"{this.runbook}.ipynb", "sha256": this.notebook_hash},
        "steps": [{k: v for k, v in asdict(step).items() if k != "cell"} for step in this.watch.steps],
        "versions": {
            "fly-runbooks": __version__,
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            **{name: version(name) for name in ("ipykernel", "nbclient", "papermill")},
        },
        "warnings": list(this.warnings),
        "files": {},
    }


def _quarantine(staging: folders.Staging, names: list[str]) -> None:
    """Lock away what could not be cleaned, with the rest of its run, and say where."""
    place = staging.output_root / folders.QUARANTINE
    place.mkdir(mode=0o700, exist_ok=True)
    place.chmod(0o700)
    kept = place / staging.path.name
    shutil.copytree(staging.path, kept)
    raise ScanError(
        f"A secret could not be cleaned from {', '.join(names)}; the run was not published.",
        f"It is kept, readable by you alone, in {kept}.",
    )


def update_index(output_root: Path, warnings: list[str]) -> None:
    """Write the list of all runs; what hinders it becomes a warning."""
    try:
        from runbooks.report import index

        index.write(output_root)
    except Exception as error:  # the run is complete without it
        warnings.append(f"The list of all runs could not be updated ({error}); `runbooks index` repeats it.")
