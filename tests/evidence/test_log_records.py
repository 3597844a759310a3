"""The log of one machine in every form in which other tools export it; and logs that are nobody's machine's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from runbooks.evidence.pasted import read_pasted
from runbooks.evidence.pasted.log_records import as_lines

MACHINE, APP = "3d8d9f12a4be89", "orders-worker"
TOLD = [
    ("runner", "info", f"Pulling container image registry.fly.io/{APP}:deployment-01K9ZQ1C5W7X3M4N5P6Q7R8S9T"),
    ("init", "info", " INFO Starting init (commit: 1f2a3b4)..."),
    ("app", "error", 'Error: "DATABASE_URL" is not set, see {docs}'),
    ("app", "info", "    at Object.<anonymous> (/app/src/config.js:12:9)"),
    ("init", "info", " INFO Main child exited normally with code: 1"),
    ("runner", "info", "machine has reached its max restart count of 10"),
]
ROWS = [(f"2026-11-20T08:15:{10 + n}Z", *told) for n, told in enumerate(TOLD)]
NANOSECONDS = 1_795_680_910_000_000_000


def _flyctl() -> str:
    """`fly logs --json`: objects over several lines, one below the other."""
    return "\n".join(
        json.dumps(
            {
                "level": level,
                "instance": MACHINE,
                "message": message,
                "region": "ams",
                "timestamp": at,
                "meta": {"instance": MACHINE, "region": "ams", "event": {"provider": provider}, "error": {"code": 0}},
            },
            indent=4,
        )
        for at, provider, level, message in ROWS
    )


def _shipper(app_name: str = "name") -> str:
    return "\n".join(
        json.dumps(
            {
                "event": {"provider": provider},
                "fly": {"app": {"instance": MACHINE, app_name: APP}, "region": "ams"},
                "log": {"level": level},
                "message": message,
                "timestamp": at,
            }
        )
        for at, provider, level, message in ROWS
    )


def _loki() -> str:
    """What Loki's API answers: streams of labels, each with pairs of nanoseconds and a line."""
    labels = {"app": APP, "instance": MACHINE, "region": "ams"}
    streams = [
        {
            "stream": labels | {"provider": provider},
            "values": [[str(NANOSECONDS + n * 10**9), m] for n, (p, _, m) in enumerate(TOLD) if p == provider],
        }
        for provider in ("app", "init", "runner")
    ]
    return json.dumps({"status": "success", "data": {"resultType": "streams", "result": streams}})


def _elastic() -> str:
    hits = [
        {
            "_index": "fly-1",
            "_source": {"@timestamp": at, "host": {"name": MACHINE}, "service": {"name": APP}, "message": message},
        }
        for at, _, _, message in reversed(ROWS)
    ]
    return json.dumps({"took": 3, "hits": {"total": {"value": 6}, "hits": hits}}, indent=2)


