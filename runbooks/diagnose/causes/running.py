"""Family running: what ends a program that runs, or what its checks say of it (§4, §8.2, §11 rows 6-10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.log_classifier import short
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.preconditions import UP
from runbooks.diagnose.shared_evidence import (
    AFTERMATH,
    crash,
    crash_evidence,
    exited_before_it_ran,
    refused,
)

_FULL = 0.9
"""The part of the memory in use that is worth mentioning."""


@cause(
    "out-of-memory",
    "The program ran out of memory",
    stage=Stage.START,
    is_a="startup-crash",
    explains=("startup-crash", *AFTERMATH),
    remedy=Remedy(
        "Increase the machine's memory, or limit the program's heap",
        "The default guest has 256 MB. The kernel kills a program that needs more.",
        ("fly machine update {live_id} -a {app} --vm-memory {memory}",),
    ),
    prevention=Remedy(
        "Set guest in the create call",
        "Without `guest` a machine gets shared-cpu-1x with 256 MB.",
    ),
    next_test="Look for oom_killed in the exit event, or repeat with twice the memory.",
    distinguish_from={
        "startup-crash": "The exit event says oom_killed: false, and no log line reports a lack of memory."
    },
    sources=("machines/guides-examples/machine-restart-policy", "getting-started/troubleshooting"),
)
def out_of_memory(facts: Facts) -> Iterator[Point | Conclusion]:
    """`oom_killed: true`, the kernel's log line, or a heap limit; exit code 137 alone is weak evidence."""
    killed = [at for _, x, at in facts.events.exits if x.oom_killed]
    measured = facts.metrics.killed_at
    lines = facts.log.matches("out-of-memory")
    if measured:
        yield confirms(
            f"The metrics show that the kernel killed the program for lack of memory by {measured:%Y-%m-%d %H:%M} UTC.",
            Facet.METRICS,
        )
        killed += [Facet.METRICS.value]
    if full := facts.metrics.full(_FULL):
        at, used, total = full
        yield supports(
            f"At {at:%Y-%m-%d %H:%M} UTC it used {used / total:.0%} of {total / 2**20:.0f} MB.",
            Facet.METRICS,
            weight=Weight.WEAK,
        )
    if told := [at for at in killed if at != Facet.METRICS]:
        yield confirms("The exit event says oom_killed.", *told)
    if lines:
        yield confirms(f"The log says: “{short(lines[-1].line.message, 160)}”.", *facts.log.where("out-of-memory"))
    if not killed and any(code == 137 for code, _ in facts.events.crash_codes):
        yield supports(
            "Exit code 137 means SIGKILL, which the kernel sends when memory runs out.", *crash_evidence(facts)
        )
        if facts.events.exits and not lines:
            yield contradicts("The exit events do not say oom_killed.", *facts.events.evidence)
    codes = {code for code, _ in facts.events.crash_codes}
    if 134 in codes and not killed and not lines:
        # A runtime that reaches its heap limit aborts by itself, and the kernel flags nothing (§14.13).
        yield supports(
            "Exit code 134 is SIGABRT, with which V8 ends at its heap limit.",
            *crash_evidence(facts),
            weight=Weight.WEAK,
        )
        yield missing("The last output, which would say so, is not available.", Facet.LOGS)
    if facts.events.exits and not killed and not lines and not codes & {134, 137}:
        yield refutes(
            "No exit event says oom_killed, and no log line reports a lack of memory.", *facts.events.evidence
        )
    guest = facts.machine.config.get("guest") if facts.machine.config else None
    memory = guest.get("memory_mb") if isinstance(guest, Mapping) else None
    known = f"{memory} MB" if memory else "the default of 256 MB" if facts.machine.config else ""
    if known and (killed or lines):
        yield supports(f"The machine has {known} of memory.", *facts.machine.config_evidence, weight=Weight.WEAK)
    size = f" ({known})" if known else ""
    yield concludes(
        f"The program needed more memory than the machine has{size} and was killed.",
        f"its program needed more memory than the machine has{size}",
    )


