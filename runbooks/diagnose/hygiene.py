"""Config audit: what should be different whatever happened. Never a cause (facts §10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Claim, Remedy

_SECRET = re.compile(r"^<secret:")
_MUTABLE = re.compile(r":(latest|stub|main|master|dev|prod|production|staging)$")


def audit(facts: Facts) -> tuple[tuple[Remedy, Claim], ...]:
    """What to prevent next time, each with the claim it rests on."""
    return tuple(_findings(facts))


def _findings(facts: Facts) -> Iterator[tuple[Remedy, Claim]]:
    machine = facts.machine
    if machine is not None and machine.config is not None:
        at = facts.config_at
        config: Mapping[str, Any] = machine.config
        secret = sorted(name for name, value in machine.env.items() if _SECRET.match(value))
        if secret:
            yield (
                Remedy(
                    "Move secrets out of config.env",
                    "Everybody who may read the machine could read them, so change their values, too. "
                    "App secrets show only digests.",
                    tuple(f'fly secrets set {name}="${{VALUE:?}}" -a {facts.subject.app}' for name in secret[:5]),
                ),
                Claim(f"config.env holds {_listed(secret)}, whose values look secret.", at),
            )
        empty = sorted(name for name, value in machine.env.items() if value == "")
        if empty:
            yield (
                Remedy("Refuse to create a machine with empty variables", "An empty value hides a missing one."),
                Claim(f"config.env sends {_listed(empty)} empty.", at),
            )
        if _MUTABLE.search(facts.ran_text) or _MUTABLE.search(facts.subject.image):
            tag = facts.ran_text if _MUTABLE.search(facts.ran_text) else facts.subject.image
            yield (
                Remedy("Pin the image by digest", "A tag can move or vanish between two create calls."),
                Claim(f"{tag} is a tag that moves.", at if tag == facts.ran_text else ()),
            )
        if not config.get("guest"):
            yield (
                Remedy("State the guest", "Without one the machine gets shared-cpu-1x with 256 MB."),
                Claim("The config names no guest.", at),
            )
        if not config.get("checks") and not _service_checks(config):
            yield (
                Remedy("Add a health check", "Without checks a machine counts as healthy as soon as it has booted."),
                Claim("The config has no checks.", at),
            )
        restart = config.get("restart")
        policy = restart.get("policy") if isinstance(restart, Mapping) else None
        if config.get("auto_destroy") is True and policy not in (None, "no"):
            yield (
                Remedy(
                    "Do not combine auto_destroy with a restart policy",
                    "The crash loop runs its course and then removes its own traces.",
                ),
                Claim(f"auto_destroy is on together with the restart policy {policy}.", at),
            )
    record = facts.record
    if record and record.started_at and record.created_at and facts.subject.machine_name == record.machine_id:
        yield (
            Remedy("Keep id and name apart", "Fly's calls take the id; a name kept in its place finds nothing."),
            Claim(f"The row keeps the name {record.machine_id} where the machine's id belongs.", ("E14",)),
        )
    if len(facts.records) > 1:
        yield (
            Remedy("Keep one row per machine", "With several, nobody knows which one is meant."),
            Claim(f"{len(facts.records)} rows are about this machine.", ("E14",)),
        )
    if facts.caller.ok and facts.caller.status in ("starting", "created", "provisioning"):
        yield (
            Remedy(
                "Do not report success before the machine has settled",
                "A 200 says that a machine was reserved. Wait for a resting state, then answer.",
                (f"fly machine wait NEW_ID -a {facts.subject.app} --state settled",),
            ),
            Claim(f"The caller claimed success while the status was `{facts.caller.status}`.", ("E19",)),
        )


def _service_checks(config: Mapping[str, Any]) -> bool:
    services = config.get("services")
    rows = services if isinstance(services, Sequence) and not isinstance(services, str) else ()
    return any(isinstance(s, Mapping) and s.get("checks") for s in rows)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
