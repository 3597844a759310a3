"""Family scope: a query to the wrong place, or with a token that cannot read it (§6.3, §6.4, §11 rows 13-17)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    NextTest,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
    tests,
)
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.shared_evidence import refused, said_no
from runbooks.evidence.models import Listing, Outcome, TokenInside
from runbooks.evidence.parsers import time_of

_BLIND = ("wrong-app", "app-not-found")
_OF_THE_APP = (Facet.MACHINE, Facet.LIST, Facet.LIST_DELETED)


@cause(
    "wrong-app",
    "The machine is in another app",
    stage=Stage.SCOPE,
    always_listed=True,
    explains=("wrong-hostname", "record-never-updated"),
    remedy=Remedy(
        "Configure the caller with the intended app",
        "The machine exists; it was created in {other_app}. Correct FLY_APP_NAME where the function runs.",
        ("fly machine status {machine_id} -a {other_app}", "fly machine list -a {other_app}"),
    ),
    prevention=Remedy(
        "Log the app name with every create call",
        "An id alone does not show where the machine is.",
    ),
    next_test="Search the whole organisation for the id: `fly machine list -a APP` for every app, or the org list.",
    distinguish_from={
        "record-of-another-machine": "The id itself belongs to another machine.",
        "wrong-organization": "The app is right; the viewer looks in another organisation.",
    },
    sources=("machines/api/machines-resource",),
)
def wrong_app(facts: Facts) -> Iterator[Point | Conclusion | NextTest]:
    """The organisation's list shows the id under another app than the one asked."""
    if facts.machine.known_here and not facts.machine.other_apps:
        yield refutes(f"The platform shows this machine in {facts.subject.app}.", *facts.machine.known_here)
    elif facts.machine.other_apps:
        other = facts.machine.other_apps[0]
        yield confirms(
            f"Machine {other.machine.id} is in the app {other.app} ({other.machine.state}).",
            *dict.fromkeys(s.evidence for s in facts.machine.other_apps),
        )
        if any(s.app == facts.subject.app for s in facts.machine.views):
            yield contradicts(f"The app {facts.subject.app} shows it, too.", *facts.machine.known_here)
        yield concludes(
            f"The machine is not in {facts.subject.app}: it is in {other.app}, where it is {other.machine.state}.",
            other_app=other.app,
        )
    elif (no := refused(facts, "machine-elsewhere")) and "have" not in no.names:
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence)
        own, its_app = no.names.get("name") or facts.subject.app, no.names.get("app") or "another app"
        yield concludes(f"The machine is not in {own}: it is in {its_app}.", other_app=its_app)
    elif _created_here(facts):
        yield refutes(
            f"The caller's create call named {facts.subject.app}, and was answered with this id.", Facet.CALLER
        )
    elif facts.outcome(Facet.ORGANISATION) is Outcome.SEEN:
        observation = facts.observation(Facet.ORGANISATION)
        silent = observation.answer.error_regions if observation and isinstance(observation.answer, Listing) else ()
        scopes = facts.observations.token.scopes if facts.observations.token else ()
        if scopes and all(scope.apps for scope in scopes):
            yield missing(
                "The token is limited to single apps, so it cannot show the machine in another one.", Facet.TOKEN
            )
        elif silent:
            yield missing(f"The organisation's list had no answer from {', '.join(silent)}.", Facet.ORGANISATION)
        else:
            yield contradicts("No app of the organisation shows this machine.", Facet.ORGANISATION)
            yield tests("Look in the caller's own log for the app and the organisation that its create call names.")
    else:
        yield missing("The organisation's other apps could not be searched.", Facet.ORGANISATION)


def _created_here(facts: Facts) -> bool:
    """Does the caller's log show the create call to this app, and the id in its answer?"""
    caller, subject = facts.caller.answer, facts.subject
    named = bool(subject.machine_id) and subject.machine_id == caller.machine_id
    call = re.compile(rf"\bPOST\b[^\n]{{0,200}}/apps/{re.escape(subject.app)}/machines(?![\w/-])")
    return bool(named and caller.ok and call.search(caller.plain))