@cause(
    "restart-limit-reached",
    "The program crashed until the restart limit was reached",
    stage=Stage.LIFE,
    mechanism=True,
    explains=("auto-destroyed", "record-never-updated", "no-machine-behind-app", "autostart-disabled"),
    remedy=Remedy(
        "Create one machine with auto_destroy off and read its log at once",
        "The crash loop is confirmed. The reason for the exits is not known, because no output of the program is left.",
        (
            "fly machine run {image} -a {app} -r {region} --restart no {guest} {variables}",
            "timeout 30 fly logs -a {app} --machine TEST_ID --no-tail",
        ),
    ),
    next_test="Create one machine with the same config and auto_destroy false, and read its log.",
    distinguish_from={"startup-crash": "The program's last output is available."},
    sources=("machines/guides-examples/machine-restart-policy", "monitoring/error-codes"),
)
def restart_limit_reached(facts: Facts) -> Iterator[Point | Conclusion]:
    """Mechanism: the restart limit is reached and the reason for the exits is not visible."""
    if not facts.events.loop_ended or facts.log.last_output or any(x.oom_killed for _, x, _ in facts.events.exits):
        return
    limit = facts.log.matches("restarts-used-up")
    lines_evidence = facts.log.where("restarts-used-up")
    argue = confirms if facts.looked(Facet.LOGS) else supports
    if limit and set(lines_evidence) & set(facts.events.loop_ended):
        yield confirms(f"The log says: “{limit[-1].line.message}”.", *lines_evidence)
    if others := [at for at in facts.events.loop_ended if at not in lines_evidence]:
        yield argue(f"The program exited with {crash(facts)}, and it was not restarted after the last exit.", *others)
    if not facts.log.evidence:
        yield missing("No output of the program is available.", Facet.LOGS)
    yield from exited_before_it_ran(facts)
    yield concludes(f"The program crashed until the restart limit was reached ({crash(facts) or 'exit code unknown'}).")


@cause(
    "health-check-failing",
    "A health check fails, so the machine gets no traffic",
    stage=Stage.REACH,
    explains=("record-never-updated", "destroyed-by-deploy", "no-machine-behind-app"),
    needs=UP,
    remedy=Remedy(
        "Fix the program so that the health check passes, or correct the check",
        "The machine is running. The proxy sends it no traffic while its check is critical, and a deploy replaces it.",
        (
            "fly checks list -a {app}",
            "fly machine status {live_id} -a {app}",
            "timeout 30 fly logs -a {app} --machine {live_id} --no-tail",
        ),
    ),
    prevention=Remedy(
        "Set a grace period that covers the program's start",
        "A check that runs before the program listens counts as a failure.",
    ),
    next_test="Read the check's own output: `fly checks list -a {app}`.",
    distinguish_from={
        "not-listening": "The proxy's log says PC01: nothing listens on the port.",
        "startup-crash": "The program exits; a failing check does not stop it.",
    },
    sources=("reference/health-checks", "monitoring/error-codes"),
)
def health_check_failing(facts: Facts) -> Iterator[Point | Conclusion]:
    """Started, and a check is critical: it gets no traffic, or a deploy replaces it."""
    for name, output, at in facts.machine.critical_checks:
        told = f": “{short(output, 120)}”" if output else ""
        argue = confirms if facts.events.state == "started" else supports
        yield argue(f"The check {name} is critical{told}.", at)
    failed, passed = facts.log.matches("health-failed"), facts.log.matches("health-passed")
    flapping = next(iter(facts.log.flapping.items()), None) if failed else None
    if flapping:
        yield supports(
            f"The health check {flapping[0] or 'in the log'} {flapping[1].rate}.", *facts.log.where("health-failed")
        )
    elif failed:
        text = f"The log says: “{short(failed[-1].line.message, 160)}”."
        over = passed and failed[-1].line.at and passed[-1].line.at and passed[-1].line.at > failed[-1].line.at
        if over:
            yield supports(text, *facts.log.where("health-failed"), weight=Weight.WEAK)
            yield contradicts("It passed later.", *facts.log.where("health-passed"))
        else:
            yield supports(text, *facts.log.where("health-failed"))
    if facts.machine.passing_evidence and not failed:
        yield refutes("Every check that the machine lists passes.", facts.machine.passing_evidence)
    if no := refused(facts, "health-timeout"):
        yield supports(f"The deploy timed out: “{short(no.text, 160)}”.", no.evidence)
    if facts.events.crash_codes:
        yield contradicts(f"The program exited with {crash(facts)}.", *crash_evidence(facts))
    probe = facts.observations.probe(Facet.EDGE_APP)
    if probe and probe.reached == "open":
        yield contradicts(f"The machine answers at {facts.app_host}.", Facet.EDGE_APP)
    if flapping:
        name, rate = flapping[0] and f" {flapping[0]}", flapping[1].rate
        yield concludes(
            f"The machine's health check{name} is intermittent: it {rate}. It gets no traffic while it fails.",
            f"its health check{name} is intermittent: it {rate}",
        )
        return
    name = facts.machine.critical_checks[0][0] if facts.machine.critical_checks else failed[-1].thing if failed else ""
    yield concludes(
        f"The machine is running, but its health check {name or 'of the deploy'} fails, so it gets no traffic.",
        f"its health check {name or 'of the deploy'} fails, so it gets no traffic",
    )
