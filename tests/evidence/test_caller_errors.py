"""Refusals of the API in what people paste: found in every wrapping, each with its status, time and id."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.diagnose.refusals import meanings
from runbooks.evidence.caller import read_caller
from tests.evidence.wrappers import ID, PHRASES, WITH_ID, WITHOUT_STATUS, WRAPPERS


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ('Fly API error (400): {"error":"unable to create"}', 400, "unable to create"),
        ('Error: failed to create release (status 404): {"error":"Could not find \\"a:b\\""}', 404, "Could not find"),
        ('{"message":"Fly API error (400): {\\"error\\":\\"unable to create\\"}"}', 400, "unable to create"),
        ("Create request failed: 422 Unprocessable Entity, &{ID: Name:", 422, "Create request failed: 422"),
        ("│ Error: Client Error\n│ request failed with status 408\n", 408, "request failed with status 408"),
        ("the API responded with 503", 503, "the API responded with 503"),
        ('"status": 429, "x": 1', 429, ""),
        ("error getting manifest: MANIFEST_UNKNOWN: manifest unknown", None, "error getting manifest"),
        ("Error: unique machine name violation, 91850296bd4738 already exists", None, "Error: unique machine name"),
        ("could not find a candidate host for the machine", None, "could not find a candidate host"),
        ("You're over the allowed quota. It doesn't matter.", None, "You're over the allowed quota"),
    ],
)
def test_refusals_in_prose(text: str, status: int | None, words: str) -> None:
    caller = read_caller(text)
    assert caller.error_status == status
    assert words in caller.error_text


LEASE = (
    '{"status":"error","message":"machine ID cea676e0590248 lease currently held by 6b0f3d52@tokens.fly.io, '
    'expires at 2026-04-22T16:38:40Z"}'
)
NO_ROOM = '{"error":"could not find a candidate host","status":"insufficient_capacity"}'
PHRASED = {status: status for status in PHRASES}
BODIES = (
    (422, "could not find a candidate host", "insufficient_capacity", "region-capacity"),
    (400, "failed to get manifest registry.fly.io/acme-workers:v3: MANIFEST_UNKNOWN", "", "manifest-unknown"),
    (
        400,
        "failed to get manifest registry.fly.io/acme-workers:v3: request failed: not found [http 404]: "
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=v3"}]}\n',
        "",
        "manifest-unknown",
    ),
    (
        409,
        'already_exists: unique machine name violation, machine ID 91850296bd4738 already exists with name "w-7"',
        "",
        "name-taken",
    ),
    (
        412,
        "insufficient resources to create new machine with existing volume 'vol_4y5gkog8p5kj839r'",
        "",
        "volume-capacity",
    ),
    (
        403,
        'organization "acme" is using 163840 MB of memory in iad which is over the allowed quota. '
        "please consider other regions",
        "",
        "quota",
    ),
    (401, "Authenticate: token validation error", "", "token"),
    (400, "invalid config.guest.memory_mb, minimum required 1024 MiB", "", "body-invalid"),
    (412, "failed_precondition: unable to start machine from current state: 'created'", "", "state-rejects"),
    (408, "deadline_exceeded: machine failed to reach desired state, started, currently created", "", "wait-timeout"),
    (
        409,
        "aborted: could not reserve resource for machine: insufficient memory available to fulfill request",
        "",
        "host-capacity",
    ),
    (429, "rate limit exceeded", "", "rate-limit"),
    (404, "not_found: machine not found", "", "machine-missing"),
)


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=lambda wrapper: wrapper.__name__)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[3])
def test_the_same_refusal_comes_out_of_every_wrapper(
    wrapper: Callable[[int, str, str], str], body: tuple[int, str, str, str]
) -> None:
    status, text, word, kind = body
    caller = read_caller(wrapper(status, text, word))
    told = meanings(caller.error_text, caller.error_status)
    assert [meaning.kind for meaning in told] == [kind]
    assert told[0].names == meanings(text)[0].names
    assert len(caller.errors) == 1
    assert caller.error_status == (None if wrapper in WITHOUT_STATUS else status)
    assert caller.errors[0].request_id == (ID if wrapper in WITH_ID else "")
    assert caller.ok is False


WAITS = (
    ("Machine 3287123f451989 still starting after 120000 ms", "starting"),
    ("deadline_exceeded: machine still in created state after 60s", "created"),
    ("TimeoutError: machine 3287123f451989 did not reach started within 90s (last state: created)", "created"),
    ("Timed out waiting for machine 3287123f451989 to start (state=starting)", "starting"),
    ("gave up waiting for the Fly machine after 60 s", ""),
    ('machine never became ready, status "replacing"', "replacing"),
    ("the machine has not come up within 5 minutes", ""),
)
NO_WAITS = (
    "machine did not start: exit code 1",
    "Timeout waiting for machine health checks",
    "database instance did not become ready in time",
    "machine learning job never reached state started",
    "the machine is still running",
)


@pytest.mark.parametrize(("text", "state"), WAITS)
def test_a_caller_that_waits_in_its_own_words(text: str, state: str) -> None:
    assert [(no.kind, no.names.get("state", "")) for no in meanings(text)] == [("wait-timeout", state)]


@pytest.mark.parametrize("text", NO_WAITS)
def test_what_is_no_wait_for_a_machine(text: str) -> None:
    assert "wait-timeout" not in [no.kind for no in meanings(text)]


def told(text: str) -> list[tuple[int | None, str]]:
    """(status, kinds) of each refusal among the caller's words."""
    return [
        (error.status, " ".join(meaning.kind for meaning in meanings(error.text, error.status)))
        for error in read_caller(text).errors
    ]


