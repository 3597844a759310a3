"""Kinds of pasted text, each by several members, with texts that only look like them."""

from __future__ import annotations

import json

import pytest

from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import AppFinding
from runbooks.evidence.pasted import read_pasted

APP, MACHINE, OTHER = "pixel-render", "4d891ee6b71d28", "2865d39b7ae018"
URL = f"https://api.machines.dev/v1/apps/{APP}/machines"
RATE = '{"error":"rate limit exceeded"}'
EVENTS = [
    {
        "id": "01K9ZQ2D6X8Y4N5P6Q7R8S9T0V",
        "type": "exit",
        "status": "stopped",
        "request": {"exit_event": {"exit_code": 3, "oom_killed": False, "requested_stop": False}},
        "source": "flyd",
        "timestamp": 1795680920120,
    },
    {
        "id": "01K9ZQ1C5W7X3M4N5P6Q7R8S9T",
        "type": "start",
        "status": "started",
        "source": "flyd",
        "timestamp": 1795680904500,
    },
]
EXITED = f"2026-11-20T08:15:11Z app[{MACHINE}] fra [info] INFO Main child exited normally with code: 1"
SERVES = f"2026-11-20T08:15:13Z app[{OTHER}] ams [info]GET /healthz 200 1ms"
RELEASES = "VERSION\tSTATUS   \tDESCRIPTION\tUSER\tDATE\n"
GROUPS = f"VM Resources for app: {APP}\n\nGroups\nNAME  \tCOUNT\tKIND  \tCPUS\tMEMORY\tREGIONS\n"


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"level": "Error", "logger": "Fly", "message": "create failed", "StatusCode": 429, "ResponseBody": RATE}, 429),
        (
            {
                "severity_text": "ERROR",
                "body": "create",
                "attributes": {"http.response.status_code": 429, "exception.message": "rate limit exceeded"},
            },
            429,
        ),
        (
            {
                "log.level": "ERROR",
                "message": "create failed",
                "error.message": "rate limit exceeded",
                "http.response.status_code": 429,
            },
            429,
        ),
        (
            {
                "log.level": "ERROR",
                "message": "create failed",
                "http.response.status_code": 429,
                "http.response.body.content": RATE,
            },
            429,
        ),
        ({"@l": "Error", "@mt": "Fly answered {StatusCode}", "StatusCode": "429", "Body": RATE}, 429),
        ({"level": "error", "msg": "create", "status_code": 429, "error": "rate limit exceeded"}, 429),
        ({"level": "error", "message": f"create: {RATE}", "attributes": {"status": 429}}, 429),
        ({"lvl": "WARN", "message": "rate limit exceeded", "ctx": {"status": 429, "job": "Provision"}}, 429),
        ({"level": "error", "error": "rate limit exceeded", "response": {"statusCode": 429, "headers": {}}}, 429),
    ],
)
def test_a_refusal_is_read_in_the_spelling_of_each_logger(record: dict[str, object], status: int) -> None:
    caller = read_caller(json.dumps(record))
    assert caller.error_status == status
    assert "rate limit exceeded" in caller.error_text


@pytest.mark.parametrize(
    "record",
    [
        {
            "@t": "2026-11-20T08:15:10Z",
            "@mt": "HTTP {RequestMethod} {RequestPath} responded {StatusCode}",
            "RequestMethod": "GET",
            "RequestPath": "/orders/7",
            "StatusCode": 404,
        },
        {
            "log.level": "INFO",
            "message": "answered",
            "http.request.method": "GET",
            "url.path": "/orders/7",
            "http.response.status_code": 404,
        },
        {"level": "info", "status_code": 200, "error": None, "msg": "fine"},
        {"message": "GET /orders/7", "attributes": {"method": "GET", "path": "/orders/7", "status": 404}},
    ],
)
def test_what_the_callers_own_server_answered_is_no_refusal(record: dict[str, object]) -> None:
    assert read_caller(json.dumps(record)).error_status is None


