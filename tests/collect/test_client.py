"""The client is polite, sends each host what it wants and nobody the token who is not Fly, and records everything."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.conftest import AT, MACAROON, FakeClock, answer, bench, no_answer
from runbooks.collect import status
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.client import MAX_REQUESTS
from runbooks.collect.rate_budget import RateBudget
from runbooks.collect.transport import MAX_BODY, RawAnswer

MACHINE = "https://api.machines.dev/v1/apps/vyx-app/machines/91850296bd4738"
LIST = "https://api.machines.dev/v1/apps/vyx-app/machines"
LOGS = "https://api.fly.io/api/v1/apps/vyx-app/logs?instance=91850296bd4738"
MANIFEST = "https://registry.fly.io/v2/vyx-app/manifests/latest"
FOREIGN = "https://ghcr.io/v2/a/b/manifests/latest"
PLAIN = MACAROON.removeprefix("FlyV1 ")
BASIC = "Basic " + base64.b64encode(f"x:{PLAIN}".encode()).decode()


# Authentication.


@pytest.mark.parametrize(
    ("url", "token", "scheme"),
    [
        (MACHINE, MACAROON, f"FlyV1 {PLAIN}"),
        (LOGS, MACAROON, f"FlyV1 {PLAIN}"),
        (MACHINE, f"Bearer FlyV1 {PLAIN}", f"FlyV1 {PLAIN}"),
        (MACHINE, "fm2_b25l, fm2_dHdv", "FlyV1 fm2_b25l,fm2_dHdv"),
        (MACHINE, "fo1_b2F1dGg,fm2_dHdv", "FlyV1 fo1_b2F1dGg,fm2_dHdv"),
        (MACHINE, "fo1_b2F1dGg", "Bearer fo1_b2F1dGg"),
        (LOGS, "Bearer fo1_b2F1dGg", "Bearer fo1_b2F1dGg"),
        (MACHINE, "opaque", "Bearer opaque"),
        (MANIFEST, MACAROON, BASIC),
        (FOREIGN, MACAROON, None),
        (MACHINE, "", None),
    ],
)
def test_each_host_gets_the_scheme_it_wants(url: str, token: str, scheme: str | None) -> None:
    stand = bench([answer({})], token=token)
    stand.client.get(url, "any", "any")
    ((_, _, headers),) = stand.transport.sent
    assert headers.get("Authorization") == scheme
    assert headers["User-Agent"].startswith("fly-runbooks/")


def test_the_status_feed_gets_no_token() -> None:
    stand = bench([answer({"incidents": []})])
    stand.client.allowed_urls = frozenset({status.LOGICAL})
    stand.client.get(status.LOGICAL, "any", "any")
    assert "Authorization" not in stand.transport.sent[0][2]


def test_a_redirect_on_fly_s_own_host_gets_a_token_only_where_the_list_says_so() -> None:
    stand = bench([answer({})])
    elsewhere = "https://registry.fly.io/storage/blob"
    stand.client.allowed_urls = frozenset({elsewhere, "http://registry.fly.io/v2/vyx-app/blobs/sha256:0"})
    for url in stand.client.allowed_urls:
        stand.client.get(url, "any", "any")
    assert all("Authorization" not in headers for *_, headers in stand.transport.sent)


@pytest.mark.parametrize("token", ["fm2_abc\nfm2_def", "“fm2_abc”", "two words", "tab\tbed"])
def test_a_token_that_no_header_can_carry_is_said_and_not_shown(token: str) -> None:
    stand = bench([answer({})], token=token)
    with pytest.raises(CouldNotAsk, match="FLY_API_TOKEN") as caught:
        stand.client.get(MACHINE, "any", "any")
    assert token not in str(caught.value)
    assert stand.transport.sent == []


# What may be sent.


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", LIST),
        ("DELETE", MACHINE),
        ("PUT", MACHINE),
        ("HEAD", MACHINE),
        ("POST", MANIFEST),
        ("HEAD", "https://registry.fly.io/v2/vyx-app/blobs/sha256:0"),
        ("GET", f"{MACHINE}/exec"),
        ("GET", f"{MACHINE}/lease"),
        ("GET", "https://api.machines.dev/v1/apps"),
        ("GET", "https://api.machines.dev/v1/apps/../orgs/x/machines"),
        ("GET", "https://api.machines.dev/v1/apps/vyx-app/machines/.."),
        ("GET", "https://api.machines.dev.evil.example/v1/apps/vyx-app"),
        ("GET", "http://api.machines.dev/v1/apps/vyx-app"),
        ("GET", "https://api.machines.dev:8443/v1/apps/vyx-app"),
        ("GET", "https://user@api.machines.dev/v1/apps/vyx-app"),
        ("GET", "https://api.fly.io/v1/apps/vyx-app"),
        ("GET", "https://api.fly.io/graphql"),
        ("GET", "https://registry.fly.io/v2/../../x/manifests/latest"),
        ("GET", "https://registry.fly.io/v2/x y/manifests/latest"),
        ("GET", "https://registry.fly.io/v2/"),
        ("GET", status.LOGICAL),
        ("GET", "https://example.com/"),
    ],
)
def test_nothing_that_is_not_on_the_list_leaves(method: str, url: str) -> None:
    stand = bench([answer({})])
    with pytest.raises(AssertionError, match="not on the list"):
        stand.client.get(url, "any", "any", method=method)
    assert stand.transport.sent == []
    assert stand.client.take("E04") == ()


@pytest.mark.parametrize("url", [MACHINE, f"{MACHINE}/events?limit=50", LIST, LOGS, MANIFEST, FOREIGN])
def test_what_is_on_the_list_leaves(url: str) -> None:
    stand = bench([answer({})])
    assert stand.client.get(url, "any", "any").ok
    assert stand.transport.urls == [url]


# Politeness.


def test_the_rate_is_one_a_second_after_three_at_once() -> None:
    clock = FakeClock()
    budget = RateBudget(clock, clock.sleep)
    times = []
    for _ in range(8):
        budget.wait("list machines", "vyx-app")
        times.append(clock.now - 1000)
    assert times == [0, 0, 0, 1, 2, 3, 4, 5]


def test_get_machine_has_five_a_second_after_ten_at_once() -> None:
    clock = FakeClock()
    budget = RateBudget(clock, clock.sleep)
    times = []
    for _ in range(15):
        budget.wait("get machine", "91850296bd4738")
        times.append(round(clock.now - 1000, 3))
    assert times == [0] * 10 + [0.2, 0.4, 0.6, 0.8, 1.0]


def test_different_actions_and_identifiers_do_not_wait_for_each_other() -> None:
    clock = FakeClock()
    budget = RateBudget(clock, clock.sleep)
    for action in ("list machines", "get app"):
        for identifier in ("a", "b"):
            for _ in range(3):
                budget.wait(action, identifier)
    assert clock.waits == []


def test_four_shares_are_together_what_one_may_send() -> None:
    times = []
    for _ in range(4):
        clock = FakeClock()
        budget = RateBudget(clock, clock.sleep, share=0.25)
        for _ in range(5):
            budget.wait("list machines", "vyx-app")
            times.append(clock.now - 1000)
    for at in times:
        assert sum(one <= at for one in times) <= 3 + at + 1e-6


def test_the_runs_of_a_machine_take_from_the_same_buckets(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "rate"
    file.write_text("[[")  # as a process leaves it that was killed while it wrote
    times = []
    for _ in range(3):
        budget = RateBudget(clock, clock.sleep, file=file)
        for _ in range(2):
            budget.wait("list machines", "vyx-app")
            budget.wait("get machine", "91850296bd4738")
            times.append(clock.now - 1000)
    assert times == [0, 0, 0, 1, 2, 3]
    clock.now += 10
    RateBudget(clock, clock.sleep, file=file).wait("list machines", "another-app")
    assert [entry[:2] for entry in json.loads(file.read_text())] == [["list machines", "another-app"]]


@given(
    st.lists(st.tuples(st.sampled_from(["get machine", "get app"]), st.floats(0, 3)), max_size=60),
)
def test_no_pattern_of_asking_exceeds_the_budget(pattern: list[tuple[str, float]]) -> None:
    clock = FakeClock()
    budget = RateBudget(clock, clock.sleep)
    taken: dict[str, list[float]] = {"get machine": [], "get app": []}
    for action, pause in pattern:
        clock.now += pause
        budget.wait(action, "x")
        taken[action].append(clock.now)
    for action, rate, burst in (("get machine", 5, 10), ("get app", 1, 3)):
        times = taken[action]
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= burst + (times[last] - times[first]) * rate + 1e-6


# Retries.


@pytest.mark.parametrize("status_", [408, 429, 500, 502, 503, 504])
def test_an_answer_that_says_later_is_asked_again(status_: int) -> None:
    stand = bench([answer({"error": "later"}, status_), answer({"id": "x"})])
    assert stand.client.get(MACHINE, "get machine", "x").ok
    assert stand.client.retries == 1
    assert stand.clock.waits == [0.2]
    first, second = stand.client.take("E04")
    assert (first.status, first.attempt, second.status, second.attempt) == (status_, 1, 200, 2)


@pytest.mark.parametrize("status_", [200, 301, 400, 401, 403, 404, 409, 412, 422])
def test_other_answers_are_final(status_: int) -> None:
    stand = bench([answer({}, status_)])
    assert stand.client.get(MACHINE, "get machine", "x").status == status_
    assert len(stand.transport.sent) == 1


def test_after_three_attempts_the_last_answer_counts() -> None:
    stand = bench([answer({"error": "a"}, 503), answer({"error": "b"}, 503), answer({"error": "c"}, 502)])
    got = stand.client.get(MACHINE, "get machine", "x")
    assert (got.status, got.json) == (502, {"error": "c"})
    assert stand.clock.waits == [0.2, 0.4]


def test_retry_after_is_obeyed() -> None:
    stand = bench([answer({}, 429, Retry_After="7"), answer({}, 429, retry_after="1.5"), answer({})])
    assert stand.client.get(MACHINE, "get machine", "x").ok
    assert stand.clock.waits == [7.0, 1.5]


def test_retry_after_may_be_a_date() -> None:
    dated = answer({}, 503, retry_after="Thu, 02 Oct 2025 03:00:09 GMT", date="Thu, 02 Oct 2025 03:00:00 GMT")
    stand = bench([dated, answer({})])
    assert stand.client.get(MACHINE, "get machine", "x").ok
    assert stand.clock.waits == [9.0]


def test_retry_after_that_cannot_be_read_is_a_short_pause() -> None:
    stand = bench([answer({}, 503, retry_after="soon"), answer({}, 503, retry_after="-5"), answer({})])
    assert stand.client.get(MACHINE, "get machine", "x").ok
    assert stand.clock.waits == [0.2, 0.4]


@pytest.mark.parametrize("wait", ["31", "12345678", "9" * 300, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_wait_beyond_the_time_left_is_not_begun(wait: str) -> None:
    stand = bench([answer({"error": "rate limit exceeded"}, 429, retry_after=wait)], seconds=30)
    got = stand.client.get(MACHINE, "get machine", "x")
    assert got.status == 429
    assert stand.clock.waits == []
    assert stand.client.retries == 0


def test_all_facets_together_have_three_retries() -> None:
    stand = bench([answer({}, 503)])
    for url in (MACHINE, LIST, LOGS):
        assert stand.client.get(url, url, "x").status == 503
    assert stand.client.retries == 3
    assert len(stand.transport.sent) == 6


def test_as_many_attempts_as_the_budget_allows_and_no_more() -> None:
    stand = bench([answer({})])
    for n in range(MAX_REQUESTS):
        stand.client.get(MACHINE, "get machine", str(n))
    with pytest.raises(CouldNotAsk, match=f"budget of {MAX_REQUESTS} requests"):
        stand.client.get(MACHINE, "get machine", "more")
    assert len(stand.transport.sent) == MAX_REQUESTS
    assert stand.client.by_host == {"api.machines.dev": MAX_REQUESTS}


def test_after_the_deadline_nothing_is_asked() -> None:
    stand = bench([answer({})], seconds=0)
    with pytest.raises(CouldNotAsk, match="deadline"):
        stand.client.get(MACHINE, "get machine", "x")
    assert stand.transport.sent == []


def test_waiting_for_the_rate_does_not_pass_the_deadline_unseen() -> None:
    stand = bench([answer({})], seconds=0.5)
    for _ in range(3):
        stand.client.get(LIST, "list machines", "vyx-app")
    with pytest.raises(CouldNotAsk, match="deadline"):
        stand.client.get(LIST, "list machines", "vyx-app")
    assert len(stand.transport.sent) == 3


def test_a_host_without_a_connection_is_not_asked_again() -> None:
    stand = bench([no_answer("no connection: refused", connected=False)])
    with pytest.raises(CouldNotAsk, match=r"api.machines.dev did not answer: no connection: refused"):
        stand.client.get(MACHINE, "get machine", "x")
    asked = len(stand.transport.sent)
    with pytest.raises(CouldNotAsk, match=r"not asked again: no connection: refused \(E03\)"):
        stand.client.get(LIST, "list machines", "x")
    assert len(stand.transport.sent) == asked
    with pytest.raises(CouldNotAsk, match=r"registry\.fly\.io did not answer"):
        stand.client.get(MANIFEST, "get manifest", "x")


def test_a_host_that_was_only_slow_is_asked_again() -> None:
    stand = bench([no_answer(), no_answer(), no_answer(), answer({})])
    with pytest.raises(CouldNotAsk, match="no answer within 10 s"):
        stand.client.get(MACHINE, "get machine", "x")
    assert stand.client.get(LIST, "list machines", "x").ok


# What is recorded.


def test_bodies_are_redacted_before_they_are_kept_and_hashed_after() -> None:
    token = "fm2_c29tZWJvZHkgZWxzZQ"
    body = {"config": {"env": {"DB_PASSWORD": "hunter2hunter2"}}, "log": f"using {token}", "id": "91850296bd4738"}
    stand = bench([answer(body, fly_request_id="01K-sin")])
    got = stand.client.get(MACHINE, "get machine", "x")
    (exchange,) = stand.client.take("E04")
    for text in (exchange.body, got.body, repr(got)):
        assert token not in text
        assert "hunter2" not in text
    assert got.json["id"] == "91850296bd4738"
    assert json.loads(exchange.body) == got.json
    assert exchange.sha256 == hashlib.sha256(exchange.body.encode()).hexdigest()
    assert exchange.request_id == "01K-sin"
    assert (exchange.facet, exchange.at, exchange.method, exchange.url) == ("E03", AT, "GET", MACHINE)
    assert {hit.place for hit in stand.redactor.hits} == {"E03 body"}


def test_text_bodies_headers_and_errors_are_redacted_as_well() -> None:
    token = "fm2_c29tZWJvZHkgZWxzZQ"
    refused = answer(f"<html>{token}</html>".encode(), 500, server=f"Fly {token}", set_cookie="sid=1", x_other="2")
    stand = bench([refused, no_answer(f"broken near {token}"), answer({})])
    stand.client.get(MACHINE, "get machine", "x")
    exchanges = stand.client.take("E04")
    assert token not in repr(exchanges)
    assert dict(exchanges[0].headers) == {"server": "Fly <secret:fly-token#1>"}
    assert exchanges[1].error == "broken near <secret:fly-token#1>"
    assert exchanges[1].status is None
    assert exchanges[1].sha256 == hashlib.sha256(b"").hexdigest()


def test_no_credential_that_was_sent_is_recorded() -> None:
    stand = bench([answer({"echo": f"{BASIC} FlyV1 {PLAIN}"})])
    for url in (MACHINE, MANIFEST):
        stand.client.get(url, "any", url)
    kept = repr(stand.client.take("E04"))
    assert "fm2_" not in kept
    assert BASIC.removeprefix("Basic ") not in kept


def test_a_cut_body_is_no_json_and_still_redacted() -> None:
    body = b'{"a": "fm2_c29tZWJvZHkgZWxzZQ", "password": "hunter2"' + b" " * 100
    stand = bench([RawAnswer(200, {}, body, cut=True)])
    got = stand.client.get(MACHINE, "get machine", "x")
    assert got.cut
    assert got.json is None
    assert "hunter2" not in got.body
    assert "fm2_" not in got.body
    assert MAX_BODY == 5_000_000


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 10_000, b'{"a": ' * 400 + b"1" + b"}" * 400, b"null", b'"\\ud800"'],
    ids=["empty", "binary", "deep", "a long number", "nested", "null", "half a character"],
)
def test_hostile_bodies_are_kept_as_they_can_be(body: bytes) -> None:
    stand = bench([answer(body)])
    got = stand.client.get(MACHINE, "get machine", "x")
    (exchange,) = stand.client.take("E04")
    assert exchange.sha256 == hashlib.sha256(got.body.encode()).hexdigest()


def test_numbers_that_json_does_not_know_become_text() -> None:
    stand = bench([answer(b'{"a": NaN, "b": -Infinity}')])
    got = stand.client.get(MACHINE, "get machine", "x")
    assert got.json == {"a": "NaN", "b": "-Infinity"}
    json.loads(got.body, parse_constant=pytest.fail)


def test_a_signed_address_is_followed_as_it_is_and_kept_without_its_signature() -> None:
    signed = "https://blobs.example/x?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE&X-Amz-Signature=0123456789abcdef"
    stand = bench([answer("", 307, location=signed), answer({})])
    first = stand.client.get("https://registry.fly.io/v2/vyx-app/blobs/sha256:0", "get blob", "x")
    assert first.location == signed
    stand.client.allowed_urls |= {first.location}
    stand.client.get(first.location, "get blob", "x")
    assert stand.transport.urls[1] == signed
    exchanges = stand.client.take("E04")
    assert exchanges[1].url == "https://blobs.example/x"
    kept = repr(exchanges) + repr(first)
    assert "AKIA" not in kept
    assert "0123456789abcdef" not in kept


def test_facets_take_their_exchanges_with_them() -> None:
    stand = bench([answer({})])
    stand.client.get(MACHINE, "get machine", "x")
    assert [x.facet for x in stand.client.take("E04")] == ["E03"]
    stand.client.get(LIST, "list machines", "x")
    assert [x.facet for x in stand.client.take("E05")] == ["E04"]
    assert stand.client.take("E06") == ()
