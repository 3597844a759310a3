"""Evidence on disk: one HAR 1.2 file for everything asked over HTTP, one JSON for each other look.

Everything that is written here has been redacted when it came in. `index.json` ties it together and
names the version of the format, so that a later tool can still read it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pydantic

from runbooks.base.errors import SourceError
from runbooks.base.files import NotReadable, read_bytes
from runbooks.base.seal import sealed
from runbooks.evidence import journal
from runbooks.evidence.har import dumps, har_entry, iso, plain
from runbooks.evidence.models import Evidence, Observation, Outcome, Reason
from runbooks.evidence.redaction import Hit
from runbooks.evidence.saved_files import MAX_FILE, Read, json_of, saved_files, verify

FORMAT = "fly-runbooks/evidence/1"
ANSWER_TYPES: dict[str, Any] = {}
"""The type of the answer of each facet that is not asked over HTTP, by the facet's slug; collectors register it."""


@dataclass(frozen=True)
class ReplayContext:
    """What a replay has to know about the run besides its answers: the readings of the clock in order,
    `asked_as` the kind of token (never the token), which sources were configured, and in `told` what the
    report said besides the evidence: the engineer's notes, earlier runs, the incident that is to be closed."""

    clock: Sequence[datetime]
    asked_as: str
    registries: Sequence[str]
    status_feed: bool
    masked: Mapping[str, int]
    project: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)


# Bundles from before the code was kept hold only the sentence.
_OLD_REASONS = {
    Reason.NOT_GIVEN: re.compile(r"\(parameter \w+\)$"),
    Reason.NOT_CONFIGURED: re.compile(r"^no database is configured"),
    Reason.NO_TOKEN: re.compile(r"^no token: set FLY_API_TOKEN"),
    Reason.BAD_TOKEN: re.compile(r"^the token \(FLY_API_TOKEN\) holds"),
}


@dataclass(frozen=True)
class RecordedObservation:
    """How a look ended, and its answer where that did not come over HTTP."""

    outcome: Outcome
    reason: str
    answer: Any
    asked: bool
    code: Reason = Reason.NONE


@dataclass(frozen=True)
class Bundle:
    """A saved run, read back.

    `entries` are the HAR entries in the order of asking. `cut` says where the run ended if it left no more than its
    journal. `changed` names the reports beside the evidence that are not as the run wrote them.
    """

    runbook: str
    version: str
    source: str
    parameters: Mapping[str, Any]
    replay_context: ReplayContext
    hits: tuple[Hit, ...]
    observations: Mapping[str, RecordedObservation]
    entries: tuple[Mapping[str, Any], ...]
    cut: str = ""
    changed: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """Something of the recorded kind, so that the same steps are taken; it opens nothing."""
        return {"macaroon": "fm2_replayed", "oauth": "fo1_replayed", "none": ""}.get(
            self.replay_context.asked_as, "replayed"
        )

    @property
    def registries(self) -> Sequence[str]:
        return self.replay_context.registries

    @property
    def status_feed(self) -> bool:
        return self.replay_context.status_feed

    def clock(self) -> Callable[[], datetime]:
        """The recorded readings, one after the other; the last one when they are used up."""
        readings = list(self.replay_context.clock)
        return lambda: readings.pop(0) if len(readings) > 1 else readings[0]