def test_several_attempts_are_told_in_order_each_with_its_time_and_id() -> None:
    second = "01K7E5VVGVHAZY5BN49P4NMEAW-fra"
    text = (
        f"2026-03-14T01:00:23.1Z attempt 1: Fly API error (422): {NO_ROOM} (Request ID: {ID})\n"
        "2026-03-14T01:00:24.2Z attempt 2: Fly API error (429): {}\n"
        f'2026-03-14T01:00:26.3Z attempt 3: HTTP 409 {{"error":"aborted: no capacity"}} fly-request-id={second}\n'
        "2026-03-14T01:00:29Z gave up\n"
    )
    caller = read_caller(text)
    assert told(text) == [(422, "region-capacity"), (429, "rate-limit"), (409, "region-capacity")]
    assert [error.request_id for error in caller.errors] == [ID, "", second]
    assert [error.at.second if error.at else None for error in caller.errors] == [23, 24, 26]
    assert caller.error_status == 409
    assert caller.error_text == "aborted: no capacity"


def test_curl_twice_with_headers() -> None:
    text = (
        "$ curl -i -X POST https://api.machines.dev/v1/apps/a/machines\n"
        f"HTTP/2 422 \nfly-request-id: {ID}\n\n{NO_ROOM}\n"
        "$ !!\nHTTP/2 422 \nfly-request-id: 01K7E5VVGVHAZY5BN49P4NMEAW-fra\n\n"
        '{"error":"rate limit exceeded"}\n'
    )
    assert told(text) == [(422, "region-capacity"), (422, "rate-limit")]
    assert [error.request_id for error in read_caller(text).errors] == [ID, "01K7E5VVGVHAZY5BN49P4NMEAW-fra"]


def test_a_list_of_attempts_in_one_object() -> None:
    text = json.dumps(
        {
            "machineId": None,
            "attempts": [
                {"region": "iad", "status": 422, "error": "could not find a candidate host"},
                {"region": "ord", "status": 403, "error": "over the allowed quota"},
            ],
        }
    )
    assert told(text) == [(422, "region-capacity"), (403, "quota")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP/1.1 404 Not Found\ncontent-type: text/plain\n\n404 page not found\n", [(404, "route-missing")]),
        ("POST failed\n<html><body><h1>504 Gateway Time-out</h1>\n</body></html>", [(504, "server-error")]),
        (
            "Error: failed to update VM 185e279c550798: request returned non-2xx status: 504: upstream request timeout",
            [(504, "server-error")],
        ),
        ("creating the Fly machine: connect ETIMEDOUT 66.241.124.84:443", [(None, "timeout")]),
        (
            "TypeError: fetch failed\n  [cause]: Error: getaddrinfo ENOTFOUND api.machines.dev\n",
            [(None, "connection")],
        ),
        ("await fly.machines.create()\nhttpx.ReadTimeout: The read operation timed out", [(None, "timeout")]),
        ("Error: failed to launch VM: EOF", [(None, "timeout")]),
        (
            "INFO sandbox POST https://api.machines.dev/v1/apps/willow/machines\nTraceback (most recent call last):\n"
            '  File "/app/fly.py", line 41, in create\nhttpx.ReadTimeout\n',
            [(None, "timeout")],
        ),
        ("[Starter] inbound-2 cea676e0590248 start => 409\n[Starter] " + LEASE, [(409, "lease")]),
        ("attempt 1: 422 could not find a candidate host", [(422, "region-capacity")]),
        (
            '{"error":"could not find a candidate host"}\nanswered {"error":"provisioning failed","status":502}',
            [(None, "region-capacity")],
        ),
        ("$ fly deploy\nError: unauthorized", [(None, "token")]),
        (f"Error: unauthorized (Request ID: {ID})", [(None, "token")]),
        (
            "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://api.machines.dev/v1/apps/acme",
            [(403, "forbidden")],
        ),
        ("GET https://api.machines.dev/v1/apps/acme/machines/91850296bd4738 404 (Not Found)", [(404, "")]),
        ('{"success": true, "warning": "kept", "flyError": "Fly API error (429): {\\"error\\":\\"\\"}"}', []),
        (
            '{"success": true, "flyError": "Fly API error (422): {\\"error\\":\\"could not find a candidate host\\"}"}',
            [(422, "region-capacity")],
        ),
        (
            "Error: failed to determine region: failed to get placements:\n"
            "trial has ended, please add a credit card by visiting https://fly.io/trial",
            [(None, "trial-over")],
        ),
        (
            "error creating a new machine: failed to launch VM: Region mad is deprecated and cannot have\n"
            "new resources provisioned. Please consider using an alternate region such as cdg",
            [(None, "region-deprecated")],
        ),
        (
            '│ Create request failed: 422 Unprocessable\n│ Entity, {"error":"could not find a\n│ candidate host"}\n',
            [(422, "region-capacity")],
        ),
    ],
)
def test_other_forms(text: str, expected: list[tuple[int | None, str]]) -> None:
    assert told(text) == expected


