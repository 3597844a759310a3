"""The platform's own trouble elsewhere never outweighs a program that provably ran and exited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.model import Status
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Caller, Evidence, Outcome, PlatformIncident, StatusFeed
from runbooks.simulator.scenario import load_scenario, scenario_names
from tools.generate_docs import without

EXITS = (
    "startup-crash",
    "missing-environment",
    "bad-command",
    "out-of-memory",
    "image-wrong-architecture",
    "exited-normally",
    "restart-limit-reached",
)
NAMES = [name for name in scenario_names() if load_scenario(name).expect["cause"] in EXITS]
SAID: Mapping[str, str] = {
    "no room for another machine": (
        "worker-12 create failed: Fly API error (412): "
        '{"error":"aborted: could not reserve resource for machine: insufficient memory available"}'
    ),
    "no room in a region": 'worker-13 create failed: Fly API error (422): {"error":"could not find a candidate host"}',
    "maintenance of another machine's host": (
        "failed to update VM 1781944f430d89: unavailable: deploys to this host are temporarily disabled"
    ),
    "another machine's lease": (
        "failed to acquire lease on VM 1781944f430d89: "
        "machine ID 1781944f430d89 lease currently held by 7c1f@tokens.fly.io"
    ),
    "a gateway": "worker-14 list failed: Fly API error (503): upstream connect error or disconnect/reset",
    "another host": "worker-15 start failed: host for machine 1781944f430d89 is unreachable",
}
REPORTED = ("Machines API errors", "Host issues in NRT", "Elevated error rates in all regions", "Machines: host outage")


def with_words(evidence: Evidence, words: str) -> Evidence:
    """The same evidence; the caller's log ends with these words."""
    asked = evidence.observations[Facet.CALLER.value]
    text = asked.answer.text if isinstance(asked.answer, Caller) else ""
    noisy = replace(asked, outcome=Outcome.SEEN, reason="pasted", answer=read_caller(f"{text}\n{words}\n"))
    return replace(evidence, observations={**evidence.observations, Facet.CALLER.value: noisy})


def with_report(evidence: Evidence, name: str) -> Evidence:
    """The same evidence; Fly's status page reports an incident that is still open."""
    asked = evidence.observations[Facet.STATUS.value]
    feed = StatusFeed((PlatformIncident(name, "monitoring", evidence.looked_at - timedelta(days=3), None, (name,)),))
    seen = replace(asked, outcome=Outcome.SEEN, reason="reported", answer=feed)
    return replace(evidence, observations={**evidence.observations, Facet.STATUS.value: seen})


@pytest.mark.parametrize("name", NAMES)
def test_noise_changes_no_cause(name: str) -> None:
    quiet = play(name)
    cause = load_scenario(name).expect["cause"]
    for words in SAID.values():
        for reported in (None, *REPORTED):
            noisy = with_words(quiet, words)
            found = diagnose(with_report(noisy, reported) if reported else noisy)
            assert found.cause is not None, (words, reported, found.headline)
            assert found.cause.slug == cause, (words, reported, found.headline)


@pytest.mark.parametrize("kind", ["maintenance of another machine's host", "another machine's lease"])
@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_about_another_machine_confirms_nothing(name: str, kind: str) -> None:
    """Not even where the end of the program was not seen."""
    noisy = with_words(play(name), SAID[kind])
    blind = without(noisy, *(facet for facet in noisy.observations if facet != Facet.CALLER.value))
    for evidence in (noisy, blind, without(noisy, Facet.LOGS.value, Facet.LIST_DELETED.value)):
        found = {h.slug: h for h in diagnose(evidence).hypotheses}
        for slug in ("host-unreachable", "lease-held"):
            assert slug not in found or found[slug].status in (Status.OPEN, Status.REFUTED), slug
