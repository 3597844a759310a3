"""What the machine itself answered is no refusal of the platform; what the API answered stays one."""

from __future__ import annotations

import json

import pytest

from runbooks.evidence.caller import read_caller
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.served_answers import without_served

SERVED = [
    '$ curl -i https://notes.fly.dev/api/me\nHTTP/2 401\nwww-authenticate: Basic realm="x"\n{"error":"Unauthorized"}',
    '$ fly ssh console -a notes -C "curl -s localhost:8080/health"\n{"message":"Unauthorized","statusCode":401}',
    'root@918571b3:/app# curl -s http://localhost:3000/healthz\n{"error":"token expired"}',
    "$ wget -qO- http://notes.internal:8080/admin\nHTTP/1.1 403 Forbidden",
    '$ curl -s http://notes.flycast/jobs\n{\n  "error": "rate limit exceeded"\n}',
    "$ for i in 1 2; do curl -s https://notes.fly.dev/; done\n\n403",
    '$ http GET notes.fly.dev/jobs\nHTTP/1.1 429 Too Many Requests\n{"error": "rate limit exceeded"}',
    'GET /v2/items 401 {"error":"Unauthorized"}',
]
REFUSED = [
    '$ curl -s https://api.machines.dev/v1/apps/notes/machines\n{"error":"unauthorized"}',
    '$ curl -s http://_api.internal:4280/v1/apps/notes/machines\n{"error":"rate limit exceeded"}',
    "Deploying https://notes.fly.dev\ncreate-machine: Fly API answered 403",
    'url: https://notes.fly.dev\nmachine: notes-1\n{"error":"unauthorized","status":401}',
    "$ curl -s https://notes.fly.dev/\ncreate-machine: Fly API answered 403",
    "$ curl -s https://notes.fly.dev/\nok\nError: failed to launch VM: insufficient resources available",
]


@pytest.mark.parametrize("text", SERVED)
def test_an_answer_of_the_program_is_no_refusal(text: str) -> None:
    assert read_caller(text).errors == ()


@pytest.mark.parametrize("text", REFUSED)
def test_an_answer_of_the_api_stays_one(text: str) -> None:
    assert without_served(text).endswith(text.rpartition("\n")[2])


@pytest.mark.parametrize("layout", [None, 2])
@pytest.mark.parametrize("url", ["https://my-app.fly.dev", "try curl https://my-app.fly.dev", "`curl localhost:80/`"])
def test_an_answer_that_names_an_address_is_read_whole(url: str, layout: int | None) -> None:
    error = "Fly API 422: insufficient resources to create new machine with existing volume"
    told = {"ok": False, "url": url, "machine_id": "148e21ab397e89", "error": error}
    caller = read_caller(json.dumps(told, indent=layout))
    assert (caller.ok, caller.machine_id, caller.error_status) == (False, "148e21ab397e89", 422)
    assert error in caller.error_text


@pytest.mark.parametrize(
    "end",
    [
        "machine has reached its max restart count of 10",
        "Health check on port 8080 is in a 'warning' state. Your app may not be responding properly.",
        "instance refused connection. is your app listening on 0.0.0.0:8080?",
    ],
)
def test_what_stands_above_a_program_s_end_is_its_own(end: str) -> None:
    said = "./server: error while loading shared libraries: libpq.so.5: cannot open shared object file"
    assert said in [line.message for line in log_lines(f"{said}\n{end}")]