@cause(
    "app-not-found",
    "The app does not exist",
    stage=Stage.SCOPE,
    explains=("wrong-hostname", "no-public-ip", "record-never-updated"),
    remedy=Remedy(
        "Correct the app's name, or create the app",
        "An app that does not exist contains no machine.",
        ("fly apps list", "fly apps create {app}"),
    ),
    next_test="Read the app with a token of the organisation: 404 means that it does not exist, 403 that it has "
    "another owner.",
    distinguish_from={
        "token-out-of-scope": "The API says 403, or the token is limited to other apps.",
        "app-recreated": "The app exists, and was created after the machine.",
    },
    sources=("machines/api/apps-resource",),
)
def app_not_found(facts: Facts) -> Iterator[Point | Conclusion]:
    """GET app answers 404 to a token that is valid; 403 would mean that it has another owner."""
    refusal = facts.refusal(Facet.APP)
    if no := refused(facts, "app-missing"):
        # The same words come to a token of another organisation (§6.3), so they alone are no proof.
        yield supports(f"The caller received {no.told}.", no.evidence)
        yield concludes(f"The app {no.names.get('app') or facts.subject.app} was not found.")
        if facts.outcome(Facet.APP) is Outcome.SEEN:
            yield refutes("The API shows the app.", Facet.APP)
    if facts.outcome(Facet.APP) is not Outcome.ABSENT or refusal is None:
        return
    text = f"The API reports that the app {facts.subject.app} does not exist (HTTP 404: {refusal.text})."
    narrow = facts.observations.token is not None and any(scope.apps for scope in facts.observations.token.scopes)
    if facts.observations.token and facts.observations.token.valid and not narrow:
        yield confirms(f"{text} The token is valid for its whole organisation.", Facet.APP, Facet.TOKEN)
    else:
        yield supports(text, Facet.APP)
        yield missing("Whether this token can read the app is not certain.", Facet.TOKEN)
    if served := _served(facts):
        yield refutes("The API shows the contents of the app.", *served)
    yield concludes(f"The app {facts.subject.app} does not exist.")


@cause(
    "token-invalid",
    "The token is not accepted",
    stage=Stage.TOKEN,
    explains=("token-out-of-scope", *_BLIND),
    remedy=Remedy(
        "Use a complete token that has not expired",
        "The API refuses every call, so nothing is known about the machine. Supply a macaroon completely, "
        "with all its comma-separated parts.",
        ("fly tokens create readonly -o {org} -x 24h",),
    ),
    next_test="Repeat one read with a new token.",
    distinguish_from={"token-out-of-scope": "Other calls with the same token are answered."},
    sources=("security/tokens", "machines/api/working-with-machines-api"),
)
def token_invalid(facts: Facts) -> Iterator[Point | Conclusion]:
    """401, also on the token's own introspection: missing, truncated, expired or undischarged."""
    no = refused(facts, "token")
    if no and (facts.observations.token is None or facts.observations.token.valid):
        # The caller's token; the one that looks now is another, or nobody knows.
        yield from said_no(facts, "token")
        yield concludes("The API refused the caller's token, so the call had no effect.")
        return
    inside = facts.answer(Facet.TOKEN_INSIDE, TokenInside)
    parts = inside.permissions if inside else ()
    if parts and all(p.not_after and p.not_after < facts.now for p in parts):
        yield supports("The token's own expiry time has passed.", Facet.TOKEN_INSIDE)
    elif parts and all(p.undischarged for p in parts):
        yield supports(f"The token lacks the discharge of {', '.join(parts[0].undischarged)}.", Facet.TOKEN_INSIDE)
    if facts.observations.token is None or facts.observations.token.valid:
        return
    observation = facts.observation(Facet.TOKEN)
    yield confirms(
        f"{observation.reason[:1].upper()}{observation.reason[1:]}." if observation else "The API refuses the token.",
        Facet.TOKEN,
    )
    if accepted := [n for n in (Facet.APP, *_OF_THE_APP) if facts.outcome(n) is Outcome.SEEN]:
        yield refutes("Other calls accepted the same token.", *accepted)
    yield concludes("The API refuses the token (HTTP 401), so the machine could not be queried with it.")


