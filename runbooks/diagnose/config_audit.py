"""Config audit: settings and habits to change whatever happened. Never a cause (§10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from runbooks.base.facets import Facet
from runbooks.diagnose.broken_record import broken_record
from runbooks.diagnose.commands import lines, settings
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Finding, Remedy

_SECRET = re.compile(r"^<secret:")
_MUTABLE = re.compile(r":(latest|stub|main|master|dev|prod|production|staging)$")
_UNSETTLED = ("starting", "created", "provisioning", "pending", "creating")


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What was found, and what to change.

    Attributes:
        said_by: the causes whose prevention says the same
        general: it is good whatever happened; False where it contributes to this incident
    """

    finding: Finding
    remedy: Remedy
    said_by: tuple[str, ...] = ()
    general: bool = True


def audit(facts: Facts) -> tuple[AuditFinding, ...]:
    """Every habit that this incident shows, with its prevention. What no observation shows is not claimed."""
    return tuple(
        habit
        for habit in (*_of_the_record(facts), *_of_the_image(facts), *_of_the_config(facts), *_of_the_caller(facts))
        if habit.finding.evidence
    )


def _habit(slug: str, statement: str, evidence: tuple[str, ...], remedy: Remedy, *said_by: str) -> AuditFinding:
    return AuditFinding(Finding(slug, remedy.title, statement, evidence, hygiene=True), remedy, said_by)


def _of_the_record(facts: Facts) -> Iterator[AuditFinding]:
    if claim := broken_record(facts):
        yield _habit(
            "broken-record",
            claim.text,
            claim.evidence,
            Remedy(
                "Ask Fly's support to repair the machine's record",
                "No call of yours can set these values. Until then, take neither its times nor its region from it.",
            ),
        )


def _of_the_image(facts: Facts) -> Iterator[AuditFinding]:
    """A large image whose pull is not seen to end (§11 row 20, §5)."""
    if facts.heavy_image:
        found = _habit(
            "large-image",
            f"The image has {facts.heavy_image}, and no pull of it is seen to end.",
            (Facet.IMAGE_RAN,),
            Remedy(
                "Make the image smaller",
                "The host pulls and unpacks all of it before the machine boots, and unpacked it may take 8 GB. Build "
                "in stages, keep models and data on a volume or load them after the start, and check the size in CI.",
                lines(("docker history {image}",), facts.names),
            ),
            "image-too-large",
        )
        yield replace(found, general=False)


def _of_the_config(facts: Facts) -> Iterator[AuditFinding]:
    machine, evidence = facts.machine.description, facts.machine.config_evidence
    if machine is None or machine.config is None:
        return
    tag = next((ref for ref in (facts.machine.ran_text, facts.subject.image) if _MUTABLE.search(ref)), "")
    where = evidence if tag == facts.machine.ran_text else _where_believed(facts, tag)
    whole = facts.machine.whole_config
    yield from of_config(
        machine.config, evidence, facts.names, tag, where, whole=whole, misnamed=frozenset(facts.misnamed.values())
    )


def of_config(
    config: Mapping[str, Any],
    evidence: tuple[str, ...],
    names: Mapping[str, str],
    image: str,
    image_evidence: tuple[str, ...],
    *,
    whole: bool = True,
    misnamed: AbstractSet[str] = frozenset(),
) -> Iterator[AuditFinding]:
    """What should change in a config.

    Args:
        config: in the form of the API
        evidence: where it was seen
        names: what commands are filled in with
        image: the reference it is about, and in `image_evidence` where that stands
        whole: all of the config was seen, so that what is not in it is missing
        misnamed: variables that the program wants under another name, so that nothing should keep this one
    """
    env = {str(k): "" if v is None else str(v) for k, v in _mapping(config.get("env")).items()}
    secret = sorted(name for name, value in env.items() if _SECRET.match(value))
    if secret:
        kept = [name for name in secret if name not in misnamed]
        other = [name for name in secret if name in misnamed]
        yield _habit(
            "secrets-in-env",
            f"config.env holds {_listed(secret)}, whose values may be secret.",
            evidence,
            Remedy(
                "Move secrets out of config.env",
                "Every client with read access to the machine could read them. In this order: make those anew that are "
                "keys or passwords, set them as app secrets, which show only digests, and take them out of the create "
                "request."
                + (
                    f" {_listed(other)} is not in the command: the program reads another name, see What to do."
                    if other
                    else ""
                ),
                lines(("fly secrets set {settings} -a {app}",), {**names, "settings": settings(kept[:5])})
                if kept
                else (),
            ),
        )
    empty = sorted(name for name, value in env.items() if value == "")
    if empty:
        yield _habit(
            "empty-variables",
            f"config.env contains {_listed(empty)} with an empty value.",
            evidence,
            Remedy("Refuse to create a machine with empty variables", "An empty value hides a missing one."),
        )
    if _MUTABLE.search(image):
        yield _habit(
            "mutable-tag",
            f"{image} is a mutable tag.",
            image_evidence,
            Remedy("Pin the image by digest", "A tag can move or vanish between two create calls."),
            "image-tag-missing",
            "image-not-as-believed",
        )
    if whole and not config.get("guest"):
        yield _habit(
            "no-guest",
            "The config has no guest.",
            evidence,
            Remedy("Set the guest", "Without one the machine gets shared-cpu-1x with 256 MB."),
            "out-of-memory",
        )
    if whole and not config.get("checks") and not _service_checks(config) and not ends_by_itself(config):
        yield _habit(
            "no-checks",
            "The config has no checks.",
            evidence,
            Remedy("Add a health check", "Without checks a machine counts as healthy as soon as it has booted."),
        )
    if whole and not _mapping(config.get("metadata")):
        yield _habit(
            "no-metadata",
            "The config has no metadata.",
            evidence,
            Remedy(
                "State in the metadata whose machine it is",
                "Store who created it, for what and when. Lists can be filtered by it, and nobody destroys it "
                "by mistake.",
            ),
        )
    restart = config.get("restart")
    policy = restart.get("policy") if isinstance(restart, Mapping) else None
    if config.get("auto_destroy") is True and policy not in (None, "no"):
        yield _habit(
            "auto-destroy-with-restarts",
            f"auto_destroy is on together with the restart policy {policy}.",
            evidence,
            Remedy(
                "Do not combine auto_destroy with a restart policy",
                "After the last restart of a crash loop, auto_destroy removes the machine and its evidence.",
            ),
            "auto-destroyed",
        )


