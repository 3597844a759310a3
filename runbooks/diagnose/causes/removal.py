"""Family removal: who or what destroyed the machine, or moved it to another host (§2, §4.2, §11 rows 10-21)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.arguments import (
    Conclusion,
    Point,
    Weight,
    concludes,
    confirms,
    contradicts,
    missing,
    refutes,
    supports,
)
from runbooks.diagnose.catalogue import Stage, cause
from runbooks.diagnose.facts import GONE, Facts, format_duration
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Owner, Remedy
from runbooks.diagnose.shared_evidence import WAITING


@cause(
    "auto-destroyed",
    "The machine was removed by auto_destroy after its program exited",
    stage=Stage.LIFE,
    mechanism=True,
    explains=WAITING,
    distinguish_from={"destroyed-by-request": "The destroy event's source is user."},
    sources=("machines/api/machines-resource", "machines/machine-states"),
    remedy=Remedy(
        "Turn auto_destroy off in the create request, and test the image once",
        "auto_destroy removes the machine, later its id and its events, and the evidence with them. The test runs your "
        "program with the app's secrets: leave it out where a second run does harm. The command takes the other "
        "variables from your shell: set them there, with harmless values.{masked} Ports are not repeated: this shows "
        "only whether the program stays up, and not whether the endpoint answers.",
        (
            "fly machine run {image} -a {app} -r {region} --restart no {guest} {variables}",
            "timeout 30 fly logs -a {app} --machine TEST_ID --no-tail",
            "fly machine destroy TEST_ID --force -a {app}",
        ),
    ),
    prevention=Remedy(
        "Keep auto_destroy off until one machine has stayed up",
        "After a crash, the stopped machine and its events then remain.",
    ),
    next_test="Look at the source of the destroy event: flyd means auto_destroy, user means a request.",
)
def auto_destroyed(facts: Facts) -> Iterator[Point | Conclusion]:
    """Mechanism: `auto_destroy: true`, an exit of the program, and a destroy event without a request."""
    flag = facts.machine.config.get("auto_destroy") if facts.machine.config else None
    destroy = facts.events.event_of("destroy")
    if not facts.events.destroyed and not destroy:
        return
    if flag is True and destroy and destroy[0].source == "flyd":
        yield confirms(
            "auto_destroy is on, and the destroy event comes from the platform.",
            *facts.machine.config_evidence,
            destroy[1],
        )
    elif flag is True:
        yield supports("auto_destroy is on, and the machine is destroyed.", *facts.machine.config_evidence)
        yield missing("No destroy event shows who requested it.", Facet.EVENTS)
    elif flag is None and destroy and destroy[0].source == "flyd":
        yield supports("The destroy event comes from the platform.", destroy[1])
    if destroy and destroy[0].source == "user":
        yield refutes("The destroy event shows a request by a user or an API call.", destroy[1])
    if flag is False:
        yield refutes("auto_destroy is off.", *facts.machine.config_evidence)
    if facts.events.event_of("launch", "launch_failed"):
        yield refutes("The launch failed, and the platform removes such a machine.", *facts.events.evidence)
    at = destroy[0].at if destroy else None
    lived = (
        f", {format_duration(at - facts.events.created_at)} after it was created"
        if at and facts.events.created_at
        else ""
    )
    yield concludes(f"auto_destroy removed the machine{lived}, so the default list does not contain it.")


@cause(
    "destroyed-by-request",
    "A request destroyed the machine",
    stage=Stage.LIFE,
    is_a="caller-side",
    explains=(*WAITING, "release-failed"),
    distinguish_from={
        "auto-destroyed": "The destroy event's source is flyd.",
        "destroyed-by-deploy": "Machines of a newer release appeared at that time.",
    },
    sources=("machines/api/machines-resource", "machines/machine-states"),
    remedy=Remedy(
        "Find the caller that destroyed it",
        "The platform received a request. Every holder of a token can send one: the clean-up of the provisioning code, "
        "a script, the dashboard.",
        ("fly tokens list -a {app}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Make provisioning idempotent, and delete machines from one job only",
        "Code that deletes a machine of the same name before creating one destroys a healthy machine on a second run.",
    ),
    next_test="Look at the source of the destroy event and at requested_stop of the last exit.",
)
def destroyed_by_request(facts: Facts) -> Iterator[Point | Conclusion]:
    """A destroy event of source user, usually with a requested exit."""
    destroy = facts.events.event_of("destroy")
    if destroy and destroy[0].source == "user":
        when = f" at {destroy[0].at:%H:%M:%S} UTC" if destroy[0].at else ""
        # A deploy destroys in the name of a user, too: it must be ruled out before this is certain.
        own = (
            facts.machine.config is not None
            and facts.machine.description
            and "fly_release_version" not in facts.machine.description.metadata
        )
        # Found by its name alone, it may be a predecessor of the one that is meant.
        meant = not facts.subject.by_name or facts.caller.speaks_of_subject
        argue = confirms if meant and (own or facts.siblings.living or facts.looked(Facet.LIST)) else supports
        yield argue(f"The destroy event{when} has the source user: an API call, the dashboard or a script.", destroy[1])
    elif facts.events.destroyed and (by_hand := facts.log.matches("destroyed-by-hand")):
        yield supports(
            f"The log shows a destroy command: “{short(by_hand[-1].line.message, 120)}”.",
            *facts.log.where("destroyed-by-hand"),
        )
    elif facts.events.destroyed and facts.events.asked_to_stop and not facts.events.event_of("stop") and not destroy:
        yield supports("The last exit was requested (requested_stop).", facts.events.asked_to_stop[1])
    if destroy and destroy[0].source not in ("user", ""):
        yield refutes(f"The destroy event has the source {destroy[0].source}, not user.", destroy[1])
    gone = [(m, at) for m, at in facts.siblings.namesakes if m.state in GONE]
    if facts.events.destroyed and (
        heir := next(((m, at) for m, at in facts.siblings.namesakes if m.state not in GONE), None)
    ):
        yield contradicts(f"{heir[0].id} has its name now and is {heir[0].state}.", heir[1])
    if facts.siblings.unsure_which and gone:
        yield supports(f"{gone[-1][0].id}, which had the same name, is destroyed.", gone[-1][1], weight=Weight.WEAK)
    elif facts.machine.description and not facts.events.destroyed:
        yield refutes(f"The machine is not destroyed; it is {facts.events.state}.", *facts.events.state_evidence)
    yield concludes("A request destroyed the machine, not the exit of its program.", "a request destroyed it")


@cause(
    "destroyed-by-deploy",
    "A deploy or a scale-down removed the machine",
    stage=Stage.LIFE,
    is_a="destroyed-by-request",
    explains=("destroyed-by-request", "stopped-by-request", *WAITING, "record-of-another-machine"),
    remedy=Remedy(
        "Find its successor, and do not manage your own machines by deploy",
        "`fly deploy` and `fly scale` replace and remove every machine that carries their metadata. "
        "The machines of the new release have other ids.",
        ("fly machine list -a {app}", "fly releases -a {app} --image"),
    ),
    prevention=Remedy(
        "Do not set the deployer's metadata on machines created by API",
        "A deploy does not touch a machine without fly_process_group. Do not keep a machine id across a deploy.",
    ),
    next_test="Compare the destroy event's time with the releases: `fly releases -a {app}`.",
    distinguish_from={"destroyed-by-request": "No newer release was created around that time."},
    sources=("machines/guides-examples/managing-machines-with-the-api", "launch/deploy"),
)
def destroyed_by_deploy(facts: Facts) -> Iterator[Point | Conclusion]:
    """Destroyed in a user's name, with the deployer's metadata, while machines of a newer release appeared."""
    destroy = facts.events.event_of("destroy")
    words = facts.log.matches("deploying", "removed")
    by_hand = facts.log.matches("destroyed-by-hand")
    # A deploy with a canary removes that by the same words as a command does.
    canary = by_hand if facts.log.matches("canary") else ()
    announced = facts.log.matches("deploy-destroys") or canary
    unknown = not facts.events.state and bool(announced)
    if not (facts.events.destroyed or unknown) or (destroy and destroy[0].source not in ("user", "")):
        return
    newer = facts.siblings.newer_release(destroy[0].at if destroy else facts.events.since)
    if destroy and newer:
        yield confirms(
            f"A user's request destroyed it while {newer[0].id} of release "
            f"{newer[0].metadata.get('fly_release_version')} appeared.",
            destroy[1],
            newer[1],
            *facts.machine.config_evidence,
        )
        yield concludes(
            f"A deploy replaced the machine with {newer[0].id} of a newer release.",
            f"a deploy replaced it with {newer[0].id}",
        )
        return
    group = facts.machine.description.metadata.get("fly_process_group") if facts.machine.description else None
    if (
        destroy
        and group
        and facts.siblings.living
        and not any(m.metadata.get("fly_process_group") == group for m, _ in facts.siblings.living)
    ):
        yield supports(
            f"No machine of its process group {group} is left in the app.", destroy[1], facts.siblings.living[0][1]
        )
    if by_hand and not canary:
        yield contradicts(
            f"The log shows a destroy command for this machine: “{short(by_hand[-1].line.message, 120)}”.",
            *facts.log.where("destroyed-by-hand"),
        )
    elif any(r.thing == facts.subject.machine_id for r in words):
        yield supports(
            f"The deploy log says: “{short(words[-1].line.message, 120)}”.", *facts.log.where("deploying", "removed")
        )
    if announced:
        yield supports(
            f"The deploy announced it: “{short(announced[-1].line.message, 120)}”.",
            *facts.log.where("deploy-destroys", "destroyed-by-hand"),
        )
    yield concludes("A deploy or a scale-down removed the machine.", "a deploy or a scale-down removed it")


@cause(
    "replaced-or-migrated",
    "The machine was moved or updated: it has a new version",
    stage=Stage.SEEN,
    owner=Owner.UNDECIDED,
    explains=WAITING,
    remedy=Remedy(
        "Query the machine by its id only",
        "The id stays; the version (instance_id) and the private address change with every update and every migration.",
        ("fly machine status {machine_id} -a {app}", "fly machine list -a {app}"),
    ),
    prevention=Remedy(
        "Store only the machine's id",
        "Do not store instance_id or private_ip; query them when they are needed.",
    ),
    next_test="Compare the stored instance_id with the machine's current one.",
    distinguish_from={"record-of-another-machine": "The machine's id differs, not its version."},
    sources=("machines/api/machines-resource", "reference/machine-migration"),
)
def replaced_or_migrated(facts: Facts) -> Iterator[Point | Conclusion]:
    """A second launch by flyd (a move to another host), or a version that was replaced by an update."""
    moved = facts.events.event_of("launch", "created", "flyd")
    replaced = facts.events.event_of("update", "replaced")
    kept = facts.caller.kept_version
    now = facts.machine.description.instance_id if facts.machine.description else ""
    differs = bool(kept and now and kept[0] != now)
    if moved:
        when = f" at {moved[0].at:%Y-%m-%d %H:%M} UTC" if moved[0].at else ""
        argue = confirms if differs or not facts.events.crash_codes else supports
        yield argue(f"The platform launched it again{when}, on another host.", moved[1])
    elif replaced and differs:
        yield supports("An update replaced the version.", replaced[1])
    if kept and differs:
        yield confirms(
            f"The stored version ({kept[0]}) is not its current one ({now}).",
            kept[1],
            *facts.machine.seen_evidence[:1],
        )
    if migrated := facts.log.matches("migrated"):
        yield supports(f"The log says: “{short(migrated[-1].line.message, 120)}”.", *facts.log.where("migrated"))
    how = "migrated to another host" if moved else "updated"
    yield concludes(f"The machine was {how}, so facts about its earlier version are out of date.", f"it was {how}")
