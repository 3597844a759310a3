"""A fleet, then a full investigation of its worst suspects: one lock, one deadline, one summary.

What is done is noted in `.sweep.json` beside the runs as it is done, so a sweep that was killed is continued by the
next one with the same parameters.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import filelock

from runbooks import definitions
from runbooks.base import folders
from runbooks.base.amount import amount
from runbooks.base.errors import RunbookError
from runbooks.base.files import NotReadable, read_text
from runbooks.execution import ending, many, notify, runner
from runbooks.execution.ending import Result
from runbooks.execution.many import Job, RunMany
from runbooks.report import runs

FLEET, EACH = "fleet", "machine_not_visible"
STATE, LOCK, SUMMARIES = ".sweep.json", ".sweep.lock", "sweeps"
SCHEMA = "fly-runbooks/sweep/1"
EXIT_LOCKED, EXIT_BLOCKED = 75, 5
_OF_FLEET = ("headline", "verdict", "status")
_MOST_STATE = 20_000_000
_STALE = timedelta(hours=12)
"""A sweep that was begun longer ago than this is not continued: its suspects are of another day."""

Tell = Callable[[str], None]


class Locked(RunbookError):
    """Another sweep holds the lock."""

    exit_code = EXIT_LOCKED


@dataclass
class State:
    """What a sweep has done so far; it is written whenever something is done.

    Attributes:
        begun_at: when it began, UTC
        parameters: those of the fleet, as given
        fleet: the folder of the fleet's run below the output root, "" while there is none
        suspects: what each investigation is given, the worst first
        done: the folder of the run of a suspect, by its place in `suspects`
    """

    begun_at: str
    parameters: dict[str, Any]
    fleet: str = ""
    suspects: list[dict[str, str]] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Swept:
    """How a sweep ended.

    Attributes:
        exit_code: that of the fleet, or what ended the sweep early
        summary: as it was written
        path: where the summary lies; None when the fleet could not be read
        warnings: what went wrong without ending it
    """

    exit_code: int
    summary: Mapping[str, Any]
    path: Path | None
    warnings: tuple[str, ...]


def sweep(
    parameters: Mapping[str, Any],
    *,
    output_root: Path,
    investigate: int = 20,
    deadline: float = 3_600.0,
    workers: int = 0,
    wait: bool = False,
    addresses: Sequence[str] = (),
    tell: Tell = lambda line: None,
    run_jobs: RunMany | None = None,
) -> Swept:
    """Run the fleet, investigate its worst suspects, write one summary, and tell people what changed.

    Args:
        parameters: those of the runbook `fleet`, as given; what the two runbooks share goes on to the investigations
        output_root: where the runs and the summary go
        investigate: how many suspects are investigated
        deadline: seconds for the whole
        workers: investigations at the same time; 0: as many as keep the cores busy
        wait: wait for another sweep to end instead of refusing
        addresses: whom to notify, as addresses of Apprise
        tell: is given a line for people whenever something is done
        run_jobs: makes the investigations; None means warm kernels of this machine

    Raises:
        Locked: another sweep is under way in this output root
        ParameterError: a parameter cannot be used
    """
    checked = definitions.validate(FLEET, parameters)
    settled = checked.settled()
    given = {name: settled.get(name, getattr(checked, name)) for name in parameters}
    output_root = output_root.absolute()
    until = time.monotonic() + deadline
    with _locked(output_root, deadline, wait):
        return _swept(given, output_root, investigate, until, workers, addresses, tell, run_jobs or many.run_many)


def _swept(
    given: Mapping[str, Any],
    root: Path,
    investigate: int,
    until: float,
    workers: int,
    addresses: Sequence[str],
    tell: Tell,
    run_jobs: RunMany,
) -> Swept:
    state = _resumed(root, given, tell)
    warnings: list[str] = []
    fleet = _summary(root, state.fleet)
    if not fleet:
        tell("Comparing all machines with all rows; then the worst suspects are investigated.")
        result = runner.run(FLEET, given, output_root=root, deadline=max(1.0, until - time.monotonic()), index=False)
        warnings += result.warnings
        if result.summary is None or result.folder is None:
            return Swept(result.exit_code, {}, None, (*warnings, result.reason))
        fleet, state.fleet = dict(result.summary), result.folder.relative_to(root).as_posix()
        state.suspects = list(_suspects(fleet, given))[:investigate]
        _note(root, state)
        nothing = fleet.get("exit_code") == EXIT_BLOCKED or _counts(fleet)["machines"] == 0
        say = warnings.append if nothing else tell  # a warning is shown with --quiet as well
        say(fleet["headline"])
        for one in fleet.get("not_checked", ()):
            say(f"Not checked: {one['what']}: {one['why']}")
        if result.status != "completed":
            warnings.append(result.reason)
            return _ended(root, state, fleet, result.exit_code, addresses, tell, warnings)
    _find_published(root, state)
    left = [number for number in range(len(state.suspects)) if str(number) not in state.done]

    def end(at: int, result: Result) -> None:
        told = result.reason
        if result.summary and result.folder and result.status != "failed":
            place = result.folder.relative_to(root).as_posix()
            state.done[str(left[at])] = place
            _note(root, state)
            outcome = notify.outcome_of(result.summary, place)
            told = f"{outcome.status} {outcome.cause}".strip()
        tell(f"{len(state.done)}/{len(state.suspects)} {_named(state.suspects[left[at]])}: {told}")

    jobs = [Job(EACH, state.suspects[number]) for number in left]
    with many.sharing_answers(jobs):
        results = run_jobs(jobs, output_root=root, workers=workers, until=until, on_end=end)
    unfinished = sum(result is None for result in results)
    code = fleet.get("exit_code", 3)
    cut = next((result.exit_code for result in results if result and result.status in ("cancelled", "deadline")), 0)
    failed = [result.reason for result in results if result and result.status == "failed"]
    if failed:
        code = 1
        warnings.append(
            f"{amount(len(failed), 'suspect')} could not be investigated; the next sweep does it: {failed[0]}"
        )
    if unfinished or cut:
        code = cut if cut > 128 else ending.EXIT_DEADLINE
        warnings.append(
            f"The sweep ended early; {amount(unfinished + bool(cut), 'suspect was', 'suspects were')} not investigated "
            "to the end."
        )
    return _ended(root, state, fleet, code, addresses, tell, warnings)


def _ended(
    root: Path,
    state: State,
    fleet: Mapping[str, Any],
    code: int,
    addresses: Sequence[str],
    tell: Tell,
    warnings: list[str],
) -> Swept:
    """Notify, write the summary, and forget the state of a sweep that is complete."""
    investigated = []
    outcomes = [notify.outcome_of(fleet, notify.place_of(root / state.fleet / "report.html", root))]
    for number, given in enumerate(state.suspects):
        place = state.done.get(str(number), "")
        found = _summary(root, place)
        if found:
            outcome = notify.outcome_of(found, notify.place_of(root / place / "report.html", root))
            outcomes.append(replace(outcome, fleet=outcomes[0].subject))
        about = {
            key: value
            for key, value in asdict(outcomes[-1]).items()
            if found and key not in ("subject", "report", "fleet")
        }
        investigated.append({"subject": _named(given), "run": place or None, **about})
    if addresses:
        more = notify.place_of(root / "index.html", root)
        told = notify.tell(outcomes, root, addresses, notify.deliver, more, _listed(fleet))
        warnings += told.warnings
        tell(told.said)
    else:
        tell("Nobody was told: RUNBOOKS_NOTIFY names no address.")
    complete = len(state.done) == len(state.suspects)
    summary = {
        "schema": SCHEMA,
        "begun_at": state.begun_at,
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": complete,
        "exit_code": code,
        "fleet": {"run": state.fleet, **{key: fleet.get(key) for key in _OF_FLEET}, **_counts(fleet)},
        "investigated": investigated,
        "warnings": warnings,
    }
    path = root / SUMMARIES / f"{datetime.fromisoformat(state.begun_at):%Y-%m-%d-%H%M%SZ}.json"
    folders.make(path.parent)
    folders.write_sealed(path, summary)  # `prune` removes it one day, if nobody changed it
    if complete:
        (root / STATE).unlink(missing_ok=True)
    return Swept(code, summary, path, tuple(warnings))


def _counts(fleet: Mapping[str, Any]) -> dict[str, Any]:
    found = fleet.get("fleet", {})
    return {key: found.get(key) for key in ("machines", "rows", "agree", "disagree", "not_known", "classes")}


def _suspects(fleet: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The parameters of each investigation: those the runbooks share, and the suspect's names."""
    known = definitions.find(EACH).parameters.model_fields
    shared = {name: str(value) for name, value in given.items() if name in known and name != "title"}
    for one in fleet.get("fleet", {}).get("suspects", ()):
        wanted = {
            "app_name": one["app"],
            "machine_id": one["machine_id"],
            "machine_name": "" if one["machine_id"] else one["machine_name"],
            "record_key": one["row_key"],
        }
        values = shared | {name: value for name, value in wanted.items() if value}
        try:
            definitions.validate(EACH, values)
        except RunbookError:
            continue  # its names are none that can be asked for; the fleet's report lists it
        yield values