def open_bundle(path: Path) -> Bundle:
    """Read a run's folder, its `evidence/` folder, the .zip that `runbooks share` made, or the journal of a run.

    Every hash is verified first. A run that ended before its report was published has only a journal.

    Raises:
        SourceError: there is no bundle, it is damaged, or it was changed after the run
    """
    try:
        if path.is_file() and path.suffix == ".jsonl":
            return _of_journal(journal.read(read_bytes(path, MAX_FILE)))
        saved = saved_files(path)
        verified = verify(saved)
        if verified.evidence:
            more = f", and {len(verified.evidence) - 5} more" if len(verified.evidence) > 5 else ""
            raise SourceError(
                f"The bundle {path} is damaged or was changed after the run: {'; '.join(verified.evidence[:5])}{more}.",
                "Get it once more from where it was made; `runbooks share RUN` packs one.",
            )
        if not saved.has("evidence/index.json"):
            return replace(_of_journal(journal.read(saved.read("evidence/journal.jsonl"))), changed=verified.reports)
        return replace(_indexed(path, lambda name: json_of(saved, name)), changed=verified.reports)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OSError, NotReadable) as error:
        raise SourceError(
            f"The bundle {path} cannot be read: it is damaged or incomplete ({str(error)[:120]}).",
            "Get it once more from where it was made; `runbooks share RUN` packs one.",
        ) from None


def _indexed(path: Path, read: Read) -> Bundle:
    index = read("index.json")
    told = index.get("format")
    if told != FORMAT:
        raise SourceError(
            f"The bundle {path} has the format {str(told)[:60]!r}, and this version reads {FORMAT}.",
            "Use a version of fly-runbooks that is at least as new as the one that wrote it.",
        )
    entries = tuple(read("http.har")["log"]["entries"])
    _check_entries(entries)
    hits = tuple(Hit(**hit) for hit in read("redactions.json")["masked"])
    observations = {row["number"]: _recorded(row, read) for row in index["looks"]}
    replay_context = pydantic.TypeAdapter(ReplayContext).validate_python(index["circumstances"])
    if not replay_context.clock:
        raise ValueError("it holds no reading of the clock")
    return Bundle(
        str(index["runbook"]),
        str(index["version"]),
        str(index["source"]),
        dict(index["parameters"]),
        replay_context,
        hits,
        observations,
        entries,
    )


def _check_entries(entries: Sequence[Any]) -> None:
    """The parts of an entry that a replay reads, before anything relies on them."""
    for entry in entries:
        request, response = entry["request"], entry["response"]
        texts = (request["method"], request["url"], response["content"]["text"])
        headers = [text for header in response["headers"] for text in (header["name"], header["value"])]
        if not all(isinstance(text, str) for text in (*texts, *headers)) or type(response["status"]) is not int:
            raise ValueError("http.har has an entry that no run writes")
        if type(entry.get("_attempt", 1)) is not int or type(entry.get("_listed", 0)) is not int:
            raise ValueError("http.har has an entry that no run writes")
        if entry.get("_handed_on"):
            datetime.fromisoformat(entry["startedDateTime"])


def _of_journal(recorded: journal.Recorded) -> Bundle:
    """What a run had seen when it died. Its parameters are completed by the caller's words, which are an answer."""
    run = recorded.run
    _check_entries(recorded.entries)
    parameters = dict(run["parameters"])
    for look in recorded.looks:
        if look["facet"] == "caller" and isinstance(look["answer"], Mapping) and look["answer"].get("text"):
            parameters["caller_log"] = look["answer"]["text"]
    told = run["circumstances"]
    replay_context = pydantic.TypeAdapter(ReplayContext).validate_python(
        {**told, "clock": recorded.clock, "masked": recorded.masked}
    )
    if not replay_context.clock:
        raise ValueError("it holds no reading of the clock")
    looks = [{**look, "file": "http.har" if look["asked"] else ""} for look in recorded.looks]
    return Bundle(
        str(run["runbook"]),
        str(run["version"]),
        str(run["source"]),
        parameters,
        replay_context,
        tuple(Hit(**hit) for hit in recorded.hits),
        {look["number"]: _recorded(look, dict.fromkeys((look["file"],), look).__getitem__) for look in looks},
        recorded.entries,
        cut=ended_at(recorded),
    )


def ended_at(recorded: journal.Recorded) -> str:
    """Where the run ended that left only this journal, as the end of a sentence about the run."""
    if recorded.finished:
        return "died before its report was published"
    return f"died at question {recorded.question} of {recorded.questions}"


