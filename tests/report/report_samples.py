"""Reports made by hand: a realistic incident, one that stayed open, and one written by an enemy."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pandas as pd

from runbooks.base.facets import known_facets
from runbooks.diagnose.model import (
    Answer,
    Claim,
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
from runbooks.evidence.models import Caller, Evidence, Exchange, Machine, Observation, Outcome, Requests, Subject
from runbooks.report import charts
from runbooks.report.document import Report
from runbooks.report.section import Section

START = datetime(2025, 10, 2, 14, 2, 11, tzinfo=UTC)
LOOKED = datetime(2025, 10, 2, 17, 40, 0, tzinfo=UTC)
MACHINE = "91850296bd4738"
API = "https://api.machines.dev/v1/apps/vyx-app"


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


def demo() -> Report:
    """The seed's incident as the simulator plays it."""
    machine = Machine(id=MACHINE, name="vyx-63eea370", state="destroyed", region="sin")
    observations = [
        observation(
            "token",
            Outcome.SEEN,
            "A deploy token of the organisation vyx, for the app vyx-app.",
            exchange("token", "https://api.machines.dev/v1/tokens/current", 200, '{"tokens":[{"org_slug":"vyx"}]}'),
        ),
        observation(
            "app",
            Outcome.SEEN,
            "The app vyx-app exists in the organisation vyx.",
            exchange("app", API, 200, json.dumps({"id": "jlyv9r5d56v18xrg", "name": "vyx-app", "status": "pending"})),
        ),
        observation(
            "machine",
            Outcome.SEEN,
            "The API still answers for this machine: its state is destroyed.",
            exchange(
                "machine",
                f"{API}/machines/{MACHINE}",
                200,
                json.dumps(
                    {
                        "id": MACHINE,
                        "name": "vyx-63eea370",
                        "state": "destroyed",
                        "region": "sin",
                        "config": {
                            "image": "registry.fly.io/vyx-app:deployment-01K6H0",
                            "auto_destroy": True,
                            "restart": {"policy": "on-failure", "max_retries": 3},
                            "env": {"SUPABASE_SERVICE_ROLE_KEY": "<secret:supabase-key#1>"},
                        },
                    }
                ),
                1.2,
                request_id="01K6HZ9VVKJ7HZFMJWJB3M3RYN-sin",
            ),
            answer=machine,
        ),
        observation(
            "events",
            Outcome.SEEN,
            "Nine events: launch, four starts, four exits with code 1, destroy.",
            exchange(
                "events",
                f"{API}/machines/{MACHINE}/events",
                200,
                json.dumps([{"type": "exit", "request": {"exit_event": {"exit_code": 1}}}] * 4),
                2.4,
                request_id="01K6HZ9W31S4PAZ4S7PNWBH1RC-sin",
            ),
        ),
        observation(
            "list",
            Outcome.ABSENT,
            "The list is empty, twice.",
            exchange("list", f"{API}/machines", 200, "[]", 3.6, request_id="01K6HZ9XQW0C0Y9Q4GJ3TB0JZN-sin"),
            exchange("list", f"{API}/machines", 200, "[]", 4.8, request_id="01K6HZ9YD8Q1TX5MZ9H8N4E2KF-sin"),
        ),
        observation(
            "logs",
            Outcome.SEEN,
            "23 lines of this instance.",
            exchange(
                "logs",
                "https://api.fly.io/api/v1/apps/vyx-app/logs?instance=91850296bd4738",
                200,
                json.dumps({"data": [{"message": f"line {n}"} for n in range(400)]}),
                6.0,
            ),
        ),
        observation(
            "image-believed",
            Outcome.ABSENT,
            "registry.fly.io/vyx-app:latest does not exist (MANIFEST_UNKNOWN).",
            exchange(
                "image-believed",
                "https://registry.fly.io/v2/vyx-app/manifests/latest",
                404,
                '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}',
                7.2,
            ),
        ),
        observation(
            "dns-believed",
            Outcome.ABSENT,
            "vyx-63eea370.fly.dev is NXDOMAIN, while the control name fly.dev resolves.",
            exchange("dns-believed", "dns:vyx-63eea370.fly.dev", None, "NXDOMAIN", 8.4, error="NXDOMAIN"),
        ),
        observation(
            "record",
            Outcome.SEEN,
            "One row in cloud_machines; its status is starting.",
            exchange(
                "record", "postgresql:cloud_machines?machine_id=vyx-63eea370", 200, '[{"status":"starting"}]', 9.0
            ),
        ),
        observation(
            "edge-believed",
            Outcome.COULD_NOT_LOOK,
            "Skipped: the hostname does not exist.",
        ),
        observation(
            "caller",
            Outcome.SEEN,
            "The caller was told success and an id.",
            answer=Caller(
                text="{\n  machineId: 'vyx-63eea370',\n  status: 'starting',\n  flyMachineId: '91850296bd4738'\n}",
                region="sin",
            ),
        ),
    ]
    evidence = Evidence(
        subject=Subject("vyx-app", MACHINE, "vyx-63eea370", "vyx", "registry.fly.io/vyx-app:latest"),
        looked_at=LOOKED,
        observations={one.number: one for one in observations},
        source="simulator:vyx-missing-environment",
        retries=1,
        skipped={"status": "RUNBOOKS_STATUS_URL is off."},
    )
    diagnosis = demo_diagnosis()
    return Report(
        runbook="machine_not_visible",
        title="Machine created via API but not visible in dashboard",
        subject={
            "app": "vyx-app",
            "machine_id": MACHINE,
            "machine_name": "vyx-63eea370",
            "instance_id": "01K6HYFQ2X9E3S0V6T8BWJ7M4C",
            "org": "vyx",
        },
        evidence=evidence,
        diagnosis=diagnosis,
        sections=demo_sections(diagnosis),
        requests=Requests(14, {"api.machines.dev": 9, "api.fly.io": 2, "registry.fly.io": 3}, 1),
        masked={"supabase-key": 1, "email": 2},
        version="0.1.0",
    )


