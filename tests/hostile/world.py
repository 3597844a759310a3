"""An incident in which everybody who may write something writes an attack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from runbooks.simulator.scenario import FOLDER, load_scenario
from runbooks.simulator.server import Simulator
from tests.changed_answers import ChangedAnswers

MACHINE = "91850296bd4738"
NAME = "vyx-63eea370"
ELSEWHERE = "https://evil.example"

SCRIPT = "<script>window.PWNED=1</script>"
ACTIVE = (
    "</pre></code></td></style></title></textarea>--><script>window.PWNED=2</script>"
    '<img src=x onerror="window.PWNED=3"><svg/onload=window.PWNED=4><details open ontoggle=window.PWNED=5>'
    f'<iframe src="{ELSEWHERE}/frame"></iframe><img src="{ELSEWHERE}/pixel.png">'
    f"<link rel=stylesheet href={ELSEWHERE}/a.css><style>@import url({ELSEWHERE}/b.css)</style>"
    f"<form action={ELSEWHERE}><input autofocus onfocus=window.PWNED=6>"
)
TAGS = f"{ACTIVE}<base href={ELSEWHERE}><meta http-equiv=refresh content='0;url={ELSEWHERE}'>"
ATTRIBUTE = '" onmouseover="window.PWNED=7" style="x" \' onfocus=\'window.PWNED=8\' autofocus=\''
URL = "javascript:window.PWNED=9//"
MARKDOWN = (
    f"[click]({URL}) ![pixel]({ELSEWHERE}/m.png) <{ELSEWHERE}> [ref]: {ELSEWHERE} `` ` `` | | *b* {SCRIPT} "
    f"\n\n# heading\n\n- item\n\n```\nfence\n```\n~~~\n\n    code\n\n[ref]: {URL}\n<div>\n{SCRIPT}\n</div>\n"
)
TEMPLATE = "{{ 7*7*191 }} {% raw %} ${7*7} #{7} %(x)s {0.__class__}"
TERMINAL = (
    "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\"
    "\x9b31m\x07\x08\x08\r\x1b(0\x1bc"
)
UNICODE = "abc\u202egnp.exe\u2066\u200f\u061c\u2028\u2029\u200b\ufeff\U000e0041\x00\x7f\x85"
PATH = "../../../../etc/x\\..\\y"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1+1)", "\t=1", "|calc")
LONG = "x" * 500_000 + SCRIPT + "y" * 500_000

EVERYTHING = (SCRIPT, TAGS, ATTRIBUTE, URL, MARKDOWN, TEMPLATE, TERMINAL, UNICODE, PATH, *FORMULAS)
SHORT = f"{SCRIPT}{ATTRIBUTE}{URL}\x1b[31m\u202e{TEMPLATE}"


def scenario() -> dict[str, Any]:
    """The demo's incident with attacks in everything that its people and programs may choose."""
    told: dict[str, Any] = yaml.safe_load((FOLDER / "vyx-missing-environment.yaml").read_text())
    world = told["world"]
    config = next(e["create"] for e in world["history"] if e["create"]["id"] == MACHINE)["body"]["config"]
    config["env"] |= {f"EVIL_{n}": text for n, text in enumerate(EVERYTHING)} | {text[:300]: "x" for text in EVERYTHING}
    config["metadata"] = {"evil": SHORT, SHORT: "x", "=1+1": "=1+1"}
    config["init"] = {"cmd": [SCRIPT, "$(touch /tmp/x)", TERMINAL]}
    for program in world["programs"].values():
        for n, text in enumerate((*EVERYTHING, LONG)):
            program["prints"].append({"at_ms": 700 + n, "text": text})
        program["error_message"] = f"[Main] Missing required environment variables: {{missing}} {SCRIPT}{TERMINAL}"
    world["orgs"]["vyx"]["name"] = SHORT
    world["images"][0] |= {"cmd": ["node", SCRIPT, TERMINAL], "env": [f"{SHORT}=1"]}
    row = world["records"]["machines"][0]
    row |= {"status": SHORT, "region": SHORT, "error_message": TAGS, "websocket_url": URL, "health_check_url": TERMINAL}
    world["records"]["events"] = [
        {
            "id": f"e{n}",
            "machine_id": NAME,
            "event_type": text,
            "severity": text,
            "message": text,
            "details": {text: text},
            "created_at": "2025-10-02T03:00:12Z",
        }
        for n, text in enumerate(EVERYTHING[:9])
    ]
    world["status"][0] |= {"name": TAGS, "status": SHORT, "started_at": "2025-10-02T02:55:00Z", "resolved_at": None}
    return told