def _cloudwatch() -> str:
    events = [
        {"logStreamName": f"{APP}/{MACHINE}", "timestamp": NANOSECONDS // 10**6 + n * 1000, "message": message}
        for n, (_, _, message) in enumerate(TOLD)
    ]
    return json.dumps({"events": events}, indent=2)


def _relayed() -> str:
    """A drain that keeps flyctl's head in its message."""
    return "\n".join(
        json.dumps(
            {
                "stream": f"{APP}/{MACHINE}",
                "app": APP,
                "time": at,
                "line": f"{provider}[{MACHINE}] ams [{level}]{message}",
            }
        )
        for at, provider, level, message in ROWS
    )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _grafana() -> str:
    labels = json.dumps({"app": APP, "instance": MACHINE, "region": "ams"})
    return "\n".join(
        ["Time,Line,labels", *(f"{at},{_quoted(message)},{_quoted(labels)}" for at, _, _, message in ROWS)]
    )


def _datadog() -> str:
    head = '"Date";"Host";"Service";"Message"'
    return "\n".join([head, *(f'"{at}";"{MACHINE}";"{APP}";{_quoted(message)}' for at, _, _, message in ROWS[::-1])])


def _logfmt() -> str:
    return "\n".join(
        f"ts={at} level={level} app={APP} instance={MACHINE} region=ams provider={provider} msg={json.dumps(message)}"
        for at, provider, level, message in ROWS
    )


def _logcli() -> str:
    return "\n".join(f'{at} {{app="{APP}", instance="{MACHINE}"}} {message}' for at, _, _, message in ROWS)


def _syslog() -> str:
    return "\n".join(
        f"Nov 20 08:15:{10 + n} {APP} {provider}[{MACHINE}]: {message}" for n, (provider, _, message) in enumerate(TOLD)
    )


def _papertrail() -> str:
    return "\n".join(
        f"Nov 20 08:15:{10 + n} {APP} {MACHINE} {provider}: {message}" for n, (provider, _, message) in enumerate(TOLD)
    )


def _axiom() -> str:
    return json.dumps(
        {"status": {}, "matches": [{"_rowId": "1", "data": json.loads(x)} for x in _shipper().split("\n")]}
    )


def _table(bar: str, edge: str, rule: str) -> str:
    cells = [("time", "app", "provider", "instance", "message")]
    cells += [(at, APP, provider, MACHINE, message) for at, provider, _, message in ROWS]
    head, *rows = (f"{edge} " + f" {bar} ".join(f"{cell:22}" for cell in row) + f" {edge}" for row in cells)
    return "\n".join([rule, head, rule, *rows, rule])


def _markdown() -> str:
    return _table("|", "|", "|---|---|---|---|---|").removeprefix("|---|---|---|---|---|\n")


def _psql() -> str:
    return _table("|", "", "-----+-----+-----") + "\n(6 rows)\n"


def _nushell() -> str:
    return _table("│", "│", "├─────┼─────┤")


FORMS: list[Callable[[], str]] = [
    _flyctl,
    _shipper,
    _loki,
    _elastic,
    _cloudwatch,
    _relayed,
    _grafana,
    _datadog,
    _logfmt,
    _logcli,
    _syslog,
    _papertrail,
    _axiom,
    _markdown,
    _psql,
    _nushell,
]


@pytest.mark.parametrize("form", FORMS)
def test_every_export_tells_the_same_log(form: Callable[[], str]) -> None:
    found = read_pasted(form())
    assert [line.message.strip() for line in found.lines] == [message.strip() for _, _, message in TOLD]
    assert {line.instance for line in found.lines} == {MACHINE}
    assert (found.app, found.machine_id) == (APP, MACHINE)
    senders = [line.provider for line in found.lines]
    assert senders[0] == senders[-1] == "runner"
    assert senders[2] == senders[3] == "app"
    if form not in (_syslog, _papertrail):  # its times have no year
        assert [line.at is not None and f"{line.at:%S}" for line in found.lines] == [at[17:19] for at, *_ in ROWS]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 5_000,
        '{"time": "2026-11-20T08:15:10Z", "msg": "created machine", "machine_id": "3d8d9f12a4be89"}\n' * 5,
        'time=2026-11-20T08:15:10Z level=error msg="create failed" machine=3d8d9f12a4be89 status=422\n' * 5,
        "Date,Message,Machine\n" + "2026-11-20T08:15:10Z,create call answered,3d8d9f12a4be89\n" * 5,
        "Date,Message\n" + "2026-11-20T08:15:10Z,machine has reached its max restart count of 10\n" * 5,
        '{"timestamp": 1, "message": "Starting init (commit: 1)", "instance": "20261120081510"}\n' * 3,
        '{"time": "2026-11-20T08:15:10Z", "msg": "Starting machine", "machine": "3d8d9f12a4be89", "service": "jobs"}\n'
        '{"time": "2026-11-20T08:15:11Z", "msg": "machine started in 2s", "machine": "3d8d9f12a4be89"}\n'
        '{"time": "2026-11-20T08:15:12Z", "msg": "Error: KEY is not set", "machine": "3d8d9f12a4be89"}\n'
        '{"time": "2026-11-20T08:15:13Z", "msg": "Main child exited with code: 1", "machine": "3d8d9f12a4be89"}',
        'ts=2026-11-20T08:15:10Z msg="machine started in 3s" id=1 machine=3d8d9f12a4be89\n'
        'ts=2026-11-20T08:15:11Z msg="Main child exited normally with code: 1" id=2 machine=3d8d9f12a4be89',
        "| time | machine | message |\n" + "| 2026-11-20T08:15:10Z | 3d8d9f12a4be89 | create call answered |\n" * 5,
        "| time | provider | id | message |\n| 2026-11-20T08:15:10Z | app | 3d8d9f12a4be89 | up |\n" * 2
        + "words\n" * 3,
        "Nov 20 08:15:10 orders-api 3d8d9f12a4be89 create: machine has reached its max restart count of 10\n" * 5,
        '{"timestamp": {}, "message": ["x"], "instance": {"a": null}}\n' * 3,
    ],
)
def test_what_is_no_log_of_a_machine_stays_as_it_is(text: str) -> None:
    """A caller's log in the same forms names machines, and is not theirs."""
    assert as_lines(text) is None


def test_another_name_of_the_app_is_read_too() -> None:
    assert read_pasted(_shipper("app_name")).app == APP


def test_lines_of_one_time_stay_in_their_order_and_texts_are_split() -> None:
    at = "2026-11-20T08:15:10Z"
    rows = [{"time": at, "provider": "app", "instance": MACHINE, "msg": f"{n}\nbelow"} for n in range(3)]
    told = as_lines(json.dumps(rows))
    assert told is not None
    assert [line.rpartition("]")[2] for line in told.splitlines()] == ["0", "below", "1", "below", "2", "below"]


def test_the_host_of_a_line_is_no_other_number_beside_it() -> None:
    rows = [{"time": ROWS[0][0], "msg": "a", "build": "deadbeef012345", "machine": MACHINE, "provider": "app"}] * 2
    told = as_lines(json.dumps(rows))
    assert told is not None
    assert "deadbeef012345" not in told
    assert told.count(f"app[{MACHINE}]") == 2


@pytest.mark.parametrize(
    "other",
    [
        "Error: failed to launch VM: insufficient resources to create new machine with existing volume",
        "{broken",
        '{"error": "could not find a candidate host", "status": 422}',
        '{"timestamp": "2026-11-20T08:15:10Z", "message": "POST /v1/apps: 422", "level": "error"}',
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_what_stands_among_the_records_is_kept(other: str, place: int) -> None:
    """A refusal below an export is what the incident may be about."""
    rows = _shipper().split("\n")
    told = as_lines("\n".join([*rows[: max(place, 1)], other, *rows[max(place, 1) :]]))
    assert told is not None
    assert other in told.splitlines()
    assert told.count(f"[{MACHINE}]") == len(ROWS)


def test_of_a_very_long_export_the_end_is_read() -> None:
    """How a life ended stands there."""
    rows = [*((at, "app", "info", f"line {n}") for at, n in ((ROWS[0][0], n) for n in range(21_000))), ROWS[-1]]
    text = "\n".join(
        json.dumps({"time": at, "provider": provider, "instance": MACHINE, "msg": message})
        for at, provider, _, message in rows
    )
    assert read_pasted(text).lines[-1].message == ROWS[-1][3]