@pytest.mark.parametrize(
    "text",
    [
        f"create failed fly_app={APP} region=fra",
        f'{{"msg":"create failed","flyApp":"{APP}"}}',
        f'{{"FlyApp": "{APP}", "Tenant": 88}}',
        f"{{ flyAppName: '{APP}', region: 'fra' }}",
        f'{{:fly_app=>"{APP}", :region=>"fra"}}',
        f'{{"fly.app.name":"{APP}","severity_text":"ERROR"}}',
        f"fly_app: {APP}\nregion: fra",
    ],
)
def test_an_app_is_named_in_the_spelling_of_each_logger(text: str) -> None:
    assert read_pasted(text).app == APP


@pytest.mark.parametrize(
    "text",
    [
        "fly_app=None",
        "flyApp: undefined",
        '{"flyApp":null}',
        "fly_app_id=8812",
        "fly_apps=3",
        f"app={APP}",
        "butterflyApp=x",
        f'{{"level":"error","app":"{APP}","msg":"failed"}}',
        "fly_app=orders.example.com",
    ],
)
def test_what_is_no_name_of_an_app_names_none(text: str) -> None:
    assert read_pasted(text).app == ""


LIST = (
    "ID NAME STATE CHECKS REGION ROLE IMAGE IP ADDRESS VOLUME CREATED LAST UPDATED PROCESS GROUP SIZE\n"
    f"{MACHINE} little-sun-4410 stopped 0/1 fra {APP}:deployment-01K9ZQ1C5W7X3M4N5P6Q7R8S9T fdaa:0:2:a7b:1::2 "
    "2026-11-20T08:15:02Z 2026-11-20T08:21:44Z app shared-cpu-1x:256MB"
)
STATUS = (
    "PROCESS ID VERSION REGION STATE ROLE CHECKS LAST UPDATED\n"
    f"app {MACHINE} 31 fra stopped 1 total, 1 critical 2026-11-20T08:15:10Z\n"
    f"app {OTHER} 31 ams started 1 total, 1 passing 2026-11-20T08:15:10Z"
)
CHECKS = (
    f"Health Checks for {APP}\n"
    "NAME STATUS MACHINE LAST UPDATED OUTPUT\n"
    f"servicecheck-00-http-8080 critical {MACHINE} 3m12s ago connect: connection refused\n"
    f"servicecheck-00-http-8080 passing {OTHER} 3m10s ago 200 OK"
)
EVENT_LOG = (
    f"Machine ID: {MACHINE}\nInstance ID: 01K9ZQ1C5W7X3M4N5P6Q7R8S9T\nState: stopped\n\nEvent Logs\n"
    "STATE EVENT SOURCE TIMESTAMP INFO\n"
    "stopped exit flyd 2026-11-20T08:21:44.12Z exit_code=127,oom_killed=false,requested_stop=false\n"
    "created launch user 2026-11-20T08:15:02Z"
)


@pytest.mark.parametrize("text", [LIST, STATUS, CHECKS, EVENT_LOG])
def test_a_table_is_read_where_a_page_made_one_space_of_many(text: str) -> None:
    found = read_pasted(text)
    assert found.machine_id == MACHINE
    told = next(m.machine for m in found.machines if m.machine.id == MACHINE)
    assert told.state == "stopped" or text is CHECKS
    assert [e.exit.exit_code for e in told.events if e.exit] == ([127] if text is EVENT_LOG else [])


@pytest.mark.parametrize(
    "row",
    [
        f"we saw {MACHINE} in fra and it was stopped today",
        f"{MACHINE} stopped",
        f"the app {MACHINE} 31 fra stopped since 2026",
    ],
)
def test_prose_below_a_head_is_no_row(row: str) -> None:
    assert not read_pasted(f"PROCESS ID VERSION REGION STATE ROLE CHECKS LAST UPDATED\n{row}").machines


@pytest.mark.parametrize(
    "text",
    [
        r"""'{"error":"failed_precondition: unable to start machine from current state: \'replacing\'"}'""",
        r"""body=b'{"error":"unable to start machine from current state: \'replacing\'","status":"unknown"}'""",
        r"""{"error":"unable to start machine from current state: \`replacing\`"}""",
    ],
)
def test_what_is_escaped_between_apostrophes_is_read(text: str) -> None:
    told = read_caller(f"412 Precondition Failed for {URL}/{MACHINE}/start\n{text}")
    assert told.error_status == 412
    assert "\\" not in told.error_text
    assert told.error_text.removesuffix(" (unknown)").endswith(("state: 'replacing'", "state: `replacing`"))


