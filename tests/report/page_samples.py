"""More reports made by hand, for the page: a fix that is verified, one that fails, a long one, a long headline."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
from report_samples import EVIL, MACHINE, at, demo, exchange, observation
from writeup_samples import played

from runbooks.definitions.machine_not_visible import SECTIONS
from runbooks.diagnose.checks import Check, Incident, Review
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.fix_checks import closing
from runbooks.diagnose.model import Answer, Claim, Hypothesis, Moment, Remedy, Status, Verdict
from runbooks.evidence.models import Outcome
from runbooks.report import charts
from runbooks.report.document import Report
from runbooks.report.history import Change, Earlier, Since
from runbooks.report.section import Section

RUN = "2025-10-02/machine_not_visible--vyx-app--91850296bd4738--174000Z"
THEN = (
    Check("image", "The image exists", Answer.NO, "registry.fly.io/vyx-app:latest is not in the registry", ("E09",)),
    Check("listed", "The machine is in the app's list", Answer.NO, "not among 0 machines", ("E05",)),
    Check("running", "The machine runs and stays up", Answer.NO, "it is destroyed", ("E03",)),
    Check("endpoint", "The WebSocket connects", Answer.COULD_NOT_LOOK, "it was not asked"),
    Check("row", "The database row says running", Answer.NO, "it says starting", ("E14",)),
)
LAST = "the last line of the log, which no cut may swallow"


def review(*holds: bool | None) -> Review:
    """The five checks now, beside what they were at the incident."""
    now = tuple(
        replace(check, holds=Answer.of(one), text=f"seen now: {check.slug}")
        for check, one in zip(THEN, holds, strict=True)
    )
    incident = Incident(
        folder=RUN,
        looked_at="2025-10-02T17:40:00Z",
        headline=demo().diagnosis.headline,
        app="vyx-app",
        machine_id=MACHINE,
        cause="missing-environment",
        confidence="confirmed",
        checks=THEN,
    )
    return Review(now, incident)


def fixed() -> Report:
    """All five hold, there were earlier runs, and the engineer has something to say."""
    sample, checked = demo(), review(True, True, True, True, True)
    healthy = replace(sample.diagnosis, verdict=Verdict.HEALTHY, cause=None, contributing=())
    earlier = Earlier(
        RUN,
        "2025-10-02T17:40:00Z",
        "machine_not_visible",
        "incident",
        sample.diagnosis.headline,
        "missing-environment",
        "confirmed",
    )
    strange = replace(earlier, folder=f"2025-10-01/{EVIL[:60]}#?", headline=EVIL, verdict="inconclusive", cause=EVIL)
    changes = (Change("verdict", "incident", "healthy"), Change(EVIL, EVIL, EVIL))
    return replace(
        sample,
        runbook="verify_fix",
        diagnosis=closing(healthy, checked, MACHINE),
        since=Since((earlier, strange), changes, left=3),
        notes=(f"Called at 03:20.\n   She had changed the secret.\n{EVIL}", "A second note."),
    )


def not_fixed() -> Report:
    """Three hold, one fails, one could not be looked at; nothing changed since the run before."""
    sample, checked = demo(), review(True, True, True, False, None)
    since = Since((Earlier("elsewhere", "2025-10-02T17:40:00Z", "verify_fix", "incident", "As today."),), ())
    diagnosis = closing(replace(sample.diagnosis, cause=None), checked, MACHINE)
    return replace(sample, runbook="verify_fix", diagnosis=diagnosis, since=since)


def still_broken() -> Report:
    """Hardly anything holds, and the incident's cause is still there: the fullest first screen."""
    sample, checked = demo(), review(True, False, False, False, False)
    command = 'fly secrets set SUPABASE_SERVICE_KEY="${SUPABASE_SERVICE_KEY:?}" -a vyx-app-of-some-length'
    remedies = (Remedy("Give the program SUPABASE_SERVICE_KEY", "It ends at once.", (command,)),)
    diagnosis = closing(replace(sample.diagnosis, remedies=remedies), checked, MACHINE)
    return replace(sample, runbook="verify_fix", diagnosis=diagnosis)


def likely() -> Report:
    """A likely cause, evidence that contradicts itself, and a long headline and command."""
    sample = demo()
    cause = sample.diagnosis.cause
    assert cause is not None
    remedy = Remedy(
        "Set the variable under the very name that the program asks for, and make a new machine",
        "It ends without it.",
        ("fly machine run registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD -a vyx-app " + "-e A=1 " * 12,)
        * 5,
    )
    diagnosis = replace(
        sample.diagnosis,
        headline="Machine 91850296bd4738 is gone: " + "its program wants SUPABASE_SERVICE_KEY_FOR_PRODUCTION, " * 7,
        cause=replace(cause, confidence="likely"),
        contradictions=(Claim("The list and the events tell two stories", ("E04", "E05")),),
        remedies=(remedy, *sample.diagnosis.remedies),
    )
    return replace(sample, diagnosis=diagnosis)


def healthy() -> Report:
    """Nothing was wrong, so nothing is to be done."""
    sample = demo()
    diagnosis = replace(
        sample.diagnosis,
        verdict=Verdict.HEALTHY,
        headline="Machine 91850296bd4738 is running, and every view that could be queried agrees.",
        cause=None,
        contributing=(),
        remedies=(),
    )
    return replace(sample, diagnosis=diagnosis)


def reconstruction() -> Report:
    """What `make demo` reports, pictures included."""
    return _scenario("vyx-missing-environment")


def stuck() -> Report:
    return _scenario("stuck-in-transition")


def never_ill() -> Report:
    return _scenario("healthy")


def _scenario(name: str) -> Report:
    report = played(name)
    facts = Facts(report.evidence)
    return replace(report, sections=tuple(step(facts, report.diagnosis) for step in SECTIONS))


def long() -> Report:
    """Three hundred events, two thousand lines of log, thirty explanations."""
    sample = demo()
    moments = tuple(
        Moment(at(n * 1.7), ("API event", "platform log", "caller")[n % 3], f"event {n} of many", "E04", n == 200)
        for n in range(300)
    )
    lines = [f"2025-10-02T14:{n // 60:02d}:{n % 60:02d}Z app[{MACHINE}] sin [info] request {n}" for n in range(2_000)]
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
    diagnosis = replace(sample.diagnosis, timeline=moments, hypotheses=hypotheses)
    logs = observation(
        "logs",
        Outcome.SEEN,
        "2,000 lines of this instance.",
        exchange("logs", "https://api.fly.io/api/v1/apps/vyx-app/logs", 200, json.dumps(lines)),
    )
    timeline = pd.DataFrame(
        [[str(n), f"{m.at:%H:%M:%S}", m.source, m.text, m.evidence] for n, m in enumerate(moments, start=1)],
        columns=["#", "UTC", "source", "what", "evidence"],
    )
    wide = pd.DataFrame([[f"cell {n}.{c} 2025-10-02 14:02:11 UTC" for c in range(9)] for n in range(30)])
    return replace(
        sample,
        diagnosis=diagnosis,
        evidence=replace(sample.evidence, observations={**sample.evidence.observations, "E07": logs}),
        sections=(
            Section("events", "Its events", "", "Many.", table=wide.rename(columns="column {}".format)),
            Section("logs", "Its log", "What did it print?", "2,000 lines.", quote="\n".join([*lines[:110], LAST])),
            Section("timeline", "Timeline", "", "300.", table=timeline, figure=charts.timeline(diagnosis)),
            Section("something-new", "Something new", "", "It stays behind what it followed.", level=3),
        ),
    )
