"""Evidence on disk: one HAR 1.2 file for everything asked over HTTP, one JSON for each other look.

Everything that is written here has been redacted when it came in. `index.json` ties it together and
names the version of the format, so that a later tool can still read it.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pydantic

from runbooks.base.errors import SourceError
from runbooks.evidence.models import (
    Evidence,
    Exchange,
    Observation,
    Outcome,
    Reason,
)
from runbooks.evidence.redaction import Hit

FORMAT = "fly-runbooks/evidence/1"
MAX_FILE = 200_000_000
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
    """A saved run, read back. `entries` are the HAR entries in the order of asking."""

    runbook: str
    version: str
    source: str
    parameters: Mapping[str, Any]
    replay_context: ReplayContext
    hits: tuple[Hit, ...]
    observations: Mapping[str, RecordedObservation]
    entries: tuple[Mapping[str, Any], ...]

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
    """Read a run's folder, its `evidence/` folder, or the .zip that `runbooks share` made."""
    read = _reader(path)
    try:
        index = json.loads(read("index.json"))
        told = index.get("format")
        if told != FORMAT:
            raise SourceError(
                f"The bundle {path} has the format {str(told)[:60]!r}, and this version reads {FORMAT}.",
                "Use a version of fly-runbooks that is at least as new as the one that wrote it.",
            )
        entries = tuple(json.loads(read("http.har"))["log"]["entries"])
        hits = tuple(Hit(**hit) for hit in json.loads(read("redactions.json"))["masked"])
        observations = {row["number"]: _recorded(row, read) for row in index["looks"]}
        replay_context = pydantic.TypeAdapter(ReplayContext).validate_python(index["circumstances"])
        return Bundle(
            index["runbook"],
            index["version"],
            index["source"],
            index["parameters"],
            replay_context,
            hits,
            observations,
            entries,
        )
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"The bundle {path} cannot be read: it is damaged or incomplete ({str(error)[:120]}).",
            "Get it once more from where it was made; `runbooks share RUN` packs one.",
        ) from None


def _reader(path: Path) -> Callable[[str], str]:
    """Where the files of the evidence are, and how to get one as text."""
    if path.is_dir():
        folder = path / "evidence" if (path / "evidence").is_dir() else path
        if (folder / "index.json").is_file():
            return lambda name: (folder / name).read_text(encoding="utf-8")
    elif zipfile.is_zipfile(path):
        return lambda name: _unzipped(path, name)
    raise SourceError(
        f"There is no bundle at {path}: neither a run's folder with evidence/index.json nor a zip of one.",
        "Give the folder of a run below outputs/, or the file that `runbooks share RUN` made.",
    )


def _unzipped(path: Path, name: str) -> str:
    """One file of the zip, read in memory: nothing is unpacked, so no name in it can point anywhere."""
    with zipfile.ZipFile(path) as packed:
        found = [i for i in packed.infolist() if i.filename == name or i.filename.endswith(f"evidence/{name}")]
        if len(found) != 1:
            raise KeyError(f"{len(found)} files called {name}")
        if found[0].file_size > MAX_FILE:
            raise ValueError(f"{name} is larger than {MAX_FILE} bytes")
        return packed.read(found[0]).decode("utf-8")


def _recorded(row: Mapping[str, Any], read: Callable[[str], str]) -> RecordedObservation:
    answer, kind = None, ANSWER_TYPES.get(row["facet"])
    if kind is not None and row["file"] not in (None, "http.har"):
        answer = pydantic.TypeAdapter(kind).validate_python(json.loads(read(row["file"]))["answer"])
    return RecordedObservation(Outcome(row["outcome"]), row["reason"], answer, row["file"] == "http.har", _code(row))


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
) -> dict[str, str]:
    """The files of the `evidence/` folder, by name, as text."""
    written = {"http.har": _json(_har(evidence, version))}
    for observation in evidence.observations.values():
        if not observation.exchanges and observation.answer is not None:
            written[f"{observation.number}-{observation.facet.slug}.json"] = _json(_own(observation))
    written["redactions.json"] = _json({"masked": [asdict(hit) for hit in hits]})
    index = {
        "format": FORMAT,
        "runbook": runbook,
        "version": version,
        "source": evidence.source,
        "looked_at": _iso(evidence.looked_at),
        "parameters": dict(parameters),
        "circumstances": asdict(replay_context),
        "looks": [_entry(observation, written) for observation in evidence.observations.values()],
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(written.items())},
    }
    return {**written, "index.json": _json(index)}


def rehashed(written: Mapping[str, str]) -> str:
    """`index.json` with the hashes of its neighbours as they are now; `written` has names below a run's folder."""
    index = json.loads(written["evidence/index.json"])
    index["sha256"] = {
        name: hashlib.sha256(written[f"evidence/{name}"].encode()).hexdigest() for name in index["sha256"]
    }
    return _json(index)


def _entry(observation: Observation, written: Mapping[str, str]) -> dict[str, Any]:
    own = f"{observation.number}-{observation.facet.slug}.json"
    return {
        "number": observation.number,
        "facet": observation.facet.slug,
        "question": observation.facet.question,
        "outcome": observation.outcome.value,
        "reason": observation.reason,
        "code": observation.code.value,
        "at": _iso(observation.at),
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
        "at": _iso(observation.at),
        "answer": answer,
    }


def _har(evidence: Evidence, version: str) -> dict[str, Any]:
    exchanges = [x for observation in evidence.observations.values() for x in observation.exchanges]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "fly-runbooks", "version": version},
            "pages": [],
            "entries": [_har_entry(exchange) for exchange in exchanges],
        }
    }


def _har_entry(exchange: Exchange) -> dict[str, Any]:
    """One attempt; a failed one has status 0 and `_error`. Credentials and cookies are never there."""
    headers = [{"name": name, "value": value} for name, value in exchange.headers]
    status = exchange.status or 0
    entry: dict[str, Any] = {
        "startedDateTime": _iso(exchange.at),
        "time": round(exchange.duration_ms, 1),
        "request": {
            "method": exchange.method,
            "url": exchange.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [{"name": k, "value": v} for k, v in parse_qsl(urlsplit(exchange.url).query)],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers,
            "content": {
                "size": len(exchange.body.encode()),
                "mimeType": dict(exchange.headers).get("content-type", ""),
                "text": exchange.body,
            },
            "redirectURL": dict(exchange.headers).get("location", ""),
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(exchange.duration_ms, 1), "receive": 0},
        "_facet": exchange.facet,
        "_attempt": exchange.attempt,
        "_connected": exchange.connected,
        "_cut": exchange.cut,
        "_sha256": exchange.sha256,
    }
    if exchange.error is not None:
        entry["_error"] = exchange.error
    return entry


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return _iso(value) if isinstance(value, datetime) else str(value)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
