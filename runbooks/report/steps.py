"""The steps of the investigation in the order of the report: each a question, an answer, a table, a command.

Only observations are shown here; what they mean is in `conclusions.py` and comes from the diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.amount import amount
from runbooks.base.facets import Facet
from runbooks.diagnose import commands
from runbooks.diagnose.facts import Facts, format_duration
from runbooks.diagnose.log_classifier import is_program, short
from runbooks.diagnose.model import Answer, Diagnosis
from runbooks.evidence import tables
from runbooks.evidence.models import FunctionLog, Listing, LogLine, Outcome
from runbooks.evidence.retention import gone_at, overdue
from runbooks.report import charts, status
from runbooks.report.section import Item, Section, asked, footnotes, observed, reason


def symptoms(facts: Facts, diagnosis: Diagnosis) -> Section:
    held = sum(s.holds is Answer.YES for s in diagnosis.symptoms)
    blind = sum(s.holds is Answer.COULD_NOT_LOOK for s in diagnosis.symptoms)
    hidden = f"; {blind} could not be checked" if blind else ""
    answer = f"{held} of 5 symptoms are present{hidden}."
    return Section(
        "symptoms",
        "Symptoms",
        "Which of the five symptoms of this incident are present?",
        answer if blind < len(diagnosis.symptoms) else "Could not look at any of the five symptoms.",
        table=tables.frame(
            ("symptom", "present", "evidence"),
            (
                (s.text, f"{status.ANSWER_SIGNS[s.holds]} {status.ANSWER_WORDS[s.holds]}", footnotes(s.evidence))
                for s in diagnosis.symptoms
            ),
        ),
        evidence=asked(facts, *(n for s in diagnosis.symptoms for n in s.evidence)),
    )


def caller(facts: Facts, diagnosis: Diagnosis) -> Section:
    told = facts.caller.answer
    if facts.outcome(Facet.CALLER) is not Outcome.SEEN:
        answer, rows = reason(facts, Facet.CALLER), []
    else:
        claim = {True: "reports success", False: "reports a failure", None: "reports neither success nor failure"}[
            told.ok
        ]
        if told.ok is False and told.machine_id:
            claim = f"received the id {told.machine_id}, and later {claim}"
        refused = f", and its log contains an API error: “{short(told.error_text, 160)}”" if told.error_text else ""
        answer = f"The caller {claim}{refused}."
        rows = [
            ("id", told.machine_id),
            ("name", told.machine_name),
            ("status", told.status),
            ("region", told.region),
            ("URL", told.websocket_url),
            ("reused an existing machine", {True: "yes", False: "no", None: ""}[told.reused]),
            ("message", told.message),
            ("API error", f"{f'HTTP {told.error_status}: ' if told.error_status else ''}{told.error_text}"),
        ]
    return Section(
        "caller",
        "Response to the caller",
        "What did the API answer, and what did the caller record?",
        answer,
        notes=facts.subject.notes,
        items=(*_untrue(diagnosis), *observed(facts, Facet.FUNCTION_LOG)),
        quote=_function_lines(facts),
        table=tables.frame(("field", "value"), (row for row in rows if row[1])) if rows else None,
        evidence=asked(facts, Facet.CALLER, Facet.FUNCTION_LOG),
    )


def _untrue(diagnosis: Diagnosis) -> Iterator[Item]:
    """Incorrect statements by the caller and its row, the earliest first."""
    for count, found in enumerate(diagnosis.untrue[:5]):
        when = f"{tables.day(found.at)}: " if found.at else ""
        first = "First incorrect statement. " if count == 0 else ""
        yield Item(f"{first}{when}{found.claim.text}", found.claim.evidence)


def _function_lines(facts: Facts) -> str:
    """What the caller's function printed around the time, where its log could be read."""
    observation = facts.observation(Facet.FUNCTION_LOG)
    lines = observation.answer.lines if observation and isinstance(observation.answer, FunctionLog) else ()
    return "\n".join(f"{tables.clock(x.at)}  {x.message}" for x in lines[-40:])


def app(facts: Facts, _: Diagnosis) -> Section:
    name = facts.subject.app
    if facts.observations.app:
        count = facts.observations.app.machine_count
        counted = f", machine count {count}" if count is not None else ""
        answer = f"Yes: {name} exists in organisation {facts.observations.app.org_slug or 'unknown'}{counted}."
    else:
        answer = reason(facts, Facet.APP)
    return Section(
        "app",
        "Step 1a: the app",
        "Does the app exist, and in which organisation?",
        answer,
        items=observed(facts, Facet.ORGANISATION, Facet.ADDRESSES),
        commands=(commands.machines_api("apps", name), *commands.lines(("fly ips list -a {app}",), facts.names)),
        evidence=asked(facts, Facet.APP, Facet.ORGANISATION, Facet.ADDRESSES),
    )