@pytest.mark.parametrize(
    "inner",
    [
        "https://ghcr.io/token: 403 Forbidden",
        "https://registry-1.docker.io/v2/acme/x/manifests/v1: 429 Too Many Requests",
        "https://quay.io/v2/acme/x/manifests/v1: 401 UNAUTHORIZED",
    ],
)
def test_a_registrys_status_is_not_that_of_the_call(inner: str) -> None:
    body = json.dumps({"error": f"failed to get manifest x:v1: unexpected status from GET request to {inner}"})
    assert read_caller(f"{URL} failed\n{body}").error_status is None
    assert read_caller(f"POST {URL} -> 400: {body}").error_status == 400


def _told(text: str) -> AppFinding | None:
    return next(iter(read_pasted(text).findings), None)


@pytest.mark.parametrize(
    "text",
    [
        f"{RELEASES}v31\tfailed   \tRelease\tmira\t11m ago\nv30\tcomplete \tRelease\tmira\t2d ago",
        "VERSION STATUS DESCRIPTION USER DATE\nv31 failed Release x 11m ago\nv30 complete Release x 2d ago",
        "| VERSION | STATUS | DESCRIPTION |\n|---|---|---|\n| v31 | failed | Release |\n| v30 | complete | Release |",
        json.dumps(
            [
                {
                    "ID": "a",
                    "Version": 31,
                    "Stable": False,
                    "InProgress": False,
                    "Reason": "",
                    "Description": "Release",
                    "Status": "failed",
                }
            ],
            indent=4,
        ),
        json.dumps([{"ID": "a", "Version": 31, "Stable": False, "Description": "Release", "Status": "failed"}]),
    ],
)
def test_the_newest_release_failed(text: str) -> None:
    assert _told(text) is AppFinding.RELEASE_FAILED


@pytest.mark.parametrize(
    "text",
    [
        f"{RELEASES}v32\tcomplete\tRelease\tx\t1m ago\nv31\tfailed\tRelease\tx\t11m ago",
        "v31\tfailed\tRelease\tmira@example.com\t11m ago\nv30\tcomplete\tRelease\tx\t2d ago",
        f"{RELEASES}v32\trunning\tRelease\tx\t1m ago\nv31\tfailed\tRelease\tx\t11m ago",
        "REVISION\tUPDATED\tSTATUS\tCHART\n31\ttoday\tfailed\torders-1.2",
        '{"Version": 31, "Status": "failed"}',
        json.dumps(
            [
                {"ID": "a", "Version": 32, "Description": "Release", "Status": "complete"},
                {"ID": "b", "Version": 31, "Description": "x", "Status": "failed"},
            ],
            indent=4,
        ),
    ],
)
def test_an_older_release_that_failed_tells_nothing(text: str) -> None:
    assert _told(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"{GROUPS}app   \t0    \tshared\t1   \t512 MB\t       ",
        f"{GROUPS}app   \t0    \tshared\t1   \t512 MB\t \nworker\t0    \tperformance\t2 \t4096 MB\t ",
        "NAME COUNT KIND CPUS MEMORY REGIONS\napp 0 shared 1 512 MB",
        json.dumps(
            [{"Process": "app", "Count": 0, "CPUKind": "shared", "CPUs": 1, "Memory": 256, "Regions": {}}], indent=4
        ),
        f"$ fly m list -a {APP}\nNo machines are available on this app {APP}",
    ],
)
def test_an_app_has_no_machines(text: str) -> None:
    assert _told(text) is AppFinding.NO_MACHINES


