"""Run a runbook under supervision: one kernel, one deadline, one honest end.

The notebook's last cell writes the report; this module adds the executed notebook and the manifest,
masks secrets in both, and gives the folder its final name when everything in it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import re
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbooks import __version__, definitions
from runbooks.base import folders
from runbooks.base.errors import DiskError, RunbookError, ScanError, UsageError
from runbooks.base.files import DISK_FAILS, DISK_FULL, why
from runbooks.base.settings import load_settings
from runbooks.evidence.bundle import what_is_left
from runbooks.evidence.redaction import Redactor, secrets_of
from runbooks.evidence.scan import HTML, PLAIN, clean_folder, scan_bytes
from runbooks.execution import blocked, early
from runbooks.execution.steps import Step, Watch, is_parameters, steps_of
from runbooks.report import escape

if TYPE_CHECKING:
    from nbformat import NotebookNode

DEADLINE = 300.0
SOFT_SHARE = 0.8  # of the deadline: then the case stops looking and publishes
GRACE = 15.0  # seconds that an interrupted notebook has to publish what there is
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_DEADLINE = 124
# CSI (colours, cursor), OSC (titles, links) up to its end, other escapes of two characters.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]{0,60}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\^_])")


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
class _Run:
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


def notebook_path(runbook: str) -> Path:
    """The runbook's notebook, beside its module or in the checkout that this package belongs to."""
    path = definitions.notebook_of(runbook)
    if not path.is_file():
        raise UsageError(
            f"The notebook {path} does not exist.",
            "Install the package again: the notebooks belong to it.",
        )
    return path


def run(
    runbook: str,
    given: Mapping[str, Any],
    *,
    output_root: Path,
    deadline: float = DEADLINE,
    notebook: Path | None = None,
    on_step: Callable[[Step, int], None] = lambda step, total: None,
    warm: bool = False,
    signals: list[int] | None = None,
    index: bool = True,
    job: str = "",
) -> Result:
    """Execute the runbook's notebook with the given (already validated) parameters.

    Args:
        runbook: its name
        given: the parameters by name
        output_root: where the dated folders go
        deadline: seconds for the notebook
        notebook: another notebook than the runbook's own
        on_step: is told of each cell that begins or ends, and how many there are
        warm: fork the kernel from a process that has imported everything, where that is possible
        signals: where somebody else notes the signals that end this run; by default the run notes them itself
        index: whether the list of all runs is written anew
        job: the folder of this run below the output root, for one that may be begun again elsewhere: what is published
            there already is taken as its result, and other runs that were killed are left alone

    Returns:
        how it ended, and where its files are
    """
    source = notebook or notebook_path(runbook)
    original = source.read_bytes()
    redactor = _redactor()
    parameters = {name: _masked(value, redactor, "parameters") for name, value in given.items()}
    output_root = output_root.absolute()
    if job and (done := folders.published(output_root, job)):
        return _published(done)
    warnings = [] if job else [f"{what_is_left(old)}." for old in folders.sweep(output_root)]
    staging = folders.Staging(output_root)
    with tempfile.TemporaryDirectory(prefix=folders.SCRATCH) as scratch:
        staging.note(Path(scratch))
        environment = _environment(staging.path, output_root, deadline, scratch)
        watch = Watch(environment, Path(scratch), on_step, warm and sys.platform == "linux")
        this = _Run(
            runbook,
            parameters,
            deadline,
            datetime.now(UTC),
            redactor,
            watch,
            hashlib.sha256(original).hexdigest(),
            index,
            job,
            signals=[] if signals is None else signals,
            warnings=warnings,
        )
        try:
            folders.write_sealed(staging.path / "manifest.json", _manifest(this, "running", "", None))
            if notebook is None and blocked.publish(runbook, parameters, staging.path, deadline * SOFT_SHARE):
                return _finish(this, staging)
            with noting(this.signals) if signals is None else contextlib.nullcontext():
                with early.waiting(watch.scratch / "kernel.log", not watch.warm) as watch.waiting:
                    _supervise(this, original.decode("utf-8"))
                return _finish(this, staging)
        except BaseException as error:
            if isinstance(error, ScanError) or not _seen(staging.path):
                staging.discard()
            else:
                staging.leave()
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise folders.no_room(
                    output_root, f"The disk that holds {output_root} is full ({why(error)})"
                ) from None
            raise


def name_of(runbook: str, given: Mapping[str, Any], begun: datetime) -> str:
    """The folder of such a run below the output root, where its case tells no better name."""
    redactor = _redactor()
    return folders.run_name(runbook, {name: _masked(given[name], redactor, "parameters") for name in given}, begun)


def _published(folder: Path) -> Result:
    """The result of a run that was published before."""
    manifest = json.loads(_read(folder / "manifest.json"))
    text = _read(folder / "summary.json")
    ended = (str(manifest["status"]), int(manifest["exit_code"]), str(manifest["reason"]))
    return Result(*ended, folder, (), json.loads(text) if text else None, text, tuple(manifest["warnings"]))


