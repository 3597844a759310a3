"""What fails, works and fails again is told with its rate and its period, and is not healthy."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.intermittent import intermittent
from runbooks.diagnose.facts.load_tests import load_test
from runbooks.diagnose.model import Diagnosis, Status, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Evidence, LogLine, Logs, Observation, Outcome
from tests.diagnose.test_facts import NOW

FAILS, PASSES = "Health check 'up' on port 8080 has failed.", "Health check 'up' on port 8080 is now passing."


def trials(pattern: str, step: float = 2) -> list[tuple[object, bool]]:
    """One trial for each letter, `x` a failure, `step` seconds apart."""
    return [(NOW + timedelta(seconds=n * step), letter == ".") for n, letter in enumerate(pattern)]


@cache
def healthy() -> Evidence:
    return play("healthy")


def judged(lines: list[str], provider: str = "app", step: float = 1) -> Diagnosis:
    """The diagnosis of a healthy machine that logged these lines in the end, `step` seconds apart."""
    evidence = healthy()
    logs = evidence.observations[Facet.LOGS]
    assert isinstance(logs.answer, Logs)
    begun = max(line.at for line in logs.answer.lines if line.at) + timedelta(seconds=1)
    added = tuple(
        LogLine(begun + timedelta(seconds=n * step), text, provider, "info", evidence.subject.machine_id)
        for n, text in enumerate(lines)
    )
    changed = replace(logs, answer=replace(logs.answer, lines=(*logs.answer.lines, *added)))
    return diagnose(replace(evidence, observations={**evidence.observations, Facet.LOGS.value: changed}))


def pasted(text: str) -> Diagnosis:
    """The diagnosis of a healthy machine beside this text."""
    evidence = healthy()
    paste = Observation(Facet.CALLER, Outcome.SEEN, "pasted", evidence.looked_at, read_caller(text))
    return diagnose(replace(evidence, observations={**evidence.observations, Facet.CALLER.value: paste}))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("x.x.x.x.x.", "failed 5 of 10 times, about every 4 seconds"),
        ("xx..xx..xx", "failed 6 of 10 times, about every 8 seconds"),
        ("..x.x", "failed 2 of 5 times, about every 4 seconds"),
    ],
)
def test_rate_and_period(pattern: str, told: str) -> None:
    found = intermittent(trials(pattern))  # type: ignore[arg-type]
    assert found
    assert found.rate == told


@pytest.mark.parametrize("pattern", ["", ".....", "xxxxx", "x.....", "....xx", "x.x" + "." * 20])
def test_one_stretch_and_what_is_over_are_not_intermittent(pattern: str) -> None:
    assert intermittent(trials(pattern)) is None  # type: ignore[arg-type]


def test_trials_without_times_have_a_rate_and_no_period() -> None:
    found = intermittent([(None, worked) for _, worked in trials("x.x.")])
    assert found
    assert found.rate == "failed 2 of 4 times"


def test_every_second_request_that_fails_is_not_healthy() -> None:
    found = judged([f'10.0.0.1 - "GET /api/items/{n} HTTP/1.1" {502 if n % 2 else 200}' for n in range(10)])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "failed 5 of 10 times, about every 2 seconds" in found.headline


@pytest.mark.parametrize(
    "form",
    [
        '{{"level":30,"req":{{"method":"GET","url":"/api"}},"res":{{"statusCode":{0}}},"responseTime":12}}',
        '{{"logger":"http.log.access","request":{{"method":"GET","uri":"/api"}},"duration":0.01,"status":{0}}}',
        "time=2025-10-02T11:00:00Z level=INFO msg=request method=GET path=/x status={0}",
        "Completed {0} in 12ms (Views: 0.3ms)",
        "Sent {0} in 12ms",
        '[GIN] 2025/10/02 - 11:00:01 | {0} |  13.2ms | 172.16.0.1 | GET "/api"',
        "GET https://one.example.org/api {0} 12.3 ms - 17",
    ],
)
def test_the_forms_in_which_programs_report_an_answer(form: str) -> None:
    found = judged([form.format(502 if n % 2 else 200) for n in range(6)])
    assert "failed 3 of 6 times" in found.headline


def test_a_port_that_is_refused_again_and_again_is_no_slow_start() -> None:
    refused = "[PC01] instance refused connection. is your app listening on 0.0.0.0:8080?"
    found = judged([refused if n % 2 else "GET /api 200 12 ms" for n in range(8)], "proxy")
    assert found.cause is None
    assert "failed 4 of 8 times, about every 2 seconds" in found.headline


@pytest.mark.parametrize(
    "form",
    [
        "GET https://vyx-app.fly.dev/healthz/500 -> {0}",
        "vyx-app.fly.dev is {1}",
        "ws: {2}",
    ],
)
def test_visits_that_the_caller_reports(form: str) -> None:
    told = ((200, "UP", "connected"), (503, "DOWN", "connection failed"))
    text = "\n".join(f"2025-10-02T11:{10 + n}:00Z {form.format(*told[n % 2])}" for n in range(6))
    evidence = healthy()
    paste = Observation(Facet.CALLER, Outcome.SEEN, "pasted", evidence.looked_at, read_caller(text))
    found = diagnose(replace(evidence, observations={**evidence.observations, Facet.CALLER.value: paste}))
    assert "Visits to the endpoint failed 3 of 6 times, about every 2 minutes" in found.headline


def test_requests_that_are_answered_are_healthy() -> None:
    found = judged([f"GET /api/items/{500 + n} {404 if n % 2 else 200} in 512 ms" for n in range(10)])
    assert found.verdict is Verdict.HEALTHY


def test_a_check_that_flaps_is_told_with_its_rate() -> None:
    found = judged([FAILS, PASSES] * 3, "health", 10)
    (hypothesis,) = (h for h in found.hypotheses if h.slug == "health-check-failing")
    assert any("failed 3 of 6 times, about every 20 seconds" in claim.text for claim in hypothesis.supports)
    assert hypothesis.status is not Status.REFUTED
    assert found.verdict is not Verdict.HEALTHY


def test_a_check_that_has_passed_for_long_is_over() -> None:
    lines = [FAILS, PASSES, FAILS, PASSES, *["GET / 200"] * 3, *[PASSES] * 30]
    assert not any("failed 2 of" in claim.text for h in judged(lines, "health", 10).hypotheses for claim in h.supports)


LOOP = "$ while sleep 2; do curl -so /dev/null -w '%{http_code} ' https://vyx-app.fly.dev/; done"


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("200 200 502 200", "failed 1 of 4 times"),
        ("200\n000\n200\n000\n200", "failed 2 of 5 times"),
        ("1: 200\n2: 502\n3: 200\n4: 502", "failed 2 of 4 times"),
        ("10:00:01 200\n10:00:03 503\n10:00:05 200\n10:00:07 503", "failed 2 of 4 times"),
        ("<Response [200]>\n<Response [502]>\n<Response [200]>", "failed 1 of 3 times"),
        ("  [200]\t180 responses\n  [502]\t20 responses", "failed 20 of 200 times"),
        ("502 502 502", "failed 3 of 3 times"),
        ("curl: (52) Empty reply from server", "failed 1 of 1 times"),
        ("502 200 200 200", ""),
        ("200 404 301 200", ""),
    ],
)
def test_a_loop_that_prints_bare_statuses(printed: str, told: str) -> None:
    evidence = healthy()
    for text in (f"{LOOP}\n{printed}", f"{LOOP.replace('vyx-app.fly.dev', 'api.example.org')}\n{printed}"):
        paste = Observation(Facet.CALLER, Outcome.SEEN, "pasted", evidence.looked_at, read_caller(text))
        found = diagnose(replace(evidence, observations={**evidence.observations, Facet.CALLER.value: paste}))
        if told and "example.org" not in text:
            assert f"Visits to the endpoint {told}" in found.headline
        else:
            assert found.verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    "text",
    [
        "GET https://vyx-app.fly.dev/api net::ERR_CONNECTION_TIMED_OUT",
        "Error: Request failed with status code 502 https://vyx-app.fly.dev/api",
        "TypeError: fetch failed\n  cause: Error: getaddrinfo ENOTFOUND vyx-app.fly.dev",
        "HTTPSConnectionPool(host='vyx-app.fly.dev', port=443): Max retries exceeded (NewConnectionError: refused)",
        "TimeoutError: [Errno 110] Connection timed out\nurl=https://vyx-app.fly.dev/x",
        "dial tcp 66.241.125.1:443: i/o timeout (https://vyx-app.fly.dev/)",
        "Sometimes vyx-app.fly.dev gives a 502.",
        "Requests to https://vyx-app.fly.dev/\nComplete requests:      100\nNon-2xx responses:      12",
    ],
)
def test_a_client_that_could_not_visit_is_not_told_that_all_is_healthy(text: str) -> None:
    evidence = healthy()
    paste = Observation(Facet.CALLER, Outcome.SEEN, "pasted", evidence.looked_at, read_caller(text))
    found = diagnose(replace(evidence, observations={**evidence.observations, Facet.CALLER.value: paste}))
    assert found.verdict is not Verdict.HEALTHY


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        ("     http_req_failed................: 12.50% ✓ 125      ✗ 875", "failed 125 of 1000 times"),
        ("    http_req_failed................: 12.50% 125 out of 1000", "failed 125 of 1000 times"),
        ("    http_req_failed....: 12.5 %", "failed 1 of 8 times"),
        ("    http_req_failed....: 0.04%", "failed 1 of 2500 times"),
        (
            "     checks.........................: 87.50% ✓ 7      ✗ 1\n     http_req_failed....: 0.00%",
            "failed 1 of 8 times",
        ),
        ("    checks_failed......................: 25.00% 5 out of 20", "failed 5 of 20 times"),
        ("Success       [ratio]   87.50%\nStatus Codes  [code:count]   0:1  200:6  502:1", "failed 2 of 8 times"),
        ("875 2xx responses, 125 non 2xx responses", "failed 125 of 1000 times"),
        (
            "75 2xx responses, 0 non 2xx responses\n100 requests in 5s, 9 kB read\n25 errors (25 timeouts)",
            "25 of 100 times",
        ),
        ("1k requests in 10.03s, 1 MB read\n50 errors (50 timeouts)", "failed 50 of 1000 times"),
        ("    1xx - 0, 2xx - 875, 3xx - 0, 4xx - 0, 5xx - 125", "failed 125 of 1000 times"),
        ("    1xx - 0, 2xx - 740, 3xx - 5, 4xx - 5, 5xx - 0\n    others - 250", "failed 250 of 1000 times"),
        ("Successful transactions:         875\nFailed transactions:             125", "failed 125 of 1000 times"),
        ("http.codes.200: ...................... 875\nhttp.codes.502: .......... 125", "failed 125 of 1000 times"),
        ("         Aggregated            1000   125(12.50%) |     41      12     200", "failed 125 of 1000 times"),
    ],
)
def test_a_load_test_with_failures_is_not_healthy(summary: str, told: str) -> None:
    assert pasted(summary).verdict is not Verdict.HEALTHY
    assert told in pasted(summary).headline


def test_a_load_test_without_failures_is_healthy() -> None:
    for summary in (
        "    http_req_failed....: 0.00% 0 out of 400",
        "  checks.....: 100.00% ✓ 40  ✗ 0",
        "40 2xx responses, 0 non 2xx responses",
        "0 2xx responses, 40 non 2xx responses",
        "    1xx - 0, 2xx - 30, 3xx - 5, 4xx - 5, 5xx - 0\n    others - 0",
    ):
        assert pasted(summary).verdict is Verdict.HEALTHY


@pytest.mark.parametrize("filler", ["\n", " \n", "http_req_failed ", "Aggregated\n", "1k requests in "])
def test_a_long_text_is_read_in_a_time_that_grows_with_it(filler: str) -> None:
    begun = time.process_time()
    load_test(filler * 50_000 + "Aggregated")
    assert time.process_time() - begun < 5


def test_a_load_test_of_another_address_says_nothing() -> None:
    text = "     script: https://elsewhere.example.com/load.js\n    http_req_failed....: 12.50% 125 out of 1000"
    assert pasted(text).verdict is Verdict.HEALTHY
