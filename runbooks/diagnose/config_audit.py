"""Config audit: settings and habits to change whatever happened. Never a cause (§10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """What was found, and what to change."""

    finding: Finding
    remedy: Remedy


def audit(facts: Facts) -> tuple[AuditFinding, ...]:
    """Every habit that this incident shows, with its prevention. What no observation shows is not claimed."""
    return tuple(
        habit
        for habit in (*_of_the_record(facts), *_of_the_config(facts), *_of_the_caller(facts))
        if habit.finding.evidence
    )


def _habit(slug: str, statement: str, evidence: tuple[str, ...], remedy: Remedy) -> AuditFinding:
    return AuditFinding(Finding(slug, remedy.title, statement, evidence, hygiene=True), remedy)


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


def _of_the_config(facts: Facts) -> Iterator[AuditFinding]:
    machine, evidence = facts.machine.description, facts.machine.config_evidence
    if machine is None or machine.config is None:
        return
    config: Mapping[str, Any] = machine.config
    secret = sorted(name for name, value in machine.env.items() if _SECRET.match(value))
    if secret:
        yield _habit(
            "secrets-in-env",
            f"config.env holds {_listed(secret)}, whose values look secret.",
            evidence,
            Remedy(
                "Move secrets out of config.env",
                "Every client with read access to the machine could read them, so change their values, too. "
                "App secrets show only digests.",
                lines(("fly secrets set {settings} -a {app}",), {**facts.names, "settings": settings(secret[:5])}),
            ),
        )
    empty = sorted(name for name, value in machine.env.items() if value == "")
    if empty:
        yield _habit(
            "empty-variables",
            f"config.env contains {_listed(empty)} with an empty value.",
            evidence,
            Remedy("Refuse to create a machine with empty variables", "An empty value hides a missing one."),
        )
    if _MUTABLE.search(facts.machine.ran_text) or _MUTABLE.search(facts.subject.image):
        tag = facts.machine.ran_text if _MUTABLE.search(facts.machine.ran_text) else facts.subject.image
        yield _habit(
            "mutable-tag",
            f"{tag} is a mutable tag.",
            evidence if tag == facts.machine.ran_text else _where_believed(facts, tag),
            Remedy("Pin the image by digest", "A tag can move or vanish between two create calls."),
        )
    whole = facts.machine.whole_config
    if whole and not config.get("guest"):
        yield _habit(
            "no-guest",
            "The config has no guest.",
            evidence,
            Remedy("Set the guest", "Without one the machine gets shared-cpu-1x with 256 MB."),
        )
    if whole and not config.get("checks") and not _service_checks(config):
        yield _habit(
            "no-checks",
            "The config has no checks.",
            evidence,
            Remedy("Add a health check", "Without checks a machine counts as healthy as soon as it has booted."),
        )
    if whole and not machine.metadata:
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
        )


def _of_the_caller(facts: Facts) -> Iterator[AuditFinding]:
    caller, record, name = facts.caller.answer, facts.caller.record, facts.subject.machine_name
    if name and facts.caller.believed_host == f"{name}.fly.dev":
        yield _habit(
            "url-from-machine-name",
            f"The URL {facts.caller.believed_url} is built from the machine's name.",
            facts.caller.url_evidence or facts.made(Facet.DNS_BELIEVED, Facet.EDGE_BELIEVED),
            Remedy("Build URLs from the app's name", "A machine's name is not a hostname."),
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
        )
    if record and name and name == record.machine_id:
        yield _habit(
            "name-kept-as-id",
            f"The row contains the name {record.machine_id} instead of the machine's id.",
            (Facet.RECORD,),
            Remedy("Store id and name separately", "Fly's calls take the id; a name in its place finds nothing."),
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
                "A 200 says that a machine was reserved. Wait for a settled state, then answer.",
                lines(("fly machine wait NEW_ID -a {app} --state settled",), facts.names),
            ),
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


def _service_checks(config: Mapping[str, Any]) -> bool:
    services = config.get("services")
    rows = services if isinstance(services, Sequence) and not isinstance(services, str) else ()
    return any(isinstance(s, Mapping) and s.get("checks") for s in rows)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