def _supervise(this: _Run, notebook: str) -> None:
    """Wait for the notebook; at the deadline or on a signal stop it, and kill it if it does not end."""
    # Imported here: half a second that a run without a kernel does not need.
    import nbformat
    import papermill
    from jupyter_core.utils import ensure_event_loop

    from runbooks.execution.kernel import ENGINE

    node = nbformat.reads(notebook, as_version=4)
    this.watch.steps = steps_of(node)
    logging.getLogger("papermill").addHandler(logging.NullHandler())

    def work() -> None:
        try:
            papermill.execute_notebook(
                node,
                None,
                dict(this.parameters),
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                watch=this.watch,
            )
        except papermill.PapermillExecutionError:
            pass  # already in `watch.error`, unless it was an interrupt
        except BaseException as error:
            this.failure = error
        finally:
            ensure_event_loop().close()  # made by nbclient for this thread, and left open by it

    thread = threading.Thread(target=work, name="notebook", daemon=True)
    end = time.monotonic() + this.deadline
    thread.start()
    stopped_at: float | None = None
    killed = False
    while thread.is_alive():
        # Polling, since a handler must not touch a lock that this very thread may be waiting on.
        thread.join(0.05)
        now = time.monotonic()
        if stopped_at is None:
            if this.signals or now >= end:
                this.cut = "cancelled" if this.signals else "deadline"
                stopped_at = now
                this.watch.stop()
        elif not killed and (len(this.signals) > 1 or now >= stopped_at + GRACE):
            killed = True
            this.watch.kill()
        elif killed and now >= stopped_at + 2 * GRACE:
            break  # the kernel is dead; only its bookkeeping hangs


def _seen(folder: Path) -> bool:
    """Whether anything was seen: it is kept, whatever became of the run."""
    return any((folder / "evidence").glob("journal*.jsonl"))


def _finish(this: _Run, staging: folders.Staging) -> Result:
    """End the run; a disk that is full or fails ends it with what could be kept."""
    try:
        return _complete(this, staging)
    except OSError as error:
        if error.errno not in DISK_FAILS:
            raise
        return _out_of_room(this, staging, error)


def _out_of_room(this: _Run, staging: folders.Staging, error: OSError) -> Result:
    """What is on disk stays there, in its place if that can be had, with a manifest if there is room for one."""
    for rest in (staging.path / "report.ipynb", staging.path / "kernel.log", *staging.path.rglob(".*.part")):
        with contextlib.suppress(OSError):
            rest.unlink()
    told = "The evidence is kept" if _seen(staging.path) else "Nothing was seen"
    reason = (
        f"The disk that holds {staging.output_root} fails or is full ({why(error)}): the run could not end. {told}."
    )
    summary_text = _read(staging.path / "summary.json")
    folder = staging.path
    with contextlib.suppress(OSError):
        manifest = _masked(_manifest(this, "failed", reason, 1), this.redactor, "manifest")
        manifest["files"] = folders.hashes(staging.path, leave_out="manifest.json")
        folders.write_sealed(staging.path / "manifest.json", manifest)
    try:
        folder = staging.settle(folders.run_name(this.runbook, this.parameters, this.begun), this.job)
    except OSError:
        staging.leave()
    reason += f" Free some space, then: runbooks replay {shlex.quote(str(folder))}" if _seen(folder) else ""
    summary = json.loads(summary_text) if summary_text else None
    return Result("failed", 1, reason, folder, tuple(this.watch.steps), summary, summary_text, tuple(this.warnings))


def _complete(this: _Run, staging: folders.Staging) -> Result:
    """Decide how it ended, complete and clean the folder, and move it to its place."""
    if this.watch.notebook is not None:
        _write_notebook(this, this.watch.notebook, staging.path / "report.ipynb")
    dirty = _clean(this, staging.path)
    summary_text = _read(staging.path / "summary.json")
    summary = json.loads(summary_text) if summary_text else None
    status, code, reason = _ending(this, summary)
    reason = this.redactor.text(reason, "reason")
    steps = tuple(this.watch.steps)
    if summary is None and status == "failed" and code == UsageError.exit_code:
        staging.discard()
        return Result(status, code, reason, None, steps, warnings=tuple(this.warnings))
    if status == "failed":
        log = _uncoloured(_read(this.watch.scratch / "kernel.log"))
        if log.strip():
            folders.write_whole(staging.path / "kernel.log", this.redactor.text(log, "kernel.log"))
    manifest = _manifest(this, status, reason, code)
    manifest["files"] = folders.hashes(staging.path, leave_out="manifest.json")
    folders.write_sealed(staging.path / "manifest.json", _masked(manifest, this.redactor, "manifest"))
    late = [path for name in ("kernel.log", "manifest.json") if (path := staging.path / name).is_file()]
    dirty += [path.name for path in late if scan_bytes(path.name, path.read_bytes(), this.redactor)]
    if dirty:
        _quarantine(staging, list(dict.fromkeys(dirty)))
    final = staging.settle(folders.run_name(this.runbook, this.parameters, this.begun), this.job)
    if this.index:
        update_index(final.parent.parent, this.warnings)
    return Result(status, code, reason, final, steps, summary, summary_text, tuple(this.warnings))


