"""A project of Supabase in small: PostgREST over two tables, and the Management API."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

REF = "abcdefghijklmnopqrst"
URL = f"https://{REF}.supabase.co"
TOKEN = "sbp_0123456789abcdef0123456789abcdef01234567"
KEY = "0f4c9a52-6a0d-4b52-8d5e-3c9f0a1b2c3d"
NAME, FLY_ID = "vyx-63eea370", "91850296bd4738"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONDITION = re.compile(r'([\w>-]+)\.in\.\(((?:"(?:[^"\\]|\\.)*",?)*)\)')


def jwt(role: str, **claims: Any) -> str:
    """A key as projects had them before 2025; its signature is made up."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    payload = {"iss": "supabase", "ref": REF, "role": role, "iat": 1730000000, "exp": 2050000000, **claims}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(payload)}.c2lnbmF0dXJlLW1hZGUtdXA"


SERVICE, ANON = jwt("service_role"), jwt("anon")
NEW_SERVICE, NEW_ANON = "sb_secret_0123456789abcdefABCDEF", "sb_publishable_0123456789abcdefABCDEF"


class Supabase:
    """`heard` keeps what came: path, query and headers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.types = {
            "cloud_machines": dict.fromkeys(("id", "user_id"), "uuid")
            | dict.fromkeys(("machine_id", "status", "region", "websocket_url", "updated_at", "fly_app_name"), "text"),
            "cloud_events": dict.fromkeys(("id", "machine_id", "user_id"), "uuid")
            | {"event_type": "text", "details": "jsonb", "created_at": "text"},
        }
        self.rows: dict[str, list[dict[str, Any]]] = {
            "cloud_machines": [
                {
                    "id": KEY,
                    "user_id": "63eea370-13d5-4a55-bdf5-62d3b5e30f3f",
                    "machine_id": NAME,
                    "status": "starting",
                    "region": "sin",
                    "fly_app_name": "vyx-app",
                    "websocket_url": f"wss://{NAME}.fly.dev",
                    "updated_at": "2025-11-24T20:05:31+00:00",
                }
            ],
            "cloud_events": [
                {
                    "id": "7e6d5c4b-3a29-4817-9605-f4e3d2c1b0a9",
                    "machine_id": None,
                    "user_id": None,
                    "event_type": "machine_provisioned",
                    "details": {"fly_machine_id": FLY_ID},
                    "created_at": "2025-11-24T20:05:32+00:00",
                }
            ],
        }
        self.secrets: dict[str, str] = {
            "DOCKER_IMAGE": "registry.fly.io/vyx-app:stub",
            "FLY_API_TOKEN": "fm2_secretofthefunction0123456789",
            "PIN": "1234",
        }
        self.log: list[dict[str, Any]] = [
            {
                "timestamp": "2025-11-24T20:05:31.900000",
                "event_message": f"machine created: {FLY_ID} with SUPABASE_SERVICE_ROLE_KEY={SERVICE}",
                "severity_text": "info",
                "source": "function_logs",
            },
            {"timestamp": "2025-11-24T20:05:31.100000", "event_message": "POST | 200", "source": "function_edge_logs"},
        ]
        self.old_log = False
        self.log_error: Any = None
        self.answer: Response | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/rest/v1/{table}", self.table),
                Route("/v1/projects/{ref}/secrets", self.list_secrets),
                Route("/v1/projects/{ref}/analytics/endpoints/{name}", self.read_log),
            ]
        )

    def _hear(self, request: Request) -> None:
        self.heard.append((request.url.path, dict(request.query_params), dict(request.headers)))

    # The tables

    async def table(self, request: Request) -> Response:
        self._hear(request)
        if self.answer is not None:
            return self.answer
        key = request.headers.get("apikey", "")
        if key not in (SERVICE, ANON, NEW_SERVICE, NEW_ANON) and not key.startswith("eyJ"):
            return JSONResponse({"message": "Invalid API key", "hint": "Double check your API key."}, 401)
        if request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"message": "No API key found in request"}, 401)
        name = request.path_params["table"]
        types = self.types.get(name)
        if types is None or "accept-profile" in request.headers:
            text = f"Could not find the table 'public.{name}' in the schema cache"
            return JSONResponse({"code": "PGRST205", "message": text}, 404)
        conditions = _CONDITION.findall(request.query_params["or"])
        assert request.query_params["or"] == f"({','.join(f'{c}.in.({w})' for c, w in conditions)})"
        searched = {
            c: [re.sub(r"\\(.)", r"\1", w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', t)] for c, t in conditions
        }
        order = request.query_params.get("order", "").partition(".")[0]
        for column in filter(None, (*searched, order)):
            if column.partition("->")[0] not in types:
                text = f"column {name}.{column.partition('->')[0]} does not exist"
                return JSONResponse({"code": "42703", "message": text, "details": None, "hint": None}, 400)
        for column, words in searched.items():
            for word in words if types.get(column) == "uuid" else ():
                if not _UUID.fullmatch(word):
                    text = f'invalid input syntax for type uuid: "{word}"'
                    return JSONResponse({"code": "22P02", "message": text}, 400)
        if key not in (SERVICE, NEW_SERVICE):
            return JSONResponse([])
        return JSONResponse([row for row in self.rows[name] if self._matches(row, searched)])

    @staticmethod
    def _matches(row: dict[str, Any], searched: dict[str, list[str]]) -> bool:
        for column, words in searched.items():
            name, _, inner = column.partition("->>")
            value = (row.get(name) or {}).get(inner) if inner else row.get(name)
            if value in words:
                return True
        return False

    # The Management API

    def _unauthorized(self, request: Request) -> Response | None:
        if self.answer is not None:
            return self.answer
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "Unauthorized"}, 401)
        if request.path_params["ref"] != REF:
            return JSONResponse({"message": "Your account does not have the necessary privileges"}, 403)
        return None

    async def list_secrets(self, request: Request) -> Response:
        self._hear(request)
        return self._unauthorized(request) or JSONResponse(
            [
                {
                    "name": name,
                    "value": hashlib.sha256(value.encode()).hexdigest(),
                    "updated_at": "2025-11-01T08:00:00Z",
                }
                for name, value in self.secrets.items()
            ]
        )

    async def read_log(self, request: Request) -> Response:
        self._hear(request)
        if refusal := self._unauthorized(request):
            return refusal
        old = request.path_params["name"] == "logs.all"
        if old != self.old_log:
            return JSONResponse({"message": f"Cannot GET {request.url.path}"}, 404)
        assert ("from function_logs" in request.query_params["sql"]) == old
        rows = [{**row, "timestamp": 1764014731900000} for row in self.log[:1]] if old else self.log
        return JSONResponse({"result": None if self.log_error else rows, "error": self.log_error})
