"""Preflight: the diagnosis of a create call that has not been made.

A check that fails is what an incident report would name afterwards, by the same cause. What nobody can know before
is listed as not checked, in every report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbooks.base.facets import Facet
from runbooks.diagnose.blocked import closed, is_blocked
from runbooks.diagnose.catalogue import CauseInfo, catalogue
from runbooks.diagnose.checks import Check, Review
from runbooks.diagnose.commands import filled, settings
from runbooks.diagnose.model import Confidence, Diagnosis, Finding, Owner, Remedy, Unchecked, Verdict
from runbooks.diagnose.planned_machine import PlannedMachine
from runbooks.diagnose.preflight_checks import checks, findings

TITLE = "Checks before the create call"
MOST_REQUESTS = 12
"""Requests of one preflight, retries included."""


@dataclass(frozen=True, slots=True)
class Later:
    """Something that only the create call, or the time after it, can show; `causes` are what it leads to."""

    what: str
    why: str
    causes: tuple[str, ...]


NOT_BEFORE = (
    Later(
        "Whether the host can pull the image",
        "The create call reads the manifest only; a host pulls the layers after the answer.",
        ("image-pull-failed",),
    ),
    Later(
        "The unpacked size of the image",
        "A manifest has the compressed size; the root file system holds the unpacked one.",
        ("image-too-large",),
    ),
    Later(
        "Whether the platform finds a new tag yet",
        "It may need a minute after a push, also where the registry shows the tag already.",
        ("image-not-yet-propagated",),
    ),
    Later(
        "Room in the region and on a host, and the quota of the organisation",
        "Only the create call is answered with it.",
        ("region-capacity", "host-capacity", "volume-placement", "quota-or-billing", "trial-limit"),
    ),
    Later(
        "What the program does after the start",
        "A command that names a missing file, a crash, the port and address that it listens on, and its memory show "
        "only while it runs.",
        ("bad-command", "startup-crash", "exited-normally", "out-of-memory", "not-listening", "slow-start"),
    ),
    Later(
        "Whether a secret is staged only",
        "The list of secrets has names, digests and times. It does not tell whether a secret was deployed.",
        ("missing-environment",),
    ),
    Later(
        "What another token may do",
        "The checks were made with the token of this run. The caller may send another one.",
        ("token-invalid", "token-out-of-scope"),
    ),
)
"""What no preflight can know."""

REMEDIES: Mapping[str, Remedy] = {
    "token": Remedy(
        "Use a token that is valid and may create",
        "A deploy token of the app may create machines in it and nothing else.",
        ('export FLY_API_TOKEN="$(fly tokens create deploy -a {app} -x 24h)"',),
    ),
    "app": Remedy(
        "Correct the app, or use a token of its organisation",
        "The create call goes to exactly one app, and the token must reach it.",
        ("fly apps list",),
    ),
    "config": Remedy("Correct the config", "The API refuses the body before it looks at anything else."),
    "name": Remedy(
        "Take another name, or update the machine that has it",
        "Names are unique in an app. Leave the name out, and Fly gives one.",
        ("fly machine list -a {app}",),
    ),
    "region": Remedy("Request a region that Fly offers", "The list of regions changes.", ("fly platform regions",)),
    "image": Remedy(
        "Push the image, or request one that exists",
        "The create call is refused until the registry shows the manifest to Fly.",
        ("fly auth docker", "docker manifest inspect {believed}"),
    ),
    "platform": Remedy(
        "Build the image for linux/amd64",
        "Fly's hosts run no other architecture, and the create call does not check it.",
        ("docker buildx build --platform linux/amd64 -t {believed} --push .",),
    ),
    "command": Remedy(
        "Set CMD or ENTRYPOINT in the image, or init.cmd in the config", "Without a command the machine cannot start."
    ),
    "size": Remedy("Make the image smaller, or keep large files on a volume", "The root file system has 8 GB."),
    "guest": Remedy(
        "Request a size that Fly offers",
        "Memory has a least and a most for each CPU, and steps of 256 MB.",
        ("fly platform vm-sizes",),
    ),
    "volumes": Remedy(
        "Create the machine where its volume is, or take a free one",
        "A volume is on one host of one region, and can be attached to one machine.",
        ("fly volumes list -a {app}",),
    ),
    "variables": Remedy(
        "Set the variables that the program needs",
        "An app secret reaches every machine of the app, and does not show in config.env.",
        ("fly secrets {set_secrets} -a {app}", "fly secrets list -a {app}"),
    ),
    "services": Remedy(
        "Add a service with ports to the config", "Without one the proxy has nobody to send a client to."
    ),
    "address": Remedy(
        "Give the app an address",
        "Without one its hostname does not resolve.",
        ("fly ips allocate-v4 --shared -a {app}", "fly ips allocate-v6 -a {app}"),
    ),
    "hostname": Remedy(
        "Correct the URL, or add the hostname to the app",
        "Clients reach the app by its own name, or by a name that has a certificate in this app.",
        ("fly certs list -a {app}",),
    ),
}
"""What to do about a check that fails, by its slug."""


def preflight(planned: PlannedMachine) -> Diagnosis:
    """The diagnosis that the checks give: pass or warn, fail, or not established."""
    made = checks(planned)
    review = Review(made, title=TITLE, closes=False)
    habits = list(findings(planned)) if planned.known else []
    verdict = Verdict.INCIDENT if review.failed else Verdict.INCONCLUSIVE if review.blind else Verdict.HEALTHY
    causes = catalogue()
    found = [_finding(check, causes) for check in review.failed]
    diagnosis = Diagnosis(
        verdict=verdict,
        headline=_headline(planned, review),
        cause=found[0] if found else None,
        contributing=(*found[1:], *(habit.finding for habit in habits)),
        hypotheses=(),
        visibility=(),
        timeline=(),
        life=(),
        symptoms=(),
        remedies=tuple(_remedies(planned, review)),
        prevention=tuple(habit.remedy for habit in habits),
        verification=(),
        not_checked=(
            *(Unchecked(f"The check “{check.title}”", check.text) for check in made if _unmade(check)),
            *(Unchecked(later.what, later.why) for later in NOT_BEFORE),
        ),
        review=review,
    )
    # A config that a person gave is no look at the platform.
    looks = {n: o for n, o in planned.facts.evidence.observations.items() if o.exchanges or n != Facet.CONFIG}
    nothing = is_blocked(replace(planned.facts.evidence, observations=looks))
    return closed(diagnosis, planned.facts) if nothing and not review.failed else diagnosis


def _unmade(check: Check) -> bool:
    return check.skipped or check in Review((check,)).blind


def _finding(check: Check, causes: Mapping[str, CauseInfo]) -> Finding:
    info = causes[check.cause]
    statement = f"{check.text[:1].upper()}{check.text[1:]}."
    return Finding(check.cause, info.title, statement, check.evidence, Confidence.CONFIRMED, owner=Owner.YOU)


def _remedies(planned: PlannedMachine, review: Review) -> list[Remedy]:
    names = dict(planned.facts.names)
    if planned.required:
        known = planned.plan.env
        unset = [name for name in planned.required if not known.get(name)]
        names["set_secrets"] = f"set {settings(unset)}"
    steps = [filled(REMEDIES[check.slug], names) for check in review.failed]
    if not review.failed:
        steps = [Remedy(f"Make this check possible: {check.title}", check.text) for check in review.blind]
    return steps


def _headline(planned: PlannedMachine, review: Review) -> str:
    passed = len(review.made) - len(review.failed) - len(review.blind)
    if review.failed:
        first, more = review.failed[0], len(review.failed) - 1
        rest = f" {more} more check{' fails' if more == 1 else 's fail'}." if more else ""
        return f"Do not create {planned.who} yet: {first.text}.{rest}"
    if review.blind:
        first, more = review.blind[0], len(review.blind) - 1
        rest = f", and {more} more" if more else ""
        title = f"{first.title[:1].lower()}{first.title[1:]}"
        return f"Not known whether {planned.who} can be created: not checked whether {title}{rest}."
    warned = len(review.warned)
    rest = f", {warned} of them with a warning" if warned else ""
    return f"Ready to create {planned.who}: {passed} of {len(review.made)} checks pass{rest}."