@pytest.mark.parametrize(
    "text",
    [
        f"{GROUPS}app   \t2    \tshared\t1   \t512 MB\tfra(2)\nworker\t0    \tshared\t1 \t256 MB\t ",
        f"{GROUPS}",
        "NAME COUNT KIND\nretries 0 counter",
        json.dumps([{"Process": "app", "Count": 0, "Errors": 3}]),
        "there are no machines available on this app I think",
    ],
)
def test_a_group_without_machines_is_not_the_app(text: str) -> None:
    assert _told(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "  Status                  = Not verified\n  Hostname                = img.example.com",
        f"$ fly certs list -a {APP}\nHOSTNAME                       SOURCE     STATUS\n"
        "www.example.com                Fly        Issued\nimg.example.com                Fly        Not verified",
        f"{SERVES}\n  Status                  = Not verified\n  Hostname                = img.example.com\n"
        f"  Added to App            = 2 days ago\n{SERVES}",
    ],
)
def test_a_hostname_is_not_verified(text: str) -> None:
    found = read_pasted(text).findings
    assert found == {AppFinding.CERTIFICATE_UNVERIFIED: "img.example.com: Not verified"}


@pytest.mark.parametrize(
    "text",
    [
        "HOSTNAME                       SOURCE     STATUS\nwww.example.com                Fly        Issuing...",
        "mail: mira@example.com\nStatus: Not verified",
        "  Status                  = Issued\n  Hostname                = img.example.com",
        "img.example.com                Fly        Not verified",
    ],
)
def test_other_states_of_a_certificate_tell_nothing(text: str) -> None:
    assert _told(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"App specific checks for {APP}:\nChecking that app has ip addresses allocated... "
        f"No public ipv4 or ipv6 ip addresses allocated to app {APP}",
        "✓ Certificate created for img.example.com\n\n! Your app has no public IP addresses.\nRun fly ips allocate",
    ],
)
def test_an_app_has_no_address(text: str) -> None:
    assert _told(text) is AppFinding.NO_ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        f"GET {URL}/{MACHINE}/events\n{json.dumps(EVENTS)}",
        f"{URL}/{MACHINE}/events\n" + "\n".join(json.dumps(event) for event in EVENTS),
        f"$ fly m list --json | jq '.[] | select(.id==\"{MACHINE}\") | .events'\n{json.dumps(EVENTS, indent=2)}",
        f"machine {MACHINE}:\n" + json.dumps(EVENTS, indent=2)[json.dumps(EVENTS, indent=2).index('"type"') - 20 :],
        f"machine {MACHINE} last event {json.dumps(EVENTS[0])}",
    ],
)
def test_events_alone_are_those_of_the_machine_that_is_named(text: str) -> None:
    found = read_pasted(text)
    assert found.machine_id == MACHINE
    assert [e.exit.exit_code for m in found.machines for e in m.machine.events if e.exit] in ([3], [])
    assert "events of the Machines API" in found.forms


@pytest.mark.parametrize(
    "text",
    [
        f"{MACHINE} or {OTHER}?\n{json.dumps(EVENTS)}",
        f'{json.dumps(EVENTS)}\n{{"id": "{MACHINE}", "instance_id": "01K9", "state": "started", "config": {{}}}}',
        f"machine {MACHINE}\n"
        + json.dumps([{"type": "exit", "status": "stopped", "source": "provisioner", "timestamp": 1795680920120}]),
        f"machine {MACHINE}\n" + json.dumps([{"type": "push", "status": "done", "source": "user"}]),
    ],
)
def test_events_of_one_of_several_or_of_another_tool_stay_that(text: str) -> None:
    assert not [event for one in read_pasted(text).machines for event in one.machine.events]


def test_events_in_a_text_that_names_no_machine_have_none() -> None:
    found = read_pasted(json.dumps(EVENTS))
    assert (found.machine_id, [one.machine.id for one in found.machines]) == ("", [""])


@pytest.mark.parametrize(
    "lines",
    [
        (SERVES, EXITED, SERVES),
        (SERVES, f"2026-11-20T08:15:14Z runner[{MACHINE}] fra [info]machine has reached its max restart count of 10"),
        (SERVES, EXITED.replace("normally with code: 1", "with signal (with signal 'SIGKILL', core dumped? false)")),
        (SERVES, EXITED, "2026-11-20T08:15:14Z app[90801234a6d587] cdg [info]up"),
        (
            EXITED,
            f"2026-11-20T08:15:10Z app[{OTHER}] ams [info] INFO Sending signal SIGINT to main child process w/ PID 629",
            f"2026-11-20T08:15:11Z app[{OTHER}] ams [info] INFO Main child exited normally with code: 1",
        ),
    ],
)
def test_a_log_of_several_is_about_the_one_that_failed(lines: tuple[str, ...]) -> None:
    assert read_pasted("\n".join(lines)).machine_id == MACHINE