def machines(facts: Facts, _: Diagnosis) -> Section:
    subject, state = facts.subject, facts.events.state
    listed = (
        facts.observation(Facet.LIST_DELETED)
        if isinstance(getattr(facts.observation(Facet.LIST_DELETED), "answer", None), Listing)
        else facts.observation(Facet.LIST)
    )
    rows = listed.answer.machines if listed and isinstance(listed.answer, Listing) else ()
    others = tuple(s.machine for s in facts.machine.other_apps[:1])
    who = subject.machine_id or subject.machine_name or "the machine"
    if facts.machine.other_apps:
        answer = f"{who} is not in {subject.app}; it is in {facts.machine.other_apps[0].app}, where it is {state}."
    elif facts.machine.views:
        gone = facts.events.destroyed
        ended = "; the plain list no longer shows it" if gone else ""
        answer = f"{who} {'was' if gone else 'is'} in {subject.app}: its last known state is {state}{ended}."
    elif any(facts.looked(n) for n in (Facet.MACHINE, Facet.LIST, Facet.LIST_DELETED)):
        answer = f"No view of {subject.app} that answered shows {who}."
    else:
        answer = f"No view could be checked: {reason(facts, Facet.LIST)}"
    return Section(
        "machines",
        "Step 1b: the machine",
        "Does the platform list the machine, destroyed machines included?",
        answer,
        items=observed(
            facts,
            Facet.MACHINE,
            Facet.MACHINE_AGAIN,
            Facet.LIST,
            Facet.LIST_AGAIN,
            Facet.LIST_DELETED,
            Facet.ORGANISATION,
            Facet.VOLUMES,
        ),
        table=tables.machines((*rows, *others), subject.machine_id) if rows or others else None,
        commands=(
            commands.machines_api("apps", subject.app, "machines", subject.machine_id or "MACHINE_ID"),
            commands.machines_api("apps", subject.app, "machines", query="?include_deleted=true"),
            *commands.lines(("fly machine list -a {app}",), facts.names),
        ),
        evidence=asked(
            facts,
            Facet.MACHINE,
            Facet.MACHINE_AGAIN,
            Facet.LIST,
            Facet.LIST_AGAIN,
            Facet.LIST_DELETED,
            Facet.ORGANISATION,
            Facet.VOLUMES,
        ),
    )


def events(facts: Facts, diagnosis: Diagnosis) -> Section:
    exits = facts.events.exits
    if not facts.events.all:
        answer = f"No event is available: {reason(facts, Facet.EVENTS)}"
    elif exits:
        last = exits[-1][1]
        told = "out of memory (oom_killed)" if last.oom_killed else f"exit code {last.exit_code}"
        how = "after a requested stop" if last.requested_stop else "without a requested stop"
        answer = f"The last recorded exit of the program: {told}, {how}."
    else:
        last_event = facts.events.all[-1]
        counted = amount(len(facts.events.all), "event")
        answer = f"{counted}, the last is {last_event.type} → {last_event.status}; no exit event."
    begins = (
        ""
        if facts.events.whole_life or not facts.events.all
        else "The first events are missing. These are the newest events that a list still returns."
    )
    return Section(
        "events",
        "Step 1c: events and lifecycle",
        "Which events does the machine have, and who requested them?",
        answer,
        notes=tuple(filter(None, (begins,))),
        table=tables.events(facts.events.dated) if facts.events.all else None,
        figure=charts.life(diagnosis),
        commands=(
            commands.machines_api(
                "apps",
                facts.subject.app,
                "machines",
                facts.subject.machine_id or "MACHINE_ID",
                "events",
                query="?limit=50",
            ),
        ),
        evidence=asked(facts, Facet.EVENTS, *facts.events.evidence),
    )