def parameters(told: Mapping[str, Any]) -> dict[str, str]:
    said = json.dumps({"message": TAGS, "status": SHORT, "region": SHORT, "error": MARKDOWN, "image": SHORT})
    return {
        "app_name": "vyx-app",
        "machine_id": MACHINE,
        "machine_name": NAME,
        "image": f"registry.fly.io/vyx-app:{SCRIPT}",
        "title": f"{SHORT} {PATH}",
        "websocket_url": URL,
        "record_key": SHORT.replace("\x00", ""),
        "records_table": "cloud_machines",
        "incident_time": "2025-10-02T03:00:11Z",
        # An argument of a command can hold no NUL.
        "caller_log": "\n".join((said, *EVERYTHING, told["parameters"]["caller_log"])).replace("\x00", ""),
    }


HEADERS = {"server": SCRIPT, "fly-request-id": "01K6<script>window.PWNED=10</script>[31m"}


def changed(path: str, status: int, body: bytes) -> tuple[int, bytes]:
    """Attacks where the platform itself writes."""
    if path.endswith("/ip_assignments"):
        return 502, TAGS.encode()
    with suppress(ValueError):
        body = json.dumps(_evil(json.loads(body))).encode()
    return status, body


def _evil(value: Any) -> Any:
    if isinstance(value, list):
        return [_evil(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _evil(item) for key, item in value.items()}
    if value.get("id") == MACHINE:
        value |= {"region": SHORT, "host_status": SHORT, SHORT: SHORT, "instance_id": SHORT}
        if isinstance(value.get("events"), list):
            value["events"] += _events()
        if isinstance(value.get("image_ref"), dict):
            value["image_ref"] |= {"labels": {SHORT: SHORT}}
    if "error" in value and isinstance(value["error"], str):
        value["error"] += SHORT + TAGS
    if "organization" in value and "name" in value:
        value["status"] = SHORT
    if "Cmd" in value:
        value |= {"Labels": {SHORT: TAGS}, "ExposedPorts": {SHORT: {}}}
    return value


def _events() -> list[dict[str, Any]]:
    return [
        {"id": f"01EVIL{n}", "type": text, "status": text, "source": text, "timestamp": 1759374013000 + n}
        for n, text in enumerate((SHORT, TAGS, UNICODE, TERMINAL, PATH))
    ]


@contextmanager
def served(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Serve the world; gives the parameters, and the environment that leads to it."""
    told = scenario()
    path = folder / "hostile.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    simulator = Simulator(load_scenario(str(path)), folder / "world")
    simulator._application = ChangedAnswers(simulator._application, changed, HEADERS)  # type: ignore[assignment]
    at = simulator.start()
    try:
        yield (
            parameters(told),
            {
                "FLY_API_TOKEN": told["token"],
                "FLY_API_HOSTNAME": at.base_url,
                "FLY_API_BASE_URL": at.base_url,
                "RUNBOOKS_REGISTRIES": ",".join(f"{host}={url}" for host, url in at.registries.items()),
                "RUNBOOKS_CONNECT_TO": at.connect_to,
                "RUNBOOKS_RECORDS_URL": at.records_url,
                "RUNBOOKS_STATUS_URL": at.status_url,
                "SSL_CERT_FILE": str(at.ca_pem),
            },
        )
    finally:
        simulator.stop()
