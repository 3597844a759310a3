"""What the pictures are tried with: from nothing to a crowd, and strings that no picture was made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from played import demo
from report_samples import EVIL, at, hostile

from runbooks.diagnose.model import Claim, Comparison, Diagnosis, Difference, Hypothesis, Moment, Span, Status
from runbooks.report import charts
from runbooks.report.section import Figure

SOURCES = (
    "caller",
    "Fly API",
    "events",
    "metrics",
    "platform log",
    "program log",
    "record",
    "endpoint",
    "status",
    "we",
)
LINES = (
    "exit → stopped by flyd (code 1, will restart)",
    "[Main] Missing required environment variables: SUPABASE_SERVICE_KEY",
    "row last updated: starting",
    "INFO Starting init (commit: 5d9c42f)...",
    "wss://vyx-63eea370.fly.dev cannot be reached: NXDOMAIN",
    "Pulling container image registry.fly.io/vyx-app@sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f",
    "ok",
)
LETTERS = "W" * 60 + " ｱ日志 \U0001f4a5 Ångström Ä̈́ﷺ ‮egnp ไทย ︻ ∫∭⎲ ﷽ z̴̢̛͔a̸l̵g̶o̷ \x1b[31m -- --> \u0301\u0302 |"


def life_of(*moments: Moment) -> Diagnosis:
    return replace(demo().diagnosis, timeline=moments)


def crowd(count: int, seconds: float = 1.7, decisive: int = 40) -> Diagnosis:
    """So many moments of all sources, at uneven times."""
    return life_of(
        *(
            Moment(
                at(n * seconds + 40 * (n // 9)),
                SOURCES[(n * n + n // 7) % len(SOURCES)],
                LINES[n % 7],
                "E07",
                n == decisive,
            )
            for n in range(count)
        )
    )


def loop(restarts: int, still: bool = True) -> Diagnosis:
    """A machine that starts and ends so many times."""
    spans = [Span("created", at(0), at(5.2))]
    for n in range(restarts + 1):
        begin = 5.2 + 14 * n
        spans.append(Span("started", at(begin), at(begin + 1.2 + n % 4)))
        spans.append(Span("stopped", at(begin + 1.2 + n % 4), at(begin + 13)))
        spans.append(Span("starting", at(begin + 13), at(begin + 14)))
    last = spans[-1]
    return replace(demo().diagnosis, life=(*spans[:-1], Span("destroyed", last.start, None if still else last.end)))


def used(count: int, part_of: Callable[[float], float]) -> list[tuple[datetime, float, float]]:
    """So many samples, ten minutes apart, of a machine with 256 MB."""
    size = 256 * 2.0**20
    return [(at(600 * n), size * part_of(n / max(1, count - 1)), size) for n in range(count)]


def weighed(count: int, numbers: int) -> Diagnosis:
    """So many hypotheses that cite so many pieces of evidence, with every sign and every mix of signs."""

    def claims(n: int, step: int) -> tuple[Claim, ...]:
        return tuple(Claim("…", (f"E{(n * step + k) % numbers + 1:02d}",)) for k in range(n % 3))

    every = tuple(Status)
    return replace(
        demo().diagnosis,
        hypotheses=tuple(
            Hypothesis(
                f"cause-{n}",
                f"What may have happened, number {n}, told in more words than there is room for",
                every[n * 4 // count],
                "",
                claims(n, 5),
                claims(n + 1, 7),
                (*claims(n + 2, 5), *([Claim("nobody could look")] if n % 5 == 0 else [])),
                always_listed=n % 3 == 0,
            )
            for n in range(count)
        ),
    )


def beside(machines: int, attributes: int = 13) -> Comparison:
    """A machine and its siblings: alike, unlike, alone, and not known."""
    rows = tuple(
        Difference(
            f"attribute {n}",
            tuple(
                ("not known" if (n + k) % 5 == 0 else f"value {n} of {k}" if n % 3 == 0 else f"value {n} of all")
                for k in range(machines)
            ),
        )
        for n in range(attributes)
    )
    names = tuple(f"{k}8d7e5f1b0289 wandering-glade-{4417 + k}" for k in range(machines))
    return Comparison(names, rows, ("E06",), tuple(row.attribute for row in rows[::3]))


def evil_comparison(text: str) -> Comparison:
    rows = tuple(Difference(f"{text}{n}", tuple(f"{text * 9}{n * k}" for k in range(9))) for n in range(30))
    return Comparison(tuple(f"{text}{k}" for k in range(9)), rows, ("E03",), tuple(row.attribute for row in rows[::2]))


def figures() -> Iterator[tuple[str, Figure]]:
    """Every picture that the labels are measured in, by name."""
    incident, evil = demo().diagnosis, hostile().diagnosis
    for count in (0, 1, 2, 3, 36, 60, 61, 300):
        yield f"timeline of {count}", charts.timeline(crowd(count, decisive=count // 3))
    yield "timeline of the demo", charts.timeline(incident)
    yield "timeline of 300 enemies", charts.timeline(evil)
    yield "timeline of 300 at once", charts.timeline(life_of(*(incident.timeline[0],) * 300))
    yield "timeline of 40 at once", charts.timeline(life_of(*(incident.timeline[0],) * 40))
    yield "timeline of months", charts.timeline(crowd(24, seconds=400_000, decisive=23))
    yield "timeline all decisive", charts.timeline(life_of(*(m._replace(decisive=True) for m in crowd(50).timeline)))
    odd = (m._replace(text=f"{LETTERS}{n}", source=f"{LETTERS[n % 3 :]}") for n, m in enumerate(crowd(30).timeline))
    yield "timeline in odd letters", charts.timeline(life_of(*odd))
    for restarts in (0, 3, 40, 150):
        yield f"life with {restarts} restarts", charts.life(loop(restarts, still=restarts != 3))
    yield "life of the demo", charts.life(incident)
    yield "memory of a leak", charts.memory(used(200, lambda part: 0.3 + 0.7 * part))
    yield "memory of one moment", charts.memory(used(1, lambda part: 0.4))
    yield "memory that stays", charts.memory(used(40, lambda part: 0.45))
    yield "life of nobody", charts.life(replace(incident, life=()))
    yield "life of an enemy", charts.life(evil)
    states = tuple(Span(f"{n}{LETTERS}", at(n), at(n + 1) if n < 30 else None) for n in range(31))
    yield "life in odd letters", charts.life(replace(incident, life=states))
    week = timedelta(days=7)
    yield (
        "life of weeks",
        charts.life(
            replace(incident, life=tuple(Span("started", at(0) + n * week, at(9) + n * week) for n in range(9)))
        ),
    )
    for count, numbers in ((1, 1), (12, 10), (60, 40)):
        yield f"matrix of {count} by {numbers}", charts.matrix(weighed(count, numbers))
    yield "matrix of the demo", charts.matrix(incident)
    yield "matrix of nothing", charts.matrix(replace(incident, hypotheses=()))
    yield "matrix of an enemy", charts.matrix(evil)
    letters = tuple(h._replace(title=LETTERS, slug=LETTERS) for h in incident.hypotheses)
    numbers = Claim(LETTERS, (LETTERS, EVIL, *(f"E{n}x" for n in range(100, 108))))
    yield (
        "matrix in odd letters",
        charts.matrix(replace(incident, hypotheses=tuple(h._replace(supports=(numbers,)) for h in letters))),
    )
    for machines in (1, 2, 3, 6, 12):
        yield f"{machines} siblings", charts.siblings(beside(machines))
    yield "siblings without attributes", charts.siblings(Comparison((), (), ()))
    yield "siblings of an enemy", charts.siblings(evil_comparison(EVIL))
    yield "siblings in odd letters", charts.siblings(evil_comparison(LETTERS))