@cause(
    "token-out-of-scope",
    "The token cannot read this app",
    stage=Stage.SCOPE,
    always_listed=True,
    explains=_BLIND,
    remedy=Remedy(
        "Use a token of the app's own organisation",
        "The current token reads something else; what it cannot read may exist.",
        ("fly tokens create readonly -o {org} -x 24h", "fly orgs list"),
    ),
    next_test="Compare the token's organisation and apps with the app's.",
    distinguish_from={
        "token-invalid": "Every call is refused with 401, also the token's own introspection.",
        "app-not-found": "A token of the app's organisation gets 404, too.",
    },
    sources=("security/tokens",),
)
def token_out_of_scope(facts: Facts) -> Iterator[Point | Conclusion]:
    """GET app answers 403, or the token is limited to other apps."""
    app = facts.subject.app
    scopes = facts.observations.token.scopes if facts.observations.token and facts.observations.token.valid else ()
    apps = {name for scope in scopes for name in scope.apps}
    orgs = ", ".join(dict.fromkeys(s.org_slug or s.organization for s in scopes if s.org_slug or s.organization))
    refusal = facts.refusal(Facet.APP)
    if facts.outcome(Facet.APP) is Outcome.SEEN:
        yield refutes(f"The same token reads the app {app}.", Facet.APP)
    elif refusal and refusal.status == 403:
        text = f"The API answers 403 for the app {app}: it exists, and this token may not read it."
        yield (
            confirms(f"{text} The token is for organisation {orgs}.", Facet.TOKEN, Facet.APP)
            if orgs
            else supports(text, Facet.APP)
        )
    if served := _served(facts):
        yield refutes(f"The same token reads the contents of {app}.", *served)
    if scopes and all(s.apps for s in scopes) and not _covers(apps, facts):
        text = f"The token is limited to {', '.join(sorted(apps))}"
        if facts.outcome(Facet.APP) is Outcome.ABSENT:
            yield supports(f"{text}, so a 404 for {app} proves nothing.", Facet.TOKEN, Facet.APP)
        elif facts.outcome(Facet.APP) is not Outcome.SEEN:
            yield supports(f"{text}.", Facet.TOKEN)
    if facts.observations.token is None:
        yield missing("The scope of the token could not be read.", Facet.TOKEN)
    if no := refused(facts, "forbidden"):
        yield supports(f"The caller's request was refused: {no.told}.", no.evidence)
    yield concludes(
        f"The token used here reads {orgs or 'something else'}, not the app {app}: what it cannot read may exist."
    )