def demo_diagnosis() -> Diagnosis:
    retry = [
        (at(4.1 + 6 * n), "API event", f"exit: code 1, restart {n} of 3" if n else "exit: code 1", "E04", n == 0)
        for n in range(4)
    ]
    starts = [(at(3.0 + 6 * n), "API event", "start", "E04", False) for n in range(4)]
    moments = sorted(
        [
            (at(0.0), "caller", "Asked for vyx-63eea370 in sin", "E19", False),
            (at(0.9), "API event", "launch", "E04", False),
            (
                at(1.4),
                "caller",
                "Said “Machine provisioned successfully on Fly.io”: its first untrue statement",
                "E19",
                False,
            ),
            (at(1.5), "record", "Row written with status `starting`", "E14", False),
            (at(2.1), "platform log", "Pulled image in 0.8 s", "E07", False),
            *starts,
            (at(4.0), "program log", "Missing required environment variables: SUPABASE_SERVICE_KEY", "E07", True),
            *retry,
            (at(24.2), "platform log", "machine has reached its max restart count of 3", "E07", False),
            (at(25.0), "API event", "destroy (auto_destroy)", "E04", False),
            (at(9_000.0), "endpoint", "vyx-63eea370.fly.dev does not resolve", "E13", False),
        ]
    )
    spans = [Span("created", at(0.9), at(3.0))]
    for n in range(4):
        spans.append(Span("started", at(3.0 + 6 * n), at(4.1 + 6 * n)))
        spans.append(Span("stopped", at(4.1 + 6 * n), at(9.0 + 6 * n) if n < 3 else at(25.0)))
    spans.append(Span("destroyed", at(25.0), None))
    return Diagnosis(
        verdict=Verdict.INCIDENT,
        headline="The machine existed for 24 seconds: its program exited with code 1 four times, then it was gone.",
        cause=Finding(
            "missing-environment",
            "A required environment variable is not set",
            "The program needs `SUPABASE_SERVICE_KEY`; the request carried `SUPABASE_SERVICE_ROLE_KEY` instead, "
            "so it exited with code 1 at every start.",
            ("E07", "E04", "E03"),
        ),
        contributing=(
            Finding(
                "auto-destroy-hid-the-evidence",
                "auto_destroy removed the machine",
                "With `auto_destroy: true` the platform removed the machine after the third retry, so the list and "
                "the dashboard are empty.",
                ("E04", "E05"),
            ),
            Finding(
                "wrong-hostname",
                "The WebSocket URL is built from the machine's name",
                "A machine's name is not a hostname; wss://vyx-63eea370.fly.dev could never have worked.",
                ("E13",),
            ),
            Finding(
                "mutable-tag", "Mutable tag", "The caller's default image ends in `:latest`.", ("E09",), hygiene=True
            ),
        ),
        hypotheses=(
            Hypothesis(
                "missing-environment",
                "A required environment variable is not set",
                Status.CONFIRMED,
                "The program said so itself.",
                supports=(
                    Claim(
                        "The program printed: Missing required environment variables: SUPABASE_SERVICE_KEY", ("E07",)
                    ),
                    Claim("Every run ended with exit code 1 within 1.1 s", ("E04",)),
                    Claim("The machine's env has no such name", ("E03",)),
                ),
            ),
            Hypothesis(
                "image-missing",
                "Docker image missing: registry.fly.io/vyx-app:latest does not exist",
                Status.REFUTED,
                "The tag is missing, but it was not the image of this machine.",
                supports=(Claim("The tag :latest does not exist in the registry", ("E09",)),),
                against=(
                    Claim("The machine's config names another image, and it was pulled", ("E03", "E07")),
                    Claim("A missing image makes the create call fail with 400; it answered 200", ("E19",)),
                ),
                always_listed=True,
            ),
            Hypothesis(
                "wrong-app",
                "Machine created in a different app",
                Status.REFUTED,
                "",
                against=(Claim("The API shows the machine in vyx-app", ("E03",)),),
                always_listed=True,
            ),
            Hypothesis(
                "platform-incident",
                "An incident of the platform",
                Status.OPEN,
                "",
                missing=(Claim("The status page was not asked", ()),),
                next_test="Read status.flyio.net for 2025-10-02.",
            ),
        ),
        visibility=(
            View("API, by id", Answer.YES, "destroyed", ("E03",)),
            View("API, list", Answer.NO, "–", ("E05",)),
            View("API, list with deleted", Answer.COULD_NOT_LOOK, "rate limited", ()),
            View("Dashboard", Answer.NO, "shows what the list shows", ("E05",)),
            View("Caller's database", Answer.YES, "starting", ("E14",)),
            View("WebSocket", Answer.NO, "NXDOMAIN", ("E13",)),
        ),
        timeline=tuple(Moment(*moment) for moment in moments),
        life=tuple(spans),
        symptoms=(
            Symptom("The create call succeeded", True, ("E19",)),
            Symptom("A Fly machine id was returned", True, ("E19",)),
            Symptom("A row was created with status starting", True, ("E14",)),
            Symptom(
                "The machine is not visible in the dashboard", True, ("E05",), "No list shows the machine", felt=True
            ),
            Symptom("The WebSocket connection fails", None, ()),
        ),
        remedies=(
            Remedy(
                "Send the variable under the name the program reads",
                "The program validates its environment at start and exits without it [E07].",
                (
                    "fly secrets set SUPABASE_SERVICE_KEY=… --app vyx-app",
                    "supabase functions deploy provision-machine",
                ),
            ),
            Remedy("Keep the evidence next time", "auto_destroy removes it.", ("# config: auto_destroy: false",)),
        ),
        prevention=(
            Remedy(
                "Wait until the machine settled before saying success",
                "A 200 says that the request was accepted.",
                ("fly machine status " + MACHINE + " --app vyx-app",),
            ),
        ),
        verification=(
            Remedy("Machine shows in the list", "", ("fly machines list --app vyx-app",)),
            Remedy("WebSocket connects", "on vyx-app.fly.dev", ("curl -I https://vyx-app.fly.dev/",)),
        ),
        not_checked=(
            Unchecked("E16 Does Fly report an incident?", "RUNBOOKS_STATUS_URL is off."),
            Unchecked("E06 the list with destroyed machines", "429 twice; the budget was spent."),
        ),
    )