def _of_the_caller(facts: Facts) -> Iterator[AuditFinding]:
    caller, record, name = facts.caller.answer, facts.caller.record, facts.subject.machine_name
    if name and facts.caller.believed_host == f"{name}.fly.dev":
        yield _habit(
            "url-from-machine-name",
            f"The URL {facts.caller.believed_url} is built from the machine's name.",
            facts.caller.url_evidence or facts.made(Facet.DNS_BELIEVED, Facet.EDGE_BELIEVED),
            Remedy("Build URLs from the app's name", "A machine's name is not a hostname."),
            "wrong-hostname",
        )
    if record and record.started_at and not _had_started(facts, record.started_at):
        yield _habit(
            "status-before-observed",
            f"The row says that it started at {record.started_at:%H:%M:%S}, when no start had been observed.",
            (Facet.RECORD,),
            Remedy(
                "Write only states that were observed",
                "The create call's answer is no start: write `started_at` when the machine's state shows it.",
            ),
            "record-never-updated",
        )
    if record and name and name == record.machine_id:
        yield _habit(
            "name-kept-as-id",
            f"The row contains the name {record.machine_id} instead of the machine's id.",
            (Facet.RECORD,),
            Remedy("Store id and name separately", "Fly's calls take the id; a name in its place finds nothing."),
            "record-never-updated",
            "record-of-another-machine",
        )
    if len(facts.caller.records) > 1:
        yield _habit(
            "several-rows",
            f"{len(facts.caller.records)} rows are about this machine.",
            (Facet.RECORD,),
            Remedy("Keep one row per machine", "With several, it is not known which one is meant."),
        )
    if caller.ok and caller.status in _UNSETTLED:
        yield _habit(
            "unverified-200",
            f"The caller reported success while the status was `{caller.status}`.",
            (Facet.CALLER,),
            Remedy(
                "Do not report success before the machine has settled",
                "A 200 says that a machine was reserved. Wait for a settled state, then answer. The guard in "
                "docs/prevent.md waits, and keeps the evidence where the machine does not settle.",
                lines(("fly machine wait NEW_ID -a {app} --state settled", "runbooks guard typescript"), facts.names),
            ),
            "image-pull-failed",
            "stuck-in-transition",
        )


def _where_believed(facts: Facts, image: str) -> tuple[str, ...]:
    """Where the reference stands that the caller believes in: in its own words, else in the question asked of it."""
    said = Facet.CALLER if image in facts.caller.answer.text else Facet.IMAGE_BELIEVED
    return (said,) if facts.looked(said) else ()


def _had_started(facts: Facts, claimed: Any) -> bool:
    """Had the machine started by the time that the row claims? Unknown counts as yes: nothing is held against it."""
    if facts.events.whole_life:
        starts = [e.at for e in facts.events.all if (e.type, e.status) == ("start", "started") and e.at]
        return any(at <= claimed + timedelta(seconds=1) for at in starts)
    return not facts.machine.created_at or claimed > facts.machine.created_at + timedelta(seconds=1)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def ends_by_itself(config: Mapping[str, Any]) -> bool:
    """Does the config say that the machine is a job, which is meant to end and serves nobody (§4)?"""
    policy = _mapping(config.get("restart")).get("policy")
    told = config.get("schedule") or config.get("auto_destroy") is True or policy == "no"
    return bool(told) and policy != "always" and not config.get("services")


def _service_checks(config: Mapping[str, Any]) -> bool:
    services = config.get("services")
    rows = services if isinstance(services, Sequence) and not isinstance(services, str) else ()
    return any(isinstance(s, Mapping) and s.get("checks") for s in rows)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