@cause(
    "wrong-organization",
    "The app belongs to a different organisation than the one queried",
    stage=Stage.SCOPE,
    explains=("record-never-updated",),
    remedy=Remedy(
        "Query the organisation that has the app",
        "The app is in {its_org}. A dashboard or a token of another organisation does not show it.",
        ("fly orgs list", "fly apps list -o {its_org}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Name the organisation whenever you create or query an app",
        "Without -o, the personal organisation is used.",
    ),
    next_test="Compare the app's organisation with the one that the viewer is logged in to: `fly apps list -o {org}`.",
    distinguish_from={
        "token-out-of-scope": "This token cannot read the app at all.",
        "wrong-app": "The machine is in another app of the same organisation.",
    },
    sources=("security/tokens", "flyctl/orgs-list"),
)
def wrong_organization(facts: Facts) -> Iterator[Point | Conclusion]:
    """The API shows the app under another organisation than the one that was named or looked at."""
    app, given = facts.observations.app, facts.subject.org
    if app is None or not app.org_slug or not given:
        return
    if app.org_slug == given:
        return
    yield confirms(f"The API says that the app {app.name or facts.subject.app} belongs to {app.org_slug}.", Facet.APP)
    if facts.events.runs:
        yield supports("The machine runs there.", *facts.events.state_evidence, weight=Weight.WEAK)
    yield concludes(
        f"The app {app.name or facts.subject.app} belongs to the organisation {app.org_slug}, not to {given}: "
        f"views of {given} do not show it.",
        its_org=app.org_slug,
    )


@cause(
    "app-recreated",
    "The app was deleted and created again under the same name",
    stage=Stage.SCOPE,
    settles=True,
    explains=(
        "record-never-updated",
        "list-incomplete",
        "no-public-ip",
        "no-machine-behind-app",
        "destroyed-by-request",
    ),
    remedy=Remedy(
        "Create the machine again in the current app",
        "Everything in the former app was deleted with it; only its name and some log lines remain.",
        ("fly machine list -a {app}", "fly releases -a {app} --image"),
    ),
    prevention=Remedy(
        "Use a new name for a new app",
        "Store the app's id with its name: a different id is a different app.",
    ),
    next_test="Compare the app's created_at with the time of the machine's first log line or row.",
    distinguish_from={"wrong-app": "The machine exists, in an app of another name."},
    sources=("https://github.com/superfly/flyctl/issues/3205",),
)
def app_recreated(facts: Facts) -> Iterator[Point | Conclusion]:
    """The app was created after the machine's log, row or create call, and its lists do not contain the machine."""
    born = time_of(facts.observations.app.raw.get("created_at")) if facts.observations.app else None
    if born is None or facts.machine.views:
        return
    older = [(line.at, Facet.LOGS) for line in facts.log.lines if line.at and Facet.LOGS in facts.log.evidence]
    older += [(r.created_at, Facet.RECORD) for r in facts.caller.records if r.created_at]
    older += (
        [(facts.caller.answer.at, Facet.CALLER)] if facts.caller.answer.at and facts.caller.answer.machine_id else []
    )
    before = sorted((at, number) for at, number in older if at < born)
    if not before:
        return
    at, number = before[0]
    what = {
        Facet.LOGS: "its log has a line",
        Facet.RECORD: "its row was written",
        Facet.CALLER: "the caller named the machine",
    }[number]
    argue = (
        confirms if facts.looked(Facet.LIST) and (number == Facet.LOGS or facts.caller.answer.machine_id) else supports
    )
    yield argue(
        f"The app was created at {born:%Y-%m-%d %H:%M} UTC, and {what} at {at:%Y-%m-%d %H:%M} UTC, before that.",
        Facet.APP,
        *dict.fromkeys(n for _, n in before),
    )
    yield concludes(
        f"The app {facts.subject.app} was deleted and created again at {born:%Y-%m-%d %H:%M} UTC; the machine was in "
        f"the former app and was deleted with it."
    )


@cause(
    "wrong-region",
    "The machine runs in a different region than expected",
    stage=Stage.SEEN,
    remedy=Remedy(
        "Query without a region filter",
        "The machine is in {its_region}. A filter for {believed_region} in a list, a log or a dashboard hides it.",
        ("fly machine list -a {app}", "fly machine status {machine_id} -a {app}"),
    ),
    prevention=Remedy(
        "Store the region that the answer names",
        "Without `region` a machine is placed near the caller; with a list, in the first region that has room.",
    ),
    next_test="List the app's machines without any filter: `fly machine list -a {app}`.",
    distinguish_from={"list-incomplete": "The unfiltered list does not contain it either."},
    sources=("machines/guides-examples/machine-placement", "reference/regions"),
)
def wrong_region(facts: Facts) -> Iterator[Point | Conclusion]:
    """The machine's region is not the one that the caller or the row names."""
    machine = facts.machine.description
    no = refused(facts, "machine-elsewhere")
    if no and "have" in no.names:
        have, want = no.names["have"], no.names.get("want", "the region that was asked")
        yield supports(f"The platform refused {no.call}: {no.told}.", no.evidence)
        yield concludes(
            f"The machine is in {have}, not in {want}.",
            f"it is in {have}, not in {want}",
            its_region=have,
            believed_region=want,
        )
        return
    told = (
        (facts.caller.answer.region, Facet.CALLER)
        if facts.caller.answer.region
        else (facts.caller.record.region if facts.caller.record else "", Facet.RECORD)
    )
    if machine is None or not machine.region or not told[0] or machine.region in told[0].replace(",", " ").split():
        return
    yield confirms(
        f"The machine is in {machine.region}; the {_TELLER[told[1]]} says {told[0]}.",
        *facts.machine.seen_evidence[:1],
        told[1],
    )
    yield concludes(
        f"The machine is in {machine.region}, not in {told[0]}, where it was expected.",
        f"it is in {machine.region}, not in {told[0]}",
        its_region=machine.region,
        believed_region=told[0],
    )


_TELLER = {Facet.CALLER: "caller", Facet.RECORD: "row"}


def _served(facts: Facts) -> list[str]:
    """The observations in which this token read something of the app."""
    return [number for number in _OF_THE_APP if facts.outcome(number) is Outcome.SEEN]


def _covers(apps: set[str], facts: Facts) -> bool:
    known = {facts.subject.app} | ({facts.observations.app.id} if facts.observations.app else set())
    return bool(apps & known)
