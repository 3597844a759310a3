"""Reports that no scenario plays: an empty one, one written by an enemy, fixes of the demo, and far too long ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from played import demo, played

from runbooks.base.facets import known_facets
from runbooks.diagnose.checks import Check, Incident, Review
from runbooks.diagnose.fix_checks import checks, closing
from runbooks.diagnose.model import (
    Answer,
    Claim,
    Confidence,
    Diagnosis,
    Finding,
    Hypothesis,
    Moment,
    Remedy,
    Span,
    Status,
    Symptom,
    Unchecked,
    Verdict,
    View,
)
from runbooks.evidence.models import Caller, Evidence, Exchange, Observation, Outcome, Requests, Subject
from runbooks.report import charts
from runbooks.report.document import Report
from runbooks.report.history import Change, Earlier, Since
from runbooks.report.section import Section

START = datetime(2025, 10, 2, 3, 0, 11, tzinfo=UTC)
LOOKED = datetime(2025, 10, 2, 3, 9, 40, tzinfo=UTC)
"""When the demo was looked at."""
RUN = "2025-10-02/machine_not_visible--vyx-app--91850296bd4738--030940Z"
STEPS = 3
LAST = "the last line of the log, which no cut may swallow"
EVIL = (
    "<script>alert(1)</script> \"'><img src=x onerror=alert(2)> [link](javascript:alert(3)) "
    "![i](http://evil.example/i.png) \x1b[31mred\x1b[0m \x1b]0;title\x07 \x00nul \u202egnp.exe\u2066 \x9b31m | pipe "
    "\\| `tick` ``` fence\n```\n# heading\n- list\n<details open>\nwww.evil.example http://evil.example @octocat #12 "
    "a@evil.example :shipit: $x^2$ {{ 7*7 }} {% raw %} --> ]]> \ud800 [E99] </pre></code></table></svg>"
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def exchange(facet: str, url: str, status: int | None, body: str, seconds: float = 0.0, **more: object) -> Exchange:
    return Exchange(
        facet=facet,
        method="GET",
        url=url,
        at=LOOKED + timedelta(seconds=seconds),
        status=status,
        body=body,
        sha256=hashlib.sha256(body.encode("utf-8", "replace")).hexdigest(),
        **more,  # type: ignore[arg-type]
    )


def observation(name: str, outcome: Outcome, reason: str, *exchanges: Exchange, answer: object = None) -> Observation:
    facet = next(facet for facet in known_facets() if facet.slug == name)
    return Observation(facet, outcome, reason, LOOKED, answer, exchanges)


def seeing(report: Report, *observations: Observation) -> Report:
    """The same report, with these observations in the place of its own."""
    seen = report.evidence.observations | {one.number: one for one in observations}
    return replace(report, evidence=replace(report.evidence, observations=seen))


def unasked(report: Report, *numbers: str) -> Report:
    """The same report, as if these looks had not been made at all."""
    seen = {number: one for number, one in report.evidence.observations.items() if number not in numbers}
    return replace(report, evidence=replace(report.evidence, observations=seen))


def empty() -> Report:
    """Nothing could be read: the token was refused."""
    refused = observation(
        "token",
        Outcome.COULD_NOT_LOOK,
        "The token was refused with 401.",
        exchange("token", "https://api.machines.dev/v1/tokens/current", 401, "", error=None),
    )
    return Report(
        runbook="machine_not_visible",
        title="",
        subject={"app": "vyx-app", "machine_id": None, "machine_name": "", "instance_id": None, "org": None},
        evidence=Evidence(Subject("vyx-app"), LOOKED, {"E01": refused}),
        diagnosis=replace(
            bare(Verdict.INCONCLUSIVE),
            headline="Nothing could be established: the token was refused.",
            faults=("causes/image.py raised ZeroDivisionError",),
        ),
        sections=(),
        requests=Requests(1, {"api.machines.dev": 1}, 0),
        masked={},
        version="0.1.0",
    )


def bare(verdict: Verdict) -> Diagnosis:
    return Diagnosis(verdict, "", None, (), (), (), (), (), (), (), (), (), ())


def hostile() -> Report:
    """Every string that can come from outside is an attack, and some are very long."""
    long = EVIL + "A" * 1_000_000
    moments = tuple(
        Moment(at(n * 1.7), f"{EVIL} {n % 13}", EVIL if n % 2 else long[:50_000], "E03" if n % 3 else "", n == 150)
        for n in range(300)
    )
    claim = (Claim(EVIL, ("E03", "E77")), Claim(long, ("E03",)))
    remedy = Remedy(EVIL, EVIL, (EVIL, "````\nrm -rf /\n````", EVIL))
    evidence = Evidence(
        subject=Subject(EVIL),
        looked_at=LOOKED,
        observations={
            "E03": observation("machine", Outcome.SEEN, EVIL, exchange("machine", EVIL, 200, long, request_id=EVIL)),
            "E19": observation("caller", Outcome.SEEN, EVIL, answer=Caller(text=long, region=EVIL)),
        },
        source=f"simulator:{EVIL}",
        skipped={"edge-app": EVIL, EVIL: EVIL},
    )
    return Report(
        runbook=EVIL,
        title=EVIL,
        subject=dict.fromkeys(("app", "machine_id", "machine_name", "instance_id", "org"), EVIL),
        evidence=evidence,
        diagnosis=Diagnosis(
            verdict=Verdict.INCIDENT,
            headline=EVIL,
            cause=Finding("image-missing", EVIL, long, ("E03",), "likely"),
            contributing=(Finding("wrong-app", EVIL, EVIL, ("E03",)),),
            hypotheses=tuple(
                Hypothesis("image-missing", EVIL, status, EVIL, claim, claim, claim, EVIL, EVIL) for status in Status
            ),
            visibility=tuple(View(EVIL, sees, EVIL, ("E03",)) for sees in Answer),
            timeline=moments,
            life=tuple(Span(EVIL if n % 2 else "started", at(n), at(n + 1)) for n in range(60)),
            symptoms=(Symptom(EVIL, None, ("E03",)),),
            remedies=(remedy, remedy),
            prevention=(remedy,),
            verification=(remedy,),
            not_checked=(Unchecked(EVIL, EVIL),),
            faults=(EVIL,),
        ),
        sections=(
            Section(
                EVIL,
                EVIL,
                EVIL,
                EVIL,
                (EVIL,),
                pd.DataFrame([[EVIL, long, None, float("nan")]] * 500, columns=[EVIL, "b", "evidence", EVIL]),
                charts.timeline(replace(bare(Verdict.INCIDENT), timeline=moments)),
                long,
                (EVIL,),
                ("E03", "E77", EVIL),
                level=5,
            ),
        ),
        requests=Requests(3, {EVIL: 3}, 0),
        masked={EVIL: 1},
        version=EVIL,
    )


def fix(of: Report, *now: Check, **changes: Any) -> Report:
    """What `verify_fix` reports of these checks, beside what they were in the demo. None given: as they are seen.

    With the first steps only, as in `likely`: all of them are in the demo, and a browser takes its time for each.
    """
    then, cause, machine = demo(), demo().diagnosis.cause, of.evidence.subject.machine_id
    assert cause is not None
    incident = Incident(
        folder=RUN,
        looked_at="2025-10-02T03:09:40Z",
        headline=then.diagnosis.headline,
        app="vyx-app",
        machine_id=then.evidence.subject.machine_id,
        cause=cause.slug,
        confidence=cause.confidence,
        checks=checks(then.evidence),
    )
    diagnosis = closing(of.diagnosis, Review(now or checks(of.evidence), incident), machine)
    return replace(of, runbook="verify_fix", diagnosis=replace(diagnosis, **changes), sections=of.sections[:STEPS])


def earlier() -> Earlier:
    """The demo, as a later run finds it."""
    incident = demo().diagnosis
    return Earlier(
        RUN, "2025-10-02T03:09:40Z", "machine_not_visible", "incident", incident.headline, "missing-environment",
        "confirmed",
    )  # fmt: skip


def fixed() -> Report:
    """All five hold, there were earlier runs, and the engineer has something to say."""
    strange = replace(earlier(), folder=f"2025-10-01/{EVIL[:60]}#?", headline=EVIL, verdict="inconclusive", cause=EVIL)
    changes = (Change("verdict", "incident", "healthy"), Change(EVIL, EVIL, EVIL))
    return replace(
        fix(played("vyx-fixed")),
        since=Since((earlier(), strange), changes, left=3),
        notes=(f"Called at 03:20.\n   She had changed the secret.\n{EVIL}", "A second note."),
    )


def not_fixed() -> Report:
    """Three hold, one fails, one could not be looked at; nothing changed since the run before."""
    *held, endpoint, row = checks(played("vyx-fixed").evidence)
    failing = replace(endpoint, holds=Answer.NO, text="the connection fails at TLS")
    unseen = replace(row, holds=Answer.COULD_NOT_LOOK, text="nobody could ask")
    before = replace(earlier(), folder="elsewhere", runbook="verify_fix", headline="As today.")
    return replace(fix(played("vyx-fixed"), *held, failing, unseen), since=Since((before,), ()))


def still_broken() -> Report:
    """Hardly anything holds, and the incident's cause is still there: the fullest first screen."""
    command = 'fly secrets set SUPABASE_SERVICE_KEY="${SUPABASE_SERVICE_KEY:?}" -a vyx-app-of-some-length'
    return fix(demo(), remedies=(Remedy("Give the program SUPABASE_SERVICE_KEY", "It ends at once.", (command,)),))


