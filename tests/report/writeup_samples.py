"""More reports for what is written as text: one with everything, one that is far too long, and what scenarios give."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from report_samples import EVIL, at, demo, observation

from runbooks import __version__
from runbooks.diagnose.checks import Check, Incident, Review
from runbooks.diagnose.model import (
    Answer,
    Claim,
    Comparison,
    Difference,
    FalseClaim,
    Hypothesis,
    Moment,
    Remedy,
    Status,
)
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, Outcome, Requests
from runbooks.report.document import Report
from runbooks.report.history import Change, Earlier, Since
from tools.generate_docs import play

SCENARIOS = {
    # what somebody believed, and what the write-up has to tell him: the first action, and what was not so
    "vyx-missing-environment": ("Set SUPABASE_SERVICE_KEY", "the image tag is missing", "destroyed"),
    "vyx-image-missing": ("Push the tag, or request an image that exists", "the program crashes", ""),
    "stuck-in-transition": (
        "Do not deploy; read its log again",
        "the image tag is missing",
        "created",
    ),
    "record-never-updated": ("Correct the row", "Fly had an incident", "started"),
    "gone-without-trace": (
        "Check in your own systems whether the machine did its work",
        "the image tag is missing",
        "",
    ),
    "two-machines-one-name": ("List the app's machines by that name", "the token cannot read this app", "started"),
    "healthy": ("no action is needed", "the image tag is missing", "started"),
}


def everything() -> Report:
    """A run of `verify_fix` with all that a report can hold besides: notes, earlier runs, siblings, what was untrue."""
    report = demo()
    then = (
        Check("image", "The image exists", Answer.YES, "it was in the registry", ("E09",)),
        Check("row", "The database row says running", Answer.NO, "it said starting", ("E14",)),
    )
    now = (
        replace(then[0], text="it is in the registry"),
        replace(then[1], holds=Answer.COULD_NOT_LOOK, text="nobody could ask"),
    )
    left_out = Check(
        "endpoint", "The WebSocket connects", Answer.COULD_NOT_LOOK, "left out: it does not apply", skipped=True
    )
    folder = "2025-10-02/machine_not_visible--vyx-app--91850296bd4738--174000Z"
    earlier = Earlier(folder, "2025-10-02T17:40:00Z", "machine_not_visible", "incident", EVIL, "missing-environment")
    feed = observation("status", Outcome.ABSENT, "the feed lists 3 incidents, none open within two hours of this one")
    return replace(
        report,
        runbook="verify_fix",
        evidence=replace(report.evidence, observations={**report.evidence.observations, "E16": feed}, skipped={}),
        diagnosis=replace(
            report.diagnosis,
            hypotheses=tuple(h for h in report.diagnosis.hypotheses if h.slug != "platform-incident"),
            untrue=(FalseClaim(at(1.4), Claim("The caller said `running`; the machine was gone.", ("E19", "E04"))),),
            contradictions=(Claim("The list shows it, and a look by id does not.", ("E05", "E03")),),
            comparison=Comparison(
                ("91850296bd4738 vyx-63eea370", "5683d920b1618e a", "3d8d7e5f1b0289 b"),
                (
                    Difference("state", ("destroyed", "started", "started")),
                    Difference("image", ("a:1", "a:1", "a:1")),
                    Difference("environment", ("A, " * 200, "B", "C")),
                ),
                ("E03", "E05"),
                ("state", "environment"),
            ),
            review=Review((*now, left_out), Incident(folder, "2025-10-02T17:40:00Z", EVIL, checks=then)),
        ),
        notes=(
            "Sara set the secret at 10:41.\n- told <b>everybody</b>\n\n# no heading\n[E03]: http://evil.example",
            EVIL,
        ),
        since=Since((earlier, earlier), (Change("machine by id", "does not: 404", "sees it: started"),), 3),
    )


def very_long() -> Report:
    """More of everything than an issue takes."""
    report = demo()
    claims = tuple(Claim(f"{n} " + "so it is " * 40, ("E03",)) for n in range(5))
    remedy = Remedy("Do it", "because " * 100, ("fly machine list " + "x" * 30_000,) * 3)
    moments = tuple(Moment(at(n), "program log", f"line {n} " * 40, "E07") for n in range(2_000))
    return replace(
        report,
        notes=("word " * 5_000,),
        diagnosis=replace(
            report.diagnosis,
            hypotheses=tuple(Hypothesis(f"h{n}", "t" * 300, list(Status)[n % 4], "", *[claims] * 3) for n in range(70)),
            remedies=(remedy,) * 50,
            prevention=(remedy,) * 50,
            timeline=(*moments[:900], replace(moments[900], decisive=True), *moments[901:]),
        ),
    )


@cache
def played(name: str) -> Report:
    """What a run of the scenario would report, without its pictures."""
    evidence: Evidence = play(name)
    subject = evidence.subject
    return Report(
        runbook="machine_not_visible",
        title="",
        subject={"app": subject.app, "machine_id": subject.machine_id, "machine_name": subject.machine_name},
        evidence=evidence,
        diagnosis=diagnose(evidence),
        sections=(),
        requests=Requests(1, {}, 0),
        masked={},
        version=__version__,
    )