@pytest.mark.parametrize(
    "lines",
    [
        (SERVES, EXITED, EXITED.replace(MACHINE, OTHER)),
        (SERVES, EXITED.replace("code: 1", "code: 0")),
        (SERVES, EXITED.replace("code: 1", "code: 143")),
        (SERVES, EXITED, f'GET {URL}/90801234a6d587 -> 404 {{"error":"machine not found"}}'),
        (SERVES, EXITED.replace(" INFO Main child exited", "the worker says: Main child exited")),
    ],
)
def test_a_log_of_several_is_about_nobody_else(lines: tuple[str, ...]) -> None:
    assert read_pasted("\n".join(lines)).machine_id == ""


@pytest.mark.parametrize(
    "line",
    [
        "The certificate for img.example.com has not been issued yet.",
        f"Updating machine {OTHER}",
        "Error: release_command failed running on machine 2865d39b7ae018 with exit code 1",
    ],
)
def test_what_flyctl_prints_below_a_log_is_no_rest_of_its_last_line(line: str) -> None:
    told = [one.message for one in read_pasted(f"{SERVES}\n{SERVES} took longer\n{line}\n{SERVES}").lines]
    assert line in told
    assert told[1].endswith("took longer")


SUSPENDED = '{"error":"organization is suspended, please add a payment method"}'


@pytest.mark.parametrize(
    "text",
    [
        f">>> requests.post('{URL}')\n<Response [403]>\n>>> r.json()\n{SUSPENDED}",
        f"POST {URL}\n<ClientResponse({URL}) [403 Forbidden]>\n{SUSPENDED}",
        f"irb> Net::HTTP.post(URI('{URL}'))\n=> #<Net::HTTPForbidden 403 Forbidden readbody=true>\n{SUSPENDED}",
        f"Response{{protocol=h2, code=403, message=, url={URL}}}\n{SUSPENDED}",
        f"POST {URL}\n403\n182 ms\nResponse Body\n{SUSPENDED}",
        f"{URL}\n403 Forbidden\nHeaders\ncontent-type: application/json\n{SUSPENDED}",
        '8:15AM ERR create failed error="fly: 403: {\\"error\\":\\"forbidden\\"}"',
        f'fly api 403 {{"error":"forbidden"}} for {URL}',
    ],
)
def test_a_status_is_read_where_clients_print_it(text: str) -> None:
    caller = read_caller(text)
    assert caller.error_status == 403
    assert "suspended" in caller.error_text or caller.error_text == "forbidden"


@pytest.mark.parametrize(
    "text",
    [
        ">>> requests.get('https://orders.example.com/7')\n<Response [404]>\n",
        "GET https://orders.example.com/7\n404\n12 ms\n",
        f"created {URL}\n\n429 tenants left\n",
        "the page said forbidden, error: none",
        '{"error":"unauthorized"}',
    ],
)
def test_a_status_of_something_else_is_none_of_the_api(text: str) -> None:
    assert read_caller(text).error_status is None


def test_documents_below_each_other_are_all_read() -> None:
    rows = [
        {"id": one, "state": state, "region": "fra", "events": EVENTS}
        for one, state in ((OTHER, "started"), (MACHINE, "stopped"))
    ]
    for text in ("\n".join(map(json.dumps, rows)), "\n".join(json.dumps(row, indent=2) for row in rows)):
        found = read_pasted(f"$ fly m list --json | jq '.[]'\n{text}\n$ ")
        assert [m.machine.id for m in found.machines] == [OTHER, MACHINE]
        assert found.machine_id == MACHINE


@pytest.mark.parametrize("text", [f"creating machine in app {APP}: 403", f"A Machine has been launched in app {APP}\n"])
def test_the_app_of_a_sentence_is_read(text: str) -> None:
    assert read_pasted(text).app == APP


def test_a_word_of_prose_is_no_app() -> None:
    assert read_pasted("I saw the machine in app settings and went on").app == ""