def what_is_left(folder: Path) -> str:
    """What a run that was killed left in this folder, and what can be done with it: one sentence without its stop."""
    try:
        found = open_bundle(folder)
    except SourceError:
        return f"An earlier run was killed; what it left is in {folder}"
    ended = found.cut or "died before it could end"
    return f"An earlier run {ended}; replay it: runbooks replay {shlex.quote(str(folder))}"


def _recorded(row: Mapping[str, Any], read: Read) -> RecordedObservation:
    answer, kind = None, ANSWER_TYPES.get(row["facet"])
    if kind is not None and row["file"] not in (None, "http.har"):
        told = read(row["file"])["answer"]
        answer = None if told is None else pydantic.TypeAdapter(kind).validate_python(told)
    in_har = row["file"] == "http.har"
    return RecordedObservation(Outcome(row["outcome"]), str(row["reason"]), answer, in_har, _code(row))


def _code(row: Mapping[str, Any]) -> Reason:
    """The code of the reason, read from the sentence where the bundle has none; `NONE` for one of a newer release."""
    if "code" in row:
        return next((code for code in Reason if code == row["code"]), Reason.NONE)
    if row["outcome"] == Outcome.COULD_NOT_LOOK:
        return next((code for code, pattern in _OLD_REASONS.items() if pattern.search(row["reason"])), Reason.NONE)
    return Reason.NONE


def files(
    evidence: Evidence,
    replay_context: ReplayContext,
    hits: Iterable[Hit],
    parameters: Mapping[str, object],
    runbook: str,
    version: str,
    journals: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The files of the `evidence/` folder, by name, as text; `journals` are there already, and are hashed with them."""
    written = {**(journals or {}), "http.har": dumps(_har(evidence, version))}
    for observation in evidence.observations.values():
        if observation.answer is not None and journal.saves(observation):
            written[f"{observation.number}-{observation.facet.slug}.json"] = dumps(_own(observation))
    written["redactions.json"] = dumps({"masked": [asdict(hit) for hit in hits]})
    index = {
        "format": FORMAT,
        "runbook": runbook,
        "version": version,
        "source": evidence.source,
        "looked_at": iso(evidence.looked_at),
        "parameters": dict(parameters),
        "circumstances": asdict(replay_context),
        "looks": [_entry(observation, written) for observation in evidence.observations.values()],
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(written.items())},
    }
    return {**written, "index.json": sealed(index, plain)}


def rehashed(written: Mapping[str, str]) -> str:
    """`index.json` with the hashes of its neighbours as they are now; `written` has names below a run's folder."""
    index = json.loads(written["evidence/index.json"])
    index["sha256"] = {
        name: hashlib.sha256(written[f"evidence/{name}"].encode()).hexdigest() for name in index["sha256"]
    }
    return sealed(index)


def _entry(observation: Observation, written: Mapping[str, str]) -> dict[str, Any]:
    own = f"{observation.number}-{observation.facet.slug}.json"
    return {
        "number": observation.number,
        "facet": observation.facet.slug,
        "question": observation.facet.question,
        "outcome": observation.outcome.value,
        "reason": observation.reason,
        "code": observation.code.value,
        "at": iso(observation.at),
        "file": own if own in written else "http.har" if observation.exchanges else None,
        "exchanges": [x.sha256 for x in observation.exchanges],
    }


def _own(observation: Observation) -> dict[str, Any]:
    answer = observation.answer
    if is_dataclass(answer) and not isinstance(answer, type):
        answer = asdict(answer)
    return {
        "number": observation.number,
        "facet": observation.facet.slug,
        "outcome": observation.outcome.value,
        "reason": observation.reason,
        "at": iso(observation.at),
        "answer": answer,
    }


def _har(evidence: Evidence, version: str) -> dict[str, Any]:
    exchanges = [x for observation in evidence.observations.values() for x in observation.exchanges]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "fly-runbooks", "version": version},
            "pages": [],
            "entries": [har_entry(exchange) for exchange in exchanges],
        }
    }
