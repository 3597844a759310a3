"""One incident full of secrets: made-up values of every kind, planted wherever something can come in.

Nothing in here looks like a real credential in the source: all are derived from their names when a test runs.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from starlette.types import ASGIApp

from runbooks.simulator.scenario import FOLDER, load_scenario
from runbooks.simulator.server import Simulator
from tests.changed_answers import ChangedAnswers
from tests.redaction.rows import corpus

MACHINE = "91850296bd4738"
NAME = "vyx-63eea370"
APP = "vyx-app"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def word(name: str, length: int = 32, letters: str = LETTERS) -> str:
    """Characters that depend on the name and on nothing else; the first is always a letter, one a digit."""
    drawn = hashlib.shake_256(name.encode()).digest(length)
    text = "".join(letters[byte % len(letters)] for byte in drawn)
    return text if len(letters) < 20 else f"{text[:1]}7{text[2:]}" if text[0].isalpha() else f"x7{text[2:]}"


def jwt(name: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"role": "service_role", "of": name}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{word(name, 43)}"


def macaroon(name: str) -> str:
    return "fm2_" + base64.b64encode(word(name, 48).encode()).decode()


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True)
class Canary:
    """A secret: where it is planted, of what kind it is, and the parts that may be seen nowhere."""

    place: str
    kind: str
    parts: tuple[str, ...]


@dataclass
class Plan:
    """The canaries, and the world they sit in."""

    canaries: list[Canary] = field(default_factory=list)

    def put(self, place: str, kind: str, secret: str, *parts: str) -> str:
        """Register a secret and give it back; `parts` where it is not the whole that has to stay hidden."""
        self.canaries.append(Canary(place, kind, parts or (secret,)))
        return secret

    def opaque(self, place: str, kind: str, length: int = 24) -> str:
        """A value that only its surroundings give away."""
        return self.put(place, kind, word(f"{place} {kind}", length))


def plan() -> tuple[Plan, dict[str, Any], dict[str, Any], dict[str, str], dict[str, str]]:
    """Canaries, scenario, additions to answers (by what they are added to), parameters, environment."""
    p = Plan()
    told = yaml.safe_load((FOLDER / "vyx-missing-environment.yaml").read_text())
    world = told["world"]
    own, second = (
        p.put("FLY_API_TOKEN", "macaroon", macaroon("own")),
        p.opaque("FLY_API_TOKEN, second part", "discharge"),
    )
    told["token"] = world["tokens"][0]["token"] = f"FlyV1 {own},{second}"
    records = p.opaque("RUNBOOKS_RECORDS_URL", "database password")

    def log(text: str) -> None:
        for program in world["programs"].values():
            program["prints"].append({"at_ms": 700, "text": text})

    # What the machine was given.
    create = next(e["create"] for e in world["history"] if e["create"]["id"] == MACHINE)
    config = create["body"]["config"]
    sentry = p.opaque("env, DSN", "key in a URL", 32)
    nested = p.opaque("env, JSON in a value", "password")
    wrapped = p.put("env, base64", "jwt in base64", jwt("env wrapped"), word("env wrapped", 43))
    env = {
        "SUPABASE_SERVICE_ROLE_KEY": p.put("env, by its key", "jwt", jwt("service role"), word("service role", 43)),
        "GEMINI_API_KEY": p.put("env, by its key", "google key", "AIza" + word("gemini", 35)),
        "DATABASE_URL": f"postgres://app:{p.opaque('env, connection string', 'password')}@db.vyx.example:5432/vyx",
        "STRIPE_SECRET": p.put("env, by its key", "stripe key", "sk_live_" + word("stripe", 24)),
        "SMTP_PASS": p.opaque("env, by its key", "mail password"),
        "SENTRY_DSN": f"https://{sentry}@o1.ingest.example/7",
        "SESSION_COOKIE": p.opaque("env, by its key", "cookie"),
        "PLAIN_NAME": p.put("env, by its looks", "github token", "ghp_" + word("github", 36)),
        "SETTINGS": base64_of(f"{wrapped} is the key"),
        "DB_CONFIG": json.dumps({"db": {"user": "app", "password": nested}}),
        "AWS_ACCESS_KEY_ID": p.put("env, by its key", "aws key id", "AKIA" + word("aws", 16, LETTERS[:26])),
        "AWS_SECRET_ACCESS_KEY": p.put("env, by its key", "aws secret", word("aws secret", 40)),
        "HOOK": "https://hooks.slack.com/services/" + p.put("env, by its looks", "slack webhook", word("hook", 44)),
    }
    config["env"] |= env
    config["metadata"] = {
        "api_token": p.opaque("metadata, by its key", "api token"),
        "note": p.put("metadata, by its looks", "supabase key", "sbp_" + word("sbp", 40, "0123456789abcdef")),
    }
    config["processes"] = [{"name": "app", "env": {"WORKER_TOKEN": p.opaque("env of a process", "worker token")}}]
    config["containers"] = [
        {"name": "side", "env": {"deep": {"SIDE_KEY": p.opaque("nested env of a container", "sidecar key")}}}
    ]
    config["files"] = [{"guest_path": "/k", "raw_value": base64_of(p.opaque("file of the config", "file content"))}]
    config["checks"] = {
        "up": {
            "type": "http",
            "port": 8080,
            "headers": [{"name": "X-Api-Key", "values": [p.opaque("header of a check", "api key")]}],
        }
    }
    config["init"] = {"cmd": ["serve", "--password", p.opaque("command line of the machine", "password")]}

    # What it printed.
    log(f"{p.put('log line', 'jwt', jwt('log'), word('log', 43))} was the key")
    log(f"cannot reach redis://:{p.opaque('log line, connection string', 'password')}@cache.example:6379/0")
    log(f"dsn host=db user=app password={p.opaque('log line, libpq', 'password')} dbname=vyx")
    log(f"< Set-Cookie: sid={p.opaque('log line, Set-Cookie', 'cookie')}; Path=/; HttpOnly")
    log(f"> Authorization: Bearer {p.opaque('log line, Authorization', 'bearer token')}")
    log(f"GET https://s3.example/x?X-Amz-Signature={p.opaque('log line, signed URL', 'signature', 64)}&part=1")
    log("dump " + base64_of("DB_PASSWORD=" + p.opaque("log line, base64", "password in base64") + " # of the day"))
    log("hex " + p.put("log line, hex", "npm token in hex", "npm_" + word("npm hex", 36)).encode().hex())
    escaped = p.put("log line, JSON escapes", "jwt in JSON escapes", jwt("log escaped"), word("log escaped", 43))
    log('{"body":"{\\"apikey\\":\\"\\u0065' + escaped[1:].replace(".", "\\u002e") + '\\"}"}')
    encoded = p.opaque("log line, URL encoded", "password")
    log("next=" + quote(f"postgres://app:{encoded}@db.vyx.example/vyx", safe=""))
    log(f"\x1b[32mADMIN_PASSWORD\x1b[0m=\x1b[33m{p.opaque('log line, coloured', 'password')}\x1b[0m")
    packed = gzip.compress(
        p.put("log line, gzip in base64", "gitlab token", "glpat-" + word("glpat", 20)).encode(), mtime=0
    )
    log("core " + base64.b64encode(packed).decode())
    log("twice " + base64_of(base64_of(p.put("log line, base64 twice", "openai key", "sk-proj-" + word("openai", 40)))))
    log(
        f"AKIA{word('aws log', 16, LETTERS[:26])} / "
        f"{p.put('log line, beside an AWS id', 'aws secret', word('aws log secret', 40))}"
    )
    log(f"dial app:{p.opaque('log line, user:password@', 'password')}@db:5432/vyx: connection refused")
    log(f"slack {p.put('log line', 'slack token', 'xoxb-' + word('slack', 40))}")
    log(f"mail to {p.put('log line', 'e-mail address', 'planted.person@canary.example')} was not sent")
    log(f"registered {own} and {second} and {records} as credentials")
    pem = [word(f"pem {n}", 64) for n in range(3)]
    p.put("log lines, a key in lines", "private key", "", *pem)
    for line in ("-----BEGIN RSA PRIVATE KEY-----", *pem, "-----END RSA PRIVATE KEY-----"):
        log(line)

    # What the platform, the registry, the database and the status page answered.
    world["orgs"]["vyx"]["name"] = f"Vyx of {p.put('organisation name', 'e-mail address', 'owner@canary.example')}"
    world["images"][0]["env"].append(f"BUILD_TOKEN={p.opaque('environment of the image', 'build token')}")
    row = world["records"]["machines"][0]
    row["error_message"] = f"401 for {p.put('row, a text', 'oauth token', 'fo1_' + word('fo1', 43))}"
    row["health_check_url"] = f"https://probe:{p.opaque('row, a URL', 'password')}@vyx.example/health"
    row["websocket_url"] = f"wss://{NAME}.fly.dev/ws?token={p.opaque('row, a URL', 'token in a query')}"
    row["user_id"] = p.put("row, a user", "user id", "63eea370-5c1d-4f0e-9b7a-" + word("user", 12, "0123456789abcdef"))
    world["records"]["events"] = [
        {
            "id": "e1",
            "machine_id": NAME,
            "event_type": "provision",
            "severity": "error",
            "message": f"npm_{p.put('event row, a text', 'npm token', word('npm', 36))} refused",
            "details": {
                "request": {"headers": {"Authorization": f"Token {p.opaque('event row, jsonb', 'token')}"}},
                "config": {"clientSecret": p.opaque("event row, jsonb", "client secret")},
            },
            "created_at": "2025-10-02T03:00:12Z",
        }
    ]
    world["status"][0]["name"] = f"Errors with {p.put('status feed', 'macaroon', macaroon('status'))}"
    added: dict[str, Any] = {
        "machine": {
            "last_error": "pull failed: "
            + p.put("unknown field of a machine", "anthropic key", "sk-ant-" + word("ant", 60)),
            "owner": {"token": p.opaque("unknown field of a machine", "token by its key")},
            "extra": p.opaque("unknown field of a machine", "nothing tells but the place", 12),
            "packed": base64_of("API_TOKEN=" + p.opaque("unknown field of a machine", "token in base64")),
            "dumped": ("npm_" + p.opaque("unknown field of a machine", "npm token in hex", 36)).encode().hex(),
        },
        "event": {"request": {"note": f"sb_secret_{p.put('field of an event', 'supabase key', word('sbsecret', 32))}"}},
        "app": {"deploy_key": {"apiKey": p.opaque("unknown field of an app", "api key")}},
        "error": {"debug": f"token {p.put('body of an error', 'macaroon', macaroon('error'))} has no such machine"},
        "config blob": {
            "Labels": {"com.example.api-key": p.opaque("label of the image", "api key")},
            "history": [
                {"created_by": f"ENV HF=hf_{p.put('history of the image', 'huggingface token', word('hf', 34))}"}
            ],
        },
        "header": {
            "server": f"proxy (x-api-key: {p.opaque('response header', 'api key')})",
            "www-authenticate": f'Bearer realm="https://r.example/t?token={p.opaque("challenge header", "token")}"',
        },
        "addresses": "<html>dead, "
        + p.put("HTML of an error", "sendgrid key", f"SG.{word('sendgrid', 22)}.{word('sendgrid secret', 43)}"),
    }

    # What the caller said, and what the person typed.
    caller = "\n".join(
        [
            told["parameters"]["caller_log"],
            json.dumps({"apiKey": p.opaque("caller's JSON", "api key"), "ok": True}),
            f"{{ password: '{p.opaque('caller, printed object', 'password')}', region: 'sin' }}",
            f"curl -H 'Authorization: FlyV1 {p.put('caller, curl', 'macaroon', macaroon('curl'))}' https://api.machines.dev",
            f"export STAGING_TOKEN={p.opaque('caller, shell', 'token')}",
            f"blob {base64_of(p.put('caller, base64', 'macaroon in base64', macaroon('caller wrapped')))}",
            f"mysql --password {p.opaque('caller, command line', 'password')} vyx",
            f"userEmail: '{p.put('caller', 'e-mail address', 'caller@canary.example')}'",
        ]
    )
    lines, settings, columns = corpus_forms(p)
    caller = "\n".join((caller, *lines))
    config["env"] |= {f"SETTING_{n}": value for n, value in enumerate(settings[::3])}
    config["metadata"] |= {f"note_{n}": value for n, value in enumerate(settings[1::3])}
    config["init"]["cmd"] += [part for n, value in enumerate(settings[2::3]) for part in (f"--thing{n}", value)]
    world["records"]["events"][0]["details"]["lines"] = columns
    parameters = {
        "app_name": APP,
        "machine_id": MACHINE,
        "machine_name": NAME,
        "incident_time": "2025-10-02T03:00:11Z",
        "image": told["parameters"]["image"],
        "title": f"Lost {p.put('title', 'github token', 'github_pat_' + word('pat', 60))} of today",
        "websocket_url": f"wss://me:{p.opaque('websocket_url', 'password')}@{NAME}.fly.dev/ws"
        f"?sig={p.opaque('websocket_url', 'signature')}",
        "record_key": p.put("record_key", "google secret", "GOCSPX-" + word("gocspx", 28)),
        "caller_log": caller,
    }
    environment = {"FLY_API_TOKEN": told["token"], "records password": records}
    return p, told, added, parameters, environment


def corpus_forms(p: Plan) -> tuple[list[str], list[str], list[str]]:
    """Forms of the corpus, each with a secret of its own: lines for the caller, values for settings, lines for rows."""
    lines: list[str] = []
    settings: list[str] = []
    columns: list[str] = []
    seen: set[str] = set()
    for row in corpus():
        if not row.positive or len(row.secrets) != 1 or "\n" in row.text or row.rule.startswith("json:"):
            continue
        secret = row.secrets[0]
        if not re.fullmatch(r"[A-Za-z0-9_-]{16,200}", secret) or secret in seen or not row.wholly_masked():
            continue
        if any(secret in other or other in secret for other in seen):
            continue
        seen.add(secret)
        place = len(seen) % 3
        # A setting that is spelled like an id or a digest is taken for one; behind a name that tells it is masked.
        if place == 1 and (not re.search(r"[0-9]", secret) or re.fullmatch(r"[0-9a-fA-F-]+", secret)):
            place = 0
        p.put(f"corpus, {('caller', 'setting', 'row')[place]}", f"{row.rule} {row.form}", secret)
        if place == 1:
            settings.append(secret)
        else:
            (lines, columns)[place == 2].append(row.text)
        if len(seen) == 330:
            break
    return lines, settings, columns


@dataclass(frozen=True)
class Spikes:
    """What is put into the simulator's answers."""

    added: Mapping[str, Any]

    def change(self, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path.endswith("/ip_assignments"):
            return 500, str(self.added["addresses"]).encode()
        try:
            value = json.loads(body)
        except ValueError:
            return status, body
        return status, json.dumps(self._enriched(value, path)).encode()

    def _enriched(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [self._enriched(item, path) for item in value]
        if not isinstance(value, dict):
            return value
        value = {key: self._enriched(item, path) for key, item in value.items()}
        if value.get("id") == MACHINE:
            return value | self.added["machine"]
        if "timestamp" in value and "source" in value and "type" in value:
            return value | self.added["event"]
        if value.get("name") == APP and "organization" in value:
            return value | self.added["app"]
        if "error" in value:
            return value | self.added["error"]
        if "rootfs" in value:
            blob = self.added["config blob"]
            return value | {"history": blob["history"], "config": value["config"] | {"Labels": blob["Labels"]}}
        return value


def spiked(application: ASGIApp, added: Mapping[str, Any]) -> ChangedAnswers:
    """The simulator behind a proxy that puts more into its answers."""
    return ChangedAnswers(application, Spikes(added).change, added["header"])


@contextmanager
def served(folder: Path) -> Iterator[tuple[Plan, dict[str, str], dict[str, str]]]:
    """Serve the world; gives the canaries, the parameters, and the environment that leads to it."""
    planted, told, added, parameters, secret = plan()
    path = folder / "canaries.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    simulator = Simulator(load_scenario(str(path)), folder / "world")
    simulator._application = spiked(simulator._application, added)  # type: ignore[assignment]
    at = simulator.start()
    try:
        yield (
            planted,
            parameters,
            {
                "FLY_API_TOKEN": secret["FLY_API_TOKEN"],
                "FLY_API_HOSTNAME": at.base_url,
                "FLY_API_BASE_URL": at.base_url,
                "RUNBOOKS_REGISTRIES": ",".join(f"{host}={url}" for host, url in at.registries.items()),
                "RUNBOOKS_CONNECT_TO": at.connect_to,
                "RUNBOOKS_RECORDS_URL": f"{at.records_url}?password={secret['records password']}",
                "RUNBOOKS_STATUS_URL": at.status_url,
                "SSL_CERT_FILE": str(at.ca_pem),
            },
        )
    finally:
        simulator.stop()