def everything() -> Report:
    """A run of `verify_fix` with all that a report can hold besides: notes, earlier runs, contradictions, a gap."""
    *others, row = checks(demo().evidence, skip=("endpoint",))
    return replace(
        fix(
            demo(),
            *others,
            replace(row, holds=Answer.COULD_NOT_LOOK, text="nobody could ask"),
            contradictions=(Claim("The list shows it, and a look by id does not.", ("E05", "E03")),),
            not_checked=(Unchecked("What did it print? (E07)", "429 twice"), Unchecked("Its rules", "none", gap=False)),
        ),
        notes=(
            "Sara set the secret at 10:41.\n- told <b>everybody</b>\n\n# no heading\n[E03]: http://evil.example",
            EVIL,
        ),
        since=Since(
            (earlier(), replace(earlier(), headline=EVIL)),
            (Change("machine by id", "does not: 404", "sees it: started"),),
            3,
        ),
    )


def likely() -> Report:
    """A likely cause, evidence that contradicts itself, and a long headline and command."""
    sample = demo()
    assert sample.diagnosis.cause is not None
    remedy = Remedy(
        "Set the variable under the very name that the program asks for",
        "It ends without it.",
        ("fly machine run registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD -a vyx-app " + "-e A=1 " * 12,)
        * 5,
    )
    diagnosis = replace(
        sample.diagnosis,
        headline="Machine 91850296bd4738 is gone: " + "its program wants SUPABASE_SERVICE_KEY_FOR_PRODUCTION, " * 7,
        cause=sample.diagnosis.cause._replace(confidence=Confidence.LIKELY),
        contradictions=(Claim("The list and the events tell two stories", ("E04", "E05")),),
        remedies=(remedy, *sample.diagnosis.remedies),
    )
    return replace(sample, diagnosis=diagnosis, sections=sample.sections[:STEPS])