SHIPPED = (
    '2026-05-14T10:41:02Z proxy[91850296bd4738] sin [error][PM01] machines API returned an error: "no capacity"\n'
    "2026-05-14T10:41:03Z app[91850296bd4738] sin [info] Error: HTTP 422 could not find a candidate host\n"
    "2026-05-14T10:41:04Z runner[91850296bd4738] sin [info] machine not found\n"
    "[PM07] failed to change machine state: machine still active, refusing to start\n"
    '{"level":"error","instance":"91850296bd4738","message":"error 404","timestamp":"2026-05-14T10:41:05Z"}'
    "\n"
)


@pytest.mark.parametrize(
    "text",
    [
        SHIPPED,
        '{"ok": true, "note": "retried after status 404 from the cache", "machineId": "vyx-1"}',
        '{"ok": true, "status": 404}',
        "{ ok: true, message: 'error 404 page was removed' }",
        "status: 200",
        "HTTP/2 200 \nfly-request-id: 01K7E5VVGVHAZY5BN49P4NMEAW-fra\n",
        '{"status": 200, "body": {"id": "91850296bd4738", "state": "created"}}',
        '127.0.0.1 - - [14/May/2026:10:41:02 +0000] "GET /favicon.ico HTTP/1.1" 404 153',
        "GET /health 503 12 ms",
        '{"level":30,"method":"GET","url":"/health","status":404}',
        "Stripe error 402: card declined",
        "ERROR socket: handshake failed with status 502",
        "smoke: wss://lichen-ingest.fly.dev/events -> HTTP 503 Service Unavailable",
        "[CloudWebSocket] error: connect ECONNREFUSED 66.241.125.88:8081",
        "websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403",
        "curl: (22) The requested URL https://acme.fly.dev/health returned error: 502",
        "spawned machine 1428384c084860\n[pool] 11:40:05.410 job 99124 timed out on worker-6",
        "16:09:58  proxy   [PM07] failed to change machine state: machine getting replaced, refusing to start",
        "connect ECONNREFUSED 10.0.0.5:5432 (postgres of the machine)",
        '  File "/srv/app.py", error handler, line 404, in respond',
        "error budget: 500 requests",
        "Using wait timeout: 2m0s lease timeout: 13s delay between lease refreshes: 4s",
        "| id | status |\n| 404 | done |",
    ],
)
def test_what_is_no_refusal_of_the_callers(text: str) -> None:
    assert read_caller(text).errors == ()
    assert read_caller(text).error_text == ""


def test_the_callers_refusal_is_found_among_the_machines_lines() -> None:
    text = f"{SHIPPED}2026-05-14T10:41:09Z provision Fly API error (422): {NO_ROOM}\n{SHIPPED}"
    assert told(text) == [(422, "region-capacity")]
    assert read_caller(text).errors[0].at == datetime(2026, 5, 14, 10, 41, 9, tzinfo=UTC)