def logs(facts: Facts, _: Diagnosis) -> Section:
    found = facts.log.logs
    lines = found.lines if found else ()
    notes = []
    if not lines:
        answer = reason(facts, Facet.LOGS)
    elif facts.log.last_output:
        last = short(facts.log.last_output[-1].message, 160)
        answer = f"{amount(len(lines), 'line')}; the program's last output is “{last}”."
    else:
        answer = f"{amount(len(lines), 'line')} from the platform, none from the program."
    shown = _telling(facts)
    if len(shown) < len(lines):
        notes.append(f"{len(shown)} of {len(lines)} lines are shown: the last run of the program and its end.")
    if found and found.foreign:
        notes.append(
            f"{amount(found.foreign, 'line of another instance was', 'lines of other instances were')} left out."
        )
    if facts.events.crash_codes and facts.log.matches("exited"):
        notes.append(
            "“Main child exited normally with code: N” means that no signal ended the program. N above 0 is an error."
        )
    if found and found.cut:
        notes.append("The log is longer than the pages that were read; the rest was not read.")
    observation = facts.observation(Facet.LOGS)
    gone = gone_at(facts.evidence, observation) if observation and lines else None
    if gone:
        left = f"{format_duration(gone - facts.now)} after this check" if gone > facts.now else "overdue"
        notes.append(f"Fly keeps these lines until about {tables.day(gone)} ({left}); this report keeps its copy.")
    if facts.evidence.subject.incident_time and not lines and overdue(facts.evidence):
        notes.append(
            "The incident is older than the 7 days for which Fly keeps logs. An empty log proves nothing: "
            "Fly has already deleted it."
        )
    return Section(
        "logs",
        "Step 1d: the log",
        "What did this machine print?",
        answer,
        notes=tuple(notes),
        items=tuple(observed(facts, Facet.METRICS, Facet.SECRETS)),
        quote="\n".join(f"{tables.clock(x.at)}  {x.provider:<6}  {x.message}" for x in shown),
        commands=(
            commands.logs_api(facts.subject.app, facts.subject.machine_id or "MACHINE_ID"),
            *commands.lines(("timeout 30 fly logs -a {app} --machine {machine_id} --no-tail",), facts.names),
        ),
        figure=charts.memory(facts.metrics.memory) if facts.metrics.memory else None,
        evidence=asked(facts, Facet.LOGS, Facet.METRICS, Facet.SECRETS),
    )


def _telling(facts: Facts) -> tuple[LogLine, ...]:
    """The lines from the last start to the end: every earlier round of a crash loop repeats them."""
    lines = facts.log.logs.lines if facts.log.logs else ()
    starts = [i for i, x in enumerate(lines) if "Starting init" in x.message or "Pulling container image" in x.message]
    telling = lines[starts[-1] :] if starts else lines
    if not any(is_program(x) for x in telling):
        telling = lines
    return telling[-40:]