def long() -> Report:
    """Three hundred events, two thousand lines of log, thirty explanations."""
    moments = tuple(
        Moment(at(n * 1.7), ("API event", "platform log", "caller")[n % 3], f"event {n} of many", "E04", n == 200)
        for n in range(300)
    )
    lines = [
        f"2025-10-02T14:{n // 60:02d}:{n % 60:02d}Z app[91850296bd4738] sin [info] request {n}" for n in range(2_000)
    ]
    hypotheses = tuple(
        Hypothesis(
            f"cause-{n}",
            f"Explanation number {n}, which needs a title of some length to be understood",
            tuple(Status)[n % 4],
            "What it says about this incident.",
            supports=(Claim("A point for it", ("E03", "E04")),) * (n % 3),
            against=(Claim("A point against it", ("E07",)),) * (n % 2),
            missing=(Claim("A look that failed"),),
            next_test="Look again.",
        )
        for n in range(30)
    )
    answer = exchange("logs", "https://api.fly.io/api/v1/apps/vyx-app/logs", 200, json.dumps(lines))
    sample = seeing(demo(), observation("logs", Outcome.SEEN, "2,000 lines of this instance.", answer))
    sample = unasked(sample, *(sample.evidence.observations.keys() - {"E03", "E04", "E07", "E19"}))
    diagnosis = replace(sample.diagnosis, timeline=moments, hypotheses=hypotheses)
    timeline = pd.DataFrame(
        [[str(n), f"{m.at:%H:%M:%S}", m.source, m.text, m.evidence] for n, m in enumerate(moments, start=1)],
        columns=["#", "UTC", "source", "what", "evidence"],
    )
    wide = pd.DataFrame([[f"cell {n}.{c} 2025-10-02 14:02:11 UTC" for c in range(9)] for n in range(30)])
    return replace(
        sample,
        diagnosis=diagnosis,
        sections=(
            Section("events", "Its events", "", "Many.", table=wide.rename(columns="column {}".format)),
            Section("logs", "Its log", "What did it print?", "2,000 lines.", quote="\n".join([*lines[:110], LAST])),
            Section("timeline", "Timeline", "", "300.", table=timeline, figure=charts.timeline(diagnosis)),
            Section("something-new", "Something new", "", "It stays behind what it followed.", level=3),
        ),
    )


def very_long() -> Report:
    """More of everything than an issue takes."""
    report = demo()
    claims = tuple(Claim(f"{n} " + "so it is " * 40, ("E03",)) for n in range(5))
    remedy = Remedy("Do it", "because " * 100, ("fly machine list " + "x" * 30_000,) * 3)
    moments = tuple(Moment(at(n), "program log", f"line {n} " * 40, "E07", n == 900) for n in range(2_000))
    return replace(
        report,
        notes=("word " * 5_000,),
        diagnosis=replace(
            report.diagnosis,
            hypotheses=tuple(Hypothesis(f"h{n}", "t" * 300, list(Status)[n % 4], "", *[claims] * 3) for n in range(70)),
            remedies=(remedy,) * 50,
            prevention=(remedy,) * 50,
            timeline=moments,
        ),
    )