def _clean(this: _Run, folder: Path) -> list[str]:
    """Mask what the finished files still show; the names of those that cannot be cleaned."""
    target = folder / folders.TARGET
    if target.is_file():
        # Only a name, and not hashed anywhere.
        target.write_text(this.redactor.text(_read(target), "name of the folder"), encoding="utf-8")
    masked, dirty = clean_folder(folder, this.redactor, _read(folder / folders.SCANNED).split())
    if masked:
        this.warnings.append(f"{masked} secrets were found in the finished files and masked there.")
    return dirty


def _ending(this: _Run, summary: Mapping[str, Any] | None) -> tuple[str, int, str]:
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


def _manifest(this: _Run, status: str, reason: str, code: int | None) -> dict[str, Any]:
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


def _write_notebook(this: _Run, node: NotebookNode, path: Path) -> None:
    """The executed notebook without this machine's paths, with the true status of each cell, and masked."""
    import nbformat

    before = sum(hit.count for hit in this.redactor.hits)
    for key in ("input_path", "output_path"):
        node.metadata.get("papermill", {}).pop(key, None)
    for cell in node.cells:
        cell.metadata.pop("execution", None)
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    for step, cell in zip(this.watch.steps, code, strict=True):
        # papermill calls cells that never ran "completed" (its notebook_complete).
        cell.metadata.setdefault("papermill", {})["status"] = step.status
        cell.outputs = _joined(cell.outputs)
        if is_parameters(cell):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
    if verdict := _verdict(path.parent):
        node.cells.insert(0, nbformat.v4.new_markdown_cell(verdict, id="verdict"))
    cleaned = nbformat.from_dict(_masked(node, this.redactor, "notebook"))
    found = sum(hit.count for hit in this.redactor.hits) - before
    if found:
        this.warnings.append(f"{found} secrets were masked in the executed notebook.")
    folders.write_whole(path, nbformat.writes(cleaned, version=4))


def _verdict(folder: Path) -> str:
    """The first cell of the executed notebook: whoever opens it wants the verdict, and then the steps.

    Empty, if the run wrote no summary that has one.
    """
    from runbooks.report.brief import first_screen  # the templates, after the run and not before it

    summary = json.loads(_read(folder / "summary.json") or "{}")
    if not {"verdict", "headline", "remedies"} <= set(summary):
        return ""
    links = (f"[{name}]({name})" for name in ("report.html", "report.md", "summary.json") if (folder / name).is_file())
    return f"{first_screen(summary)}\nThe whole report: {' · '.join(links)}. The steps follow."


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What was printed piece by piece as one text, and tracebacks as one; neither with anything for a terminal."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if output.output_type == "error":
            output.traceback = [_uncoloured("\n".join(output.traceback))]
            output.evalue = _uncoloured(output.evalue)
        elif output.output_type == "stream":
            if last is not None and last.output_type == "stream" and last.name == output.name:
                last.text = _uncoloured(last.text + output.text)
                continue
            output.text = _uncoloured(output.text)
        joined.append(output)
    return joined


def _uncoloured(text: str) -> str:
    """Without colours, titles and links of a terminal, and with every other control character made visible."""
    return escape.plain(_SEQUENCE.sub("", text))


def _masked(value: Any, redactor: Redactor, place: str) -> Any:
    """Mask every string inside; the data of a picture is only looked through, since it is no text."""
    if isinstance(value, Mapping) and HTML in value and PLAIN in value:
        rest = _masked({name: item for name, item in value.items() if name != PLAIN}, redactor, place)
        with redactor.laid_out():
            plain = _masked(value[PLAIN], redactor, place)
        return {**rest, PLAIN: plain}
    if isinstance(value, Mapping):
        return {
            redactor.text(str(key), place): _picture(item, redactor, place)
            if str(key).startswith("image/") and "+xml" not in str(key)
            else _masked(item, redactor, place)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(item, redactor, place) for item in value]
    return redactor.text(value, place) if isinstance(value, str) else value


def _picture(data: Any, redactor: Redactor, place: str) -> Any:
    return data if isinstance(data, str) and not redactor.hides(data) else _masked(data, redactor, place)


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


def _environment(staging: Path, output_root: Path, deadline: float, scratch: str) -> dict[str, str]:
    """The kernel's environment: ours, and where and for how long the case may work."""
    return os.environ | {
        "RUNBOOKS_RUN_FOLDER": str(staging),
        "RUNBOOKS_OUTPUT_ROOT": str(output_root),
        "RUNBOOKS_DEADLINE": f"{deadline * SOFT_SHARE:g}",
        "IPYTHONDIR": str(Path(scratch) / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _redactor() -> Redactor:
    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)
    return redactor


@contextmanager
def noting(signals: list[int]) -> Iterator[None]:
    """Note signals in the list instead of dying of them; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: object) -> None:
        signals.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