def image(facts: Facts, _: Diagnosis) -> Section:
    believed, ran = facts.observations.image(Facet.IMAGE_BELIEVED), facts.observations.image(Facet.IMAGE_RAN)
    state = facts.events.state
    existence = {True: "exists", False: "does not exist", None: "could not be checked in the registry"}
    told = []
    if believed:
        told.append(f"{believed.ref} {existence[believed.exists]}")
    if facts.machine.ran_text:
        same = "the same" if facts.machine.ran_text == facts.subject.image else facts.machine.ran_text
        told.append(
            f"the machine {'was made of' if state == 'created' else 'ran'} {same}"
            + (f", which {existence[ran.exists]}" if ran else "")
        )
    items = list(
        observed(facts, Facet.IMAGE_BELIEVED_AGAIN, Facet.IMAGE_RAN_AGAIN, Facet.VERSIONS, Facet.FUNCTION_SECRETS)
    )
    if ran and ran.architectures and "amd64" not in ran.architectures:
        items.append(Item("Fly Machines run amd64 only: this image cannot run on them."))
    if believed and believed.exists is False and facts.machine.known_here:
        items.append(
            Item(
                "A missing tag does not explain a machine that was created. Fly resolves the image during the create "
                "call, and answers a missing image with HTTP 400 and no id."
            )
        )
    items.append(Item("To see an image by hand, query its registry: the command `fly image list` does not exist."))
    which = "{believed}" if facts.subject.image else "{image}"
    return Section(
        "image",
        "Step 2: the image",
        "Does the image exist, can it run on Fly, and did the machine run it?",
        (". ".join(_sentence(t) for t in told) + ".") if told else reason(facts, Facet.IMAGE_BELIEVED),
        items=tuple(items),
        table=tables.image((("expected by the caller", believed), ("of the machine", ran))),
        commands=commands.lines(
            ("fly auth docker", f"docker manifest inspect {which}", f"docker buildx imagetools inspect {which}"),
            facts.names,
        ),
        evidence=asked(
            facts,
            Facet.IMAGE_BELIEVED,
            Facet.IMAGE_BELIEVED_AGAIN,
            Facet.IMAGE_RAN,
            Facet.IMAGE_RAN_AGAIN,
            Facet.VERSIONS,
            Facet.FUNCTION_SECRETS,
            *facts.machine.config_evidence,
            *facts.machine.known_here[:1],
        ),
    )


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a reference, which is spelled as it is."""
    return text if "/" in text.partition(" ")[0] else f"{text[:1].upper()}{text[1:]}"


def token(facts: Facts, _: Diagnosis) -> Section:
    found = facts.observations.token
    rows = [(s.org_slug or s.organization, ", ".join(s.apps) or "all", s.user) for s in (found.scopes if found else ())]
    return Section(
        "token",
        "Step 3: the token",
        "What can the token read?",
        reason(facts, Facet.TOKEN),
        items=(
            *observed(facts, Facet.TOKEN_INSIDE),
            Item(
                "Read access to the app's machines does not prove permission to create one. All calls here only read."
            ),
        ),
        table=tables.frame(("organisation", "apps", "user"), rows) if rows else None,
        commands=(commands.machines_api("tokens", "current"), 'fly tokens debug -t "$FLY_API_TOKEN"'),
        evidence=asked(facts, Facet.TOKEN, Facet.TOKEN_INSIDE),
    )


def record(facts: Facts, _: Diagnosis) -> Section:
    row = facts.caller.record
    if row:
        age = format_duration(facts.observations.age(row.updated_at or row.created_at))
        real = f"; the machine is {facts.events.state}" if facts.events.state else ""
        answer = f"The row says `{row.status or 'nothing'}` and was last updated {age} before this check{real}."
    else:
        answer = reason(facts, Facet.RECORD)
    items = list(observed(facts, Facet.RECORD_EVENTS))
    if row and row.machine_id and row.machine_id == facts.subject.machine_name:
        items.append(Item(f"The column for the machine's id contains its name, {row.machine_id}."))
    if len(facts.caller.records) > 1:
        items.append(Item(f"{len(facts.caller.records)} rows match; the most recently updated row is shown."))
    return Section(
        "record",
        "The database row",
        "What does the caller's database record?",
        answer,
        items=tuple(items),
        table=tables.record(row) if row else None,
        evidence=asked(facts, Facet.RECORD, Facet.RECORD_EVENTS, *(facts.events.state_evidence if row else ())),
    )


def endpoint(facts: Facts, _: Diagnosis) -> Section:
    believed, right = facts.observations.probe(Facet.EDGE_BELIEVED), facts.observations.probe(Facet.EDGE_APP)
    if believed:
        answer = f"{reason(facts, Facet.EDGE_BELIEVED)}"
    elif facts.caller.believed_host and facts.outcome(Facet.DNS_BELIEVED) is Outcome.ABSENT:
        answer = reason(facts, Facet.DNS_BELIEVED)
    else:
        answer = reason(facts, Facet.EDGE_BELIEVED)
    items = list(
        observed(facts, Facet.DNS_APP, Facet.DNS_BELIEVED, Facet.CERTIFICATES, Facet.EDGE_APP, Facet.PROCESSES)
    )
    if facts.caller.believed_host and facts.caller.believed_host != facts.app_host:
        items.append(
            Item(
                f"A machine's name is not a hostname. The app's hostname is {facts.app_host}; the header "
                f"fly-force-instance-id selects one machine of the app."
            )
        )
    rows = [
        (
            what,
            url,
            probe.reached if probe else "not asked",
            probe.status if probe else "",
            probe.detail if probe else why,
        )
        for what, url, probe, why in (
            ("expected by the caller", facts.caller.believed_url, believed, reason(facts, Facet.EDGE_BELIEVED)),
            ("of the app", right.url if right else f"wss://{facts.app_host}/", right, reason(facts, Facet.EDGE_APP)),
        )
        if url
    ]
    return Section(
        "endpoint",
        "The endpoint",
        "Can a client connect to this machine?",
        answer,
        items=tuple(items),
        table=tables.frame(("URL", "address", "last stage", "HTTP", "detail"), rows),
        commands=commands.lines(("dig +short {app_host} A {app_host} AAAA", commands.UPGRADE), facts.names),
        evidence=asked(
            facts,
            Facet.DNS_APP,
            Facet.DNS_BELIEVED,
            Facet.CERTIFICATES,
            Facet.EDGE_BELIEVED,
            Facet.EDGE_APP,
            Facet.PROCESSES,
        ),
    )