def _listed(fleet: Mapping[str, Any]) -> set[str] | None:
    """The subjects of all suspects, by id and by name; None where the fleet was not read whole."""
    found = fleet.get("fleet", {})
    if fleet.get("exit_code") not in (0, 3) or found.get("suspects_left"):
        return None
    names = ((one["app"], one[name]) for one in found.get("suspects", ()) for name in ("machine_id", "machine_name"))
    return {f"{EACH} {app} {name}" for app, name in names if name}


def _find_published(root: Path, state: State) -> None:
    """Investigations that were published before the sweep could note them."""
    begun = datetime.fromisoformat(state.begun_at).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [run for run in runs.found(root)[0] if run.runbook == EACH and run.at >= begun and not run.trouble]
    places = {(run.app, name): run.folder for run in found for name in (run.subject, *_ids(root, run.folder))}
    for number, given in enumerate(state.suspects):
        named = given.get("machine_id") or given.get("machine_name", "")
        place = places.get((given.get("app_name", ""), named))
        if place and str(number) not in state.done:
            state.done[str(number)] = place


def _ids(root: Path, place: str) -> tuple[str, ...]:
    subject = _summary(root, place).get("subject", {})
    return tuple(filter(None, (subject.get("machine_id"), subject.get("machine_name"))))


