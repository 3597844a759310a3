"""Family scope: looking in the wrong place, or with eyes that cannot see it (facts §6.3, §6.4, §11 rows 13-17)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import Point, Says, Stage, cause, doubts, favours, lacks, proves, refutes, says
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Listing, Outcome

_BLIND = ("wrong-app", "app-not-found")
_OF_THE_APP = ("E03", "E05", "E06")


@cause(
    "wrong-app",
    "The machine is in another app",
    stage=Stage.SCOPE,
    asked_by="the usual first suspicions",
    explains=("wrong-hostname", "record-never-updated"),
    remedy=Remedy(
        "Point the caller at the app it means",
        "The machine exists; it was created in {other_app}. Correct FLY_APP_NAME where the function runs.",
        ("fly machine status {machine_id} -a {other_app}", "fly machine list -a {other_app}"),
    ),
    prevention=Remedy(
        "Log the app name with every create call",
        "An id alone does not say where the machine is.",
    ),
    next_test="Search the whole organisation for the id: fly machine list -a APP for every app, or the org list.",
)
def wrong_app(facts: Facts) -> Iterator[Point | Says]:
    """The organisation's list shows the id under another app than the one asked."""
    if facts.known_here and not facts.other_apps:
        yield refutes(f"The platform knows this machine in {facts.subject.app}.", *facts.known_here)
    elif facts.other_apps:
        other = facts.other_apps[0]
        yield proves(
            f"Machine {other.machine.id} is in the app {other.app} ({other.machine.state}).",
            *dict.fromkeys(s.at for s in facts.other_apps),
        )
        if any(s.app == facts.subject.app for s in facts.sightings):
            yield doubts(f"{facts.subject.app} shows it, too.", *facts.known_here)
        yield says(
            f"The machine is not in {facts.subject.app}: it is in {other.app}, where it is {other.machine.state}.",
            other_app=other.app,
        )
    elif facts.outcome("E08") is Outcome.SEEN:
        look = facts.look("E08")
        silent = look.answer.error_regions if look and isinstance(look.answer, Listing) else ()
        scopes = facts.token.scopes if facts.token else ()
        if scopes and all(scope.apps for scope in scopes):
            yield lacks("The token is limited to single apps, so it would not see the machine in another one.", "E01")
        elif silent:
            yield lacks(f"The organisation's list had no answer from {', '.join(silent)}.", "E08")
        else:
            yield doubts("No app of the organisation shows this machine.", "E08")
    else:
        yield lacks("The organisation's other apps could not be searched.", "E08")


@cause(
    "app-not-found",
    "There is no such app",
    stage=Stage.SCOPE,
    explains=("wrong-hostname", "no-public-ip", "record-never-updated"),
    remedy=Remedy(
        "Correct the app's name, or create the app",
        "Nothing can be in an app that does not exist.",
        ("fly apps list", "fly apps create {app}"),
    ),
    next_test="Read the app with a token of the organisation: 404 means no such app, 403 somebody else's.",
)
def app_not_found(facts: Facts) -> Iterator[Point | Says]:
    """GET app answers 404 to a token that is valid; 403 would mean that it is somebody else's."""
    refusal = facts.refusal("E02")
    if facts.outcome("E02") is not Outcome.ABSENT or refusal is None:
        return
    text = f"The API says that there is no app {facts.subject.app} (HTTP 404: {refusal.text})."
    narrow = facts.token is not None and any(scope.apps for scope in facts.token.scopes)
    if facts.token and facts.token.valid and not narrow:
        yield proves(f"{text} The token is valid for its whole organisation.", "E02", "E01")
    else:
        yield favours(text, "E02")
        yield lacks("Whether this token would see the app is not certain.", "E01")
    if served := _served(facts):
        yield refutes("The API shows what is in it.", *served)
    yield says(f"The app {facts.subject.app} does not exist.")


@cause(
    "token-invalid",
    "The token is not accepted",
    stage=Stage.TOKEN,
    explains=("token-out-of-scope", *_BLIND),
    remedy=Remedy(
        "Use a token that is whole and has not expired",
        "Every call is refused, so nothing can be said about the machine. A macaroon must be given whole, "
        "with all its comma-separated parts.",
        ("fly tokens create readonly -o {org} -x 24h",),
    ),
    next_test="Repeat one read with a fresh token.",
)
def token_invalid(facts: Facts) -> Iterator[Point | Says]:
    """401, also on the token's own introspection: missing, truncated, expired or undischarged."""
    if facts.token is None or facts.token.valid:
        return
    look = facts.look("E01")
    yield proves(f"{look.reason[:1].upper()}{look.reason[1:]}." if look else "The API refuses the token.", "E01")
    if accepted := [n for n in ("E02", *_OF_THE_APP) if facts.outcome(n) is Outcome.SEEN]:
        yield refutes("The same token was accepted elsewhere.", *accepted)
    yield says("The API refuses the token (HTTP 401), so the machine could not be looked at with it.")


@cause(
    "token-out-of-scope",
    "The token cannot see this app",
    stage=Stage.SCOPE,
    asked_by="the usual first suspicions",
    explains=_BLIND,
    remedy=Remedy(
        "Use a token of the app's own organisation",
        "This one reads something else; what it cannot see may well exist.",
        ("fly tokens create readonly -o {org} -x 24h", "fly orgs list"),
    ),
    next_test="Compare the token's organisation and apps with the app's.",
)
def token_out_of_scope(facts: Facts) -> Iterator[Point | Says]:
    """GET app answers 403, or the token is limited to other apps."""
    app = facts.subject.app
    scopes = facts.token.scopes if facts.token and facts.token.valid else ()
    apps = {name for scope in scopes for name in scope.apps}
    orgs = ", ".join(dict.fromkeys(s.org_slug or s.organization for s in scopes if s.org_slug or s.organization))
    refusal = facts.refusal("E02")
    if facts.outcome("E02") is Outcome.SEEN:
        yield refutes(f"The same token reads the app {app}.", "E02")
    elif refusal and refusal.status == 403:
        text = f"The API says 403 for the app {app}: it exists, and this token may not read it."
        yield (proves(f"{text} The token is for organisation {orgs}.", "E01", "E02") if orgs else favours(text, "E02"))
    if served := _served(facts):
        yield refutes(f"The same token reads what is in {app}.", *served)
    if scopes and all(s.apps for s in scopes) and not _covers(apps, facts):
        text = f"The token is limited to {', '.join(sorted(apps))}"
        if facts.outcome("E02") is Outcome.ABSENT:
            yield favours(f"{text}; a 404 for {app} proves nothing then.", "E01", "E02")
        elif facts.outcome("E02") is not Outcome.SEEN:
            yield favours(f"{text}.", "E01")
    if facts.token is None:
        yield lacks("What the token may see could not be read.", "E01")
    yield says(
        f"The token used here reads {orgs or 'something else'}, not the app {app}: what it cannot see is not absent."
    )


def _served(facts: Facts) -> list[str]:
    """The looks at which this token was shown something of the app."""
    return [number for number in _OF_THE_APP if facts.outcome(number) is Outcome.SEEN]


def _covers(apps: set[str], facts: Facts) -> bool:
    known = {facts.subject.app} | ({facts.app.id} if facts.app else set())
    return bool(apps & known)