def test_a_logged_response_is_not_the_callers_answer() -> None:
    text = (
        "2026-05-14T10:41:09Z create failed { response: { status: 422, data: { error: 'no capacity in iad' }, "
        "name: 'AxiosError' } }\n"
        '{"status": "starting", "machineId": "vyx-1", "flyMachineId": "91850296bd4738"}'
    )
    caller = read_caller(text)
    assert caller.ok is True
    assert caller.status == "starting"
    assert caller.machine_name == "vyx-1"
    assert "error" not in caller.fields
    assert told(text) == [(422, "region-capacity")]


def test_a_thousand_refusals_keep_the_first_and_the_last() -> None:
    text = "".join(f"HTTP 409 already_exists: number {number}\n" for number in range(1000))
    errors = read_caller(text).errors
    assert len(errors) == 200
    assert errors[0].text.endswith("number 0")
    assert errors[-1].text.endswith("number 999")


@given(
    st.sampled_from(WRAPPERS),
    st.integers(400, 530),
    st.text(max_size=60) | st.sampled_from([body[1] for body in BODIES]),
    st.text(max_size=20),
)
def test_wrapped_words_never_raise_and_stay_bounded(
    wrapper: Callable[[int, str, str], str], status: int, text: str, around: str
) -> None:
    pasted = around + wrapper(PHRASED.get(status, 422), text, "") + around
    caller = read_caller(pasted)
    assert all(error.text and len(error.text) <= 500 for error in caller.errors)
    assert not caller.errors or caller.error_text in [error.text for error in caller.errors]


@given(st.text(alphabet="{}[]'\"`,: \n\\=>%│@(): Errorstatus422HTTP/", max_size=300))
def test_any_text_with_the_words_of_refusals_reads(text: str) -> None:
    for error in read_caller(text + "could not find a candidate host").errors:
        assert len(error.text) <= 500


@pytest.mark.parametrize(
    "text",
    [
        "HTTP server listening on port 443",
        "status 'starting', 512 MB of memory",
        "the error took 450 ms",
        "started 404 machines",
        "",
    ],
)
def test_numbers_that_are_no_status(text: str) -> None:
    caller = read_caller(text)
    assert caller.error_status is None
    assert caller.error_text == ""


BODY = '{"error":"insufficient resources to create new machine with existing volume"}'
CLIENTS = [
    "POST /v1/apps/heron/machines 422 {}",
    "2025/11/25 06:11:03 pool: create runner-17: 422 {}",
    "[axios] POST https://api.machines.dev/v1/apps/heron/machines 422 Unprocessable Entity {}",
    "ERR_BAD_REQUEST 422 {}",
    '"POST /v1/apps/heron/machines HTTP/1.1" 422 91\nERROR {}',
    "<Response [422]> {}",
    "got 422 body={}",
    "response=422 duration=501ms body={}",
    "<- 422 {}",
    "<-- 422 https://api.machines.dev/v1/apps/heron/machines (312ms)\n{}",
    "POST machines 422 after 501ms {}",
    "[422] {}",
    "status_code: 422 {}",
    "Error: 422 body={}",
    "response {}\n422",
    "Response: 422\n{}",
    "{}\n422",
    "{} (422)",
    "[debug] POST https://api.machines.dev/v1/apps/heron/machines -> 422 (501.4 ms)\n{}",
    "I, [2025-11-25T06:11:03.0 #500]  INFO -- response: Status 422\nINFO -- response: {}",
    "HTTP/2 422 \ncontent-type: application/json\n\n{}",
]
COUNTS = [
    "create failed in 501ms: {}",
    "took 422 {}",
    "attempt 408 of 500 {}",
    "attempt: 408 {}",
    "retry in 500 {}",
    "pid 422 {}",
    "worker 404 {}",
    "job 500: {}",
    "port: 502 {}",
    "elapsed: 500 {}",
    "app[422]: {}",
    "{}\n422 ms",
    "amount: 500 {}",
    "rows: 401 {}",
    "order_id: 418 {}",
    "priority: 500 {}",
    "queue depth: 502 payload={}",
    "created 500 machines: {}",
    "queued {}\n500",
]


@pytest.mark.parametrize("form", CLIENTS)
def test_the_status_is_read_wherever_a_client_puts_it(form: str) -> None:
    assert [error.status for error in read_caller(form.replace("{}", BODY)).errors] == [422]


@pytest.mark.parametrize("form", COUNTS)
def test_a_number_beside_a_body_that_counts_something_is_no_status(form: str) -> None:
    assert [error.status for error in read_caller(form.replace("{}", BODY)).errors] == [None]
