"""Every series that is asked for is used: moments of the timeline, the concurrency limit, what the edge answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import MetricsFacts
from runbooks.diagnose.facts.metrics import EdgeAnswers
from runbooks.diagnose.model import Diagnosis, Status, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.metrics import Metrics, Series
from runbooks.evidence.models import Evidence, Logs, Observation, Outcome
from tests.diagnose.test_facts import NOW, observed, series

MINUTE = timedelta(minutes=1)


def edge(status: str, *counts: float, end: object = NOW) -> Series:
    told = tuple((end - (len(counts) - 1 - n) * MINUTE, count) for n, count in enumerate(counts))  # type: ignore[operator]
    return Series("fly_edge_http_responses_count", {"status": status}, told)


def own(evidence: Evidence, name: str, *values: float) -> Series:
    """A series of the subject, the last sample three minutes before the check."""
    last = evidence.looked_at - 3 * MINUTE
    told = tuple((last - (len(values) - 1 - n) * MINUTE, value) for n, value in enumerate(values))
    return Series(name, {"instance": evidence.subject.machine_id}, told)


def judged(evidence: Evidence, *series: Series, **answers: object) -> Diagnosis:
    now = evidence.looked_at
    found: dict[str, object] = {"METRICS": Metrics(series, now - timedelta(hours=1), now, MINUTE), **answers}
    made = {Facet[n].value: Observation(Facet[n], Outcome.SEEN, "seen", now, told) for n, told in found.items()}
    return diagnose(replace(evidence, observations={**evidence.observations, **made}))


SIZES = st.lists(st.sampled_from((-1.0, 0.0, 1.0, 13.0, 100.0, 255.0, 256.0, 512.0)), max_size=6)


@given(SIZES, SIZES, st.sampled_from((0.5, 0.9, 0.95, 1.0)))
def test_memory_is_full_where_a_moment_is(total: list[float], free: list[float], part: float) -> None:
    found = (series("fly_instance_memory_mem_total", *total), series("fly_instance_memory_mem_available", *free))
    facts = MetricsFacts(observed(METRICS=Metrics(found, NOW - timedelta(hours=1), NOW, MINUTE)))
    full = [one for one in facts.memory if one[1] / one[2] >= part]
    assert facts.full(part) == max(reversed(full), key=lambda one: one[1] / one[2], default=None)


def test_answers_of_the_edge_are_counted_and_a_counter_may_begin_anew() -> None:
    found = (edge("200", 10, 30, 5), edge("502", 0, 3, 3), edge("503", 1, 1))
    facts = MetricsFacts(observed(METRICS=Metrics(found, NOW - timedelta(hours=1), NOW, MINUTE)))
    assert facts.edge == EdgeAnswers(3, 28, NOW - MINUTE)
    assert facts.edge_fails
    later = Metrics(found, NOW - timedelta(hours=1), NOW, timedelta(seconds=20))
    assert not MetricsFacts(observed(METRICS=later)).edge_fails


def test_what_the_edge_refuses_now_is_not_healthy() -> None:
    evidence = play("healthy")
    assert judged(evidence, edge("200", 1, 9, end=evidence.looked_at)).verdict is Verdict.HEALTHY
    found = judged(evidence, edge("200", 1, 9, end=evidence.looked_at), edge("502", 1, 5, end=evidence.looked_at))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "The edge answered 4 of 12 requests to the app with 5xx" in found.headline


def test_the_measured_concurrency_makes_the_limit_likely_where_no_line_is_left() -> None:
    evidence = play("concurrency-limit")
    busy, refused = own(evidence, "fly_app_concurrency", 3, 25, 24), edge("503", 0, 7, end=evidence.looked_at)
    nothing = {"LOGS": Logs(()), "LOGS_PROXY": Logs(())}

    def status(*series: Series) -> Status | None:
        found = judged(evidence, *series, **nothing).hypotheses
        return next((h.status for h in found if h.slug == "concurrency-limit"), None)

    assert status(busy, refused) is Status.LIKELY
    assert status(busy) is Status.OPEN
    assert status(own(evidence, "fly_app_concurrency", 3, 24), refused) is None


def test_the_timeline_shows_what_was_measured_where_no_event_does() -> None:
    evidence = play("gone-eight-days")
    moments = [m for m in diagnose(evidence).timeline if m.source == "metrics"]
    assert next(m.text for m in moments) == "first measured as running"
    assert any(m.text == "last measured as running" for m in moments)
    assert any("exit code" in m.text for m in moments)
    assert {m.evidence for m in moments} == {Facet.METRICS}
    assert not [m for m in diagnose(play("healthy")).timeline if m.source == "metrics"]