def _named(given: Mapping[str, str]) -> str:
    return f"{given.get('app_name', '?')}/{given.get('machine_id') or given.get('machine_name') or '?'}"


def _summary(root: Path, place: str) -> dict[str, Any]:
    """The summary of a run below the output root; nothing where there is none."""
    try:
        told = json.loads(read_text(root / place / "summary.json", _MOST_STATE)) if place else {}
    except (OSError, NotReadable, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _resumed(root: Path, given: Mapping[str, Any], tell: Tell) -> State:
    """The state of a sweep with these parameters that was not completed, or a new one."""
    now = datetime.now(UTC)
    try:
        state = State(**json.loads(read_text(root / STATE, _MOST_STATE)))
        young = now - datetime.fromisoformat(state.begun_at) < _STALE
    except (OSError, NotReadable, ValueError, TypeError):
        young = False
    if young and state.parameters == dict(given) and state.fleet:
        done = f"{len(state.done)} of {len(state.suspects)} suspects"
        tell(f"Continuing the sweep that began at {state.begun_at}: {done} are done.")
        return state
    return State(now.isoformat(timespec="seconds"), dict(given))


def _note(root: Path, state: State) -> None:
    folders.write_whole(root / STATE, json.dumps(asdict(state), indent=1, ensure_ascii=False))


@contextmanager
def _locked(root: Path, deadline: float, wait: bool) -> Iterator[None]:
    """Hold the lock of this output root. It ends with its process, so it is never left over."""
    lock, holder = filelock.FileLock(root / LOCK, mode=0o600), root / f"{LOCK}.json"
    try:
        folders.make(root)
        lock.acquire(timeout=deadline if wait else 0)
    except filelock.Timeout:
        raise Locked(f"Another sweep is under way in {root}{_holder(holder)}.", "Wait for it with --wait.") from None
    except OSError as error:
        raise folders.not_written(root, error) from error
    try:
        told = {"pid": os.getpid(), "begun_at": datetime.now(UTC).isoformat(timespec="seconds"), "deadline": deadline}
        folders.write_whole(holder, json.dumps(told))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    """Who holds the lock, since when, and whether that is longer than it should be."""
    try:
        told = json.loads(read_text(path, 10_000))
        since = datetime.fromisoformat(told["begun_at"])
        late = datetime.now(UTC) - since > timedelta(seconds=float(told["deadline"]))
        more = ", longer than its deadline: look at that process" if late else ""
        return f" (process {int(told['pid'])}, since {since:%Y-%m-%d %H:%M:%S} UTC{more})"
    except (OSError, NotReadable, ValueError, KeyError, TypeError):
        return ""
