"""Every table of a case as a DataFrame with real types, to explore: `case.frames.log`.

Times are UTC (`datetime64[…, UTC]`), missing ones `NaT`; ids are text. Secrets are placeholders already.
docs/frames.md lists the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import pandas as pd

from runbooks.base.errors import MissingKeyError
from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fleet import FleetReview
from runbooks.diagnose.model import Claim, Diagnosis
from runbooks.evidence import tables
from runbooks.evidence.models import Image
from runbooks.report.section import Section

_TIMES = frozenset(("at", "created_at", "updated_at", "started_at", "start", "end", "since", "row_at"))


@dataclass(frozen=True)
class Table:
    """One table: what a row is, its columns, and where its rows come from."""

    about: str
    columns: tuple[str, ...]
    rows: Callable[[Facts, Diagnosis], Iterable[Sequence[object]]]


class Frames(dict[str, pd.DataFrame]):
    """The tables by name, `frames.log` or `frames["log"]`; in a notebook, what there is and how much of it."""

    def __missing__(self, name: str) -> NoReturn:
        raise MissingKeyError("table", name, self)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in self or not name.startswith("_"):
            return self[name]
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self})

    def _contents(self) -> Section:
        rows = ((name, len(frame), _EVERY[name].about, ", ".join(frame.columns)) for name, frame in self.items())
        one = "log" if "log" in self else "pairs"
        return Section(
            "frames",
            "Every table",
            "",
            f'{len(self)} tables: `case.frames.{one}` is a DataFrame, `case.browse("{one}")` can be sorted.',
            table=tables.frame(("name", "rows", "a row is", "columns"), rows),
        )

    def __repr__(self) -> str:
        return repr(self._contents())

    def _repr_html_(self) -> str:
        return self._contents()._repr_html_()


def build(facts: Facts, diagnosis: Diagnosis) -> Frames:
    """All tables: of a machine, or of a fleet."""
    known = TABLES if diagnosis.fleet is None else FLEET_TABLES
    return Frames((name, _frame(table.columns, table.rows(facts, diagnosis))) for name, table in known.items())


def _frame(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    for name in columns:
        if name in _TIMES:
            frame[name] = pd.to_datetime(frame[name], utc=True)
        elif frame[name].map(lambda value: isinstance(value, bool | int)).all() and len(frame):
            frame[name] = frame[name].infer_objects()
    return frame


def _notes(numbers: Iterable[str]) -> str:
    return " ".join(numbers)


def _said(claims: Iterable[Claim]) -> str:
    return " ".join(claim.text for claim in claims)


def _looks(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for x in facts.evidence.observations.values():
        yield x.number, x.facet.slug, x.facet.question, x.outcome.value, x.reason, x.at, len(x.exchanges)


def _requests(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for observation in facts.evidence.observations.values():
        for x in observation.exchanges:
            yield (
                observation.number,
                x.at,
                x.method,
                x.url,
                x.status,
                x.duration_ms,
                x.attempt,
                x.request_id,
                x.error,
                x.sha256,
            )


def _events(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for event, at in facts.events.dated:
        end = event.exit
        yield (
            event.at,
            event.type,
            event.status,
            event.source,
            end.exit_code if end else None,
            end.oom_killed if end else None,
            end.requested_stop if end else None,
            at,
        )


def _log(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for line in facts.log.logs.lines if facts.log.logs else ():
        yield line.at, line.provider, line.level, line.message, line.instance, line.region


def _machines(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    own = [(s.machine, s.app, s.evidence, True) for s in facts.machine.views]
    others = [(machine, machine.app_name, at, False) for machine, at in facts.siblings.others]
    for m, app, at, subject in (*own, *others):
        yield subject, m.id, m.name, app, m.state, m.region, m.image, m.instance_id, m.created_at, m.updated_at, at


def _images(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for number in (Facet.IMAGE_BELIEVED, Facet.IMAGE_BELIEVED_AGAIN, Facet.IMAGE_RAN, Facet.IMAGE_RAN_AGAIN):
        image = facts.answer(number, Image)
        if image:
            yield number, image.ref, image.exists, image.digest, " ".join(image.architectures), image.size_bytes


def _records(facts: Facts, _: Diagnosis) -> Iterable[Sequence[object]]:
    for row in facts.caller.records:
        for column, value in sorted(row.row.items()):
            yield row.table, row.key, column, value


TABLES: Mapping[str, Table] = {
    "looks": Table(
        "a question that was asked",
        ("evidence", "facet", "question", "outcome", "answer", "at", "requests"),
        _looks,
    ),
    "requests": Table(
        "one attempt over HTTP",
        ("evidence", "at", "method", "url", "status", "ms", "attempt", "request_id", "error", "sha256"),
        _requests,
    ),
    "timeline": Table(
        "a moment, from any source",
        ("at", "source", "text", "evidence", "decisive"),
        lambda _, diagnosis: ((m.at, m.source, m.text, m.evidence, m.decisive) for m in diagnosis.timeline),
    ),
    "events": Table(
        "an event of the machine",
        ("at", "type", "status", "source", "exit_code", "oom_killed", "requested_stop", "evidence"),
        _events,
    ),
    "life": Table(
        "a time in one state; no end: the state at the time of the check",
        ("state", "start", "end"),
        lambda _, diagnosis: ((span.state, span.start, span.end) for span in diagnosis.life),
    ),
    "log": Table("a line of its log", ("at", "provider", "level", "message", "instance", "region"), _log),
    "machines": Table(
        "a machine as one view shows it, the machine of this case first",
        (
            "subject",
            "id",
            "name",
            "app",
            "state",
            "region",
            "image",
            "instance_id",
            "created_at",
            "updated_at",
            "evidence",
        ),
        _machines,
    ),
    "images": Table(
        "an image that a registry was asked about",
        ("evidence", "ref", "exists", "digest", "platforms", "bytes"),
        _images,
    ),
    "record": Table("a column of a row of your database", ("table", "key", "column", "value"), _records),
    "visibility": Table(
        "a view, and whether it shows the machine",
        ("view", "sees", "state", "evidence"),
        lambda _, diagnosis: ((v.view, v.sees.value, v.state, _notes(v.evidence)) for v in diagnosis.visibility),
    ),
    "hypotheses": Table(
        "a hypothesis that was evaluated",
        ("slug", "status", "title", "supports", "against", "missing", "next_test"),
        lambda _, diagnosis: (
            (h.slug, h.status.value, h.title, _said(h.supports), _said(h.against), _said(h.missing), h.next_test)
            for h in diagnosis.hypotheses
        ),
    ),
    "not_checked": Table(
        "an item that was not checked",
        ("what", "why"),
        lambda _, diagnosis: ((one.what, one.why) for one in diagnosis.not_checked),
    ),
}


def _at(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _pairs(_: Facts, diagnosis: Diagnosis) -> Iterable[Sequence[object]]:
    for one, pair in diagnosis.fleet.pairs if diagnosis.fleet else ():
        *told, _has_row, made_at, row_at = pair
        yield one.value, *told, _at(made_at), _at(row_at)


def _fleet(
    rows: Callable[[FleetReview], Iterable[Sequence[object]]],
) -> Callable[[Facts, Diagnosis], Iterable[Sequence[object]]]:
    return lambda _, diagnosis: rows(diagnosis.fleet) if diagnosis.fleet else ()


FLEET_TABLES: Mapping[str, Table] = {
    "looks": TABLES["looks"],
    "requests": TABLES["requests"],
    "classes": Table(
        "a class of pairs",
        ("class", "pairs"),
        _fleet(lambda found: ((one.value, number) for one, number in found.classes.items())),
    ),
    "pairs": Table(
        "a machine with its row, where both do not simply agree",
        (
            "class",
            "machine_id",
            "machine_name",
            "app",
            "state",
            "region",
            "image",
            "guest",
            "version",
            "host_status",
            "row",
            "row_machine",
            "row_status",
            "row_app",
            "row_region",
            "row_url",
            "others",
            "joined_by",
            "created_at",
            "row_at",
        ),
        _pairs,
    ),
    "states": Table(
        "a row status with a machine state",
        ("row_status", "machine_state", "pairs"),
        _fleet(lambda found: ((row, state, number) for (row, state), number in found.states.items())),
    ),
    "over_time": Table(
        "an hour or a day",
        ("at", "created", "failing"),
        _fleet(lambda found: ((one.at, one.created, one.failing) for one in found.buckets)),
    ),
    "shared": Table(
        "a value that failing machines share, telling or not",
        (
            "attribute",
            "value",
            "failing_with",
            "failing",
            "healthy_with",
            "healthy",
            "p",
            "p_corrected",
            "telling",
        ),
        _fleet(
            lambda found: (
                (
                    one.attribute,
                    one.value,
                    one.failing_with,
                    one.failing,
                    one.healthy_with,
                    one.healthy,
                    one.p,
                    one.adjusted,
                    one.telling,
                )
                for one in found.shared
            )
        ),
    ),
    "suspects": Table(
        "a pair to investigate, the worst first",
        ("reason", "app", "machine_id", "machine_name", "row", "machine_state", "row_status", "region", "since"),
        _fleet(
            lambda found: (
                (
                    one.reason.value,
                    one.app,
                    one.machine_id,
                    one.machine_name,
                    one.row_key,
                    one.state,
                    one.row_status,
                    one.region,
                    one.since,
                )
                for one in found.suspects
            )
        ),
    ),
    "not_checked": TABLES["not_checked"],
}
_EVERY = {**TABLES, **FLEET_TABLES}
