"""What has to hold when the incident is over, as commands: the same checks that `verify_fix` makes."""

from __future__ import annotations

from collections.abc import Mapping

from runbooks.base.facets import Facet
from runbooks.diagnose.catalogue import Stage
from runbooks.diagnose.commands import UPGRADE, filled
from runbooks.diagnose.config_audit import ends_by_itself
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.ledger import Ledger
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.preconditions import NEW

AT_ONCE = f"runbooks run verify_fix -p incident RUN -p machine_id {NEW}"
"""Makes the same checks; RUN is the folder of the incident's run."""
_DECIDES = {Stage.START: "runs", Stage.LIFE: "runs", Stage.REACH: "endpoint", Stage.TOLD: "row"}
"""Phase of the cause → the check that tells first whether it is gone; of the other phases it is the list."""
_OF_FAMILY = {"image": "image", "caller": "row"}


_JOB = Remedy(
    "The job starts, ends with exit code 0, and its output is there",
    "Look for what it should have written, sent or stored. Its events show the exit code, its log the last lines; a "
    "machine with auto_destroy is removed afterwards, so look soon.",
    ("fly machine status {live_id} -a {app}", "timeout 30 fly logs -a {app} --machine {live_id} --no-tail"),
)
_EITHER = "The machine stays up, or its job ends with exit code 0"
_JOB_OR_NOT = (
    "Check again after a minute: a program that exits at once is restarted within seconds, unless its policy is "
    "no. If it is a job that is meant to end: its events show exit code 0, and what it should have written, sent or "
    "stored is there."
)


def verification(facts: Facts, ledger: Ledger) -> tuple[Remedy, ...]:
    """The checks that verify the fix, as commands that exist today; the one that the cause made fail comes first."""
    checks = {
        "listed": Remedy("The machine is listed", "The list has the new id.", ("fly machine list -a {app}",)),
        "runs": Remedy(
            "The machine stays up",
            "Check again after a minute: a program that exits at once is restarted within seconds, unless the restart "
            "policy is no.",
            ("fly machine wait {live_id} -a {app} --state started", "fly machine status {live_id} -a {app}"),
        ),
    }
    job = is_a_job(facts)
    if job is not False:
        checks["runs"] = _JOB if job else checks["runs"]._replace(title=_EITHER, why=_JOB_OR_NOT)
    if facts.caller.believed_url or facts.machine.services:
        checks["endpoint"] = Remedy(
            "The endpoint answers for this machine",
            "HTTP 101 means that the WebSocket opens; the connection then stays open until the time is up.",
            (UPGRADE,),
        )
    if facts.caller.record or facts.failed(Facet.RECORD):
        checks["row"] = Remedy(
            "The row is updated",
            "Without anybody's help, it shows the machine's id and the state that Fly reports. For that your caller "
            "has to write what it observes; see Prevention.",
        )
    checks["image"] = Remedy(
        "The image exists",
        "The registry has the manifest.",
        ("fly auth docker", "docker manifest inspect {image}"),
    )
    cause = ledger.top.info if ledger.top else None
    first = _OF_FAMILY.get(cause.family) or _DECIDES.get(cause.stage) if cause else ""
    names = {**facts.names, "live_id": NEW}
    return tuple(filled(checks[slug], names) for slug in sorted(checks, key=lambda slug: slug != first))


def is_a_job(facts: Facts) -> bool | None:
    """Is the machine meant to end by itself? None: its config does not tell (§4)."""
    config, restart = facts.machine.config, (facts.machine.config or {}).get("restart")
    policy = restart.get("policy") if isinstance(restart, Mapping) else None
    if facts.caller.believed_url or facts.machine.services or policy == "always":
        return False
    return None if config is None or facts.machine.services is None else ends_by_itself(config) or None