def demo_sections(diagnosis: Diagnosis) -> tuple[Section, ...]:
    return (
        Section(
            "visibility",
            "Who can see it",
            "Which views show the machine?",
            "Two of six views still know the machine; none of them is the dashboard.",
            table=pd.DataFrame(
                [[v.view, str(v.sees), v.state, ", ".join(v.evidence)] for v in diagnosis.visibility],
                columns=["view", "sees it", "state", "evidence"],
            ),
            commands=(
                'curl -H "Authorization: Bearer $FLY_API_TOKEN" \\\n  \'' + API + "/machines?include_deleted=true'",
            ),
            evidence=("E03", "E05"),
        ),
        Section(
            "timeline",
            "What happened, in order",
            "What do all sources together say?",
            "The machine started four times within 24 seconds and was destroyed [E04, E07].",
            notes=("The caller said success 2.6 s before the first exit [E19].",),
            table=pd.DataFrame(
                [
                    [str(n), f"{m.at:%H:%M:%S}", m.source, m.text, m.evidence]
                    for n, m in enumerate(diagnosis.timeline, start=1)
                ],
                columns=["#", "UTC", "source", "what", "evidence"],
            ),
            figure=charts.timeline(diagnosis),
        ),
        Section(
            "life",
            "The machine's life",
            "Which states did it pass?",
            "Created, started four times, destroyed.",
            figure=charts.life(diagnosis),
            quote="2025-10-02T14:02:15Z app[91850296bd4738] sin [info] Missing required environment variables: "
            "SUPABASE_SERVICE_KEY\n2025-10-02T14:02:15Z app[91850296bd4738] sin [info] Main child exited normally "
            "with code: 1",
            evidence=("E04", "E07"),
            level=3,
        ),
    )


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
        diagnosis=Diagnosis(
            verdict=Verdict.INCONCLUSIVE,
            headline="Nothing could be established: the token was refused.",
            cause=None,
            contributing=(),
            hypotheses=(),
            visibility=(),
            timeline=(),
            life=(),
            symptoms=(),
            remedies=(),
            prevention=(),
            verification=(),
            not_checked=(),
            faults=("causes/image.py raised ZeroDivisionError",),
        ),
        sections=(),
        requests=Requests(1, {"api.machines.dev": 1}, 0),
        masked={},
        version="0.1.0",
    )


EVIL = (
    "<script>alert(1)</script> \"'><img src=x onerror=alert(2)> [link](javascript:alert(3)) "
    "![i](http://evil.example/i.png) \x1b[31mred\x1b[0m \x1b]0;title\x07 \x00nul \u202egnp.exe\u2066 \x9b31m | pipe "
    "\\| `tick` ``` fence\n```\n# heading\n- list\n<details open>\nwww.evil.example http://evil.example @octocat #12 "
    "a@evil.example :shipit: $x^2$ {{ 7*7 }} {% raw %} --> ]]> \ud800 [E99] </pre></code></table></svg>"
)


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
                charts.timeline(Diagnosis(Verdict.INCIDENT, "", None, (), (), (), moments, (), (), (), (), (), ())),
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
