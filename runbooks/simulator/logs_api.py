"""The platform API's log pages and the status feed."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from runbooks.simulator.http import Answer, ApiContext, Call, answer_json
from runbooks.simulator.logbook import LogLine
from runbooks.simulator.refused import Refused
from runbooks.simulator.tokens import Credential


class LogsApi:
    def __init__(self, desk: ApiContext, incidents: list[dict[str, Any]]) -> None:
        self._desk = desk
        self._incidents = incidents

    def routes(self) -> list[Route]:
        return [
            self._desk.route("/api/v1/apps/{app}/logs", self.page),
            self._desk.route("/v1/incidents", self.status),
        ]

    def page(self, call: Call) -> Answer:
        """This host, unlike the Machines API, takes a macaroon under the scheme FlyV1 only."""
        credential = Credential.parse(call.headers.get("authorization", ""))
        if credential.scheme == "bearer" and credential.is_macaroon:
            raise Refused(401, "Authenticate: token validation error")
        app = call.path["app"]
        self._desk.tokens.check_app(self._desk.holder(call), app)
        self._desk.limit("get logs", f"{app}/{call.query.get('instance', '')}")
        token = call.query.get("next_token", "")
        if token and not token.isdigit():
            raise Refused(400, "invalid next_token", unverified=True)
        lines = self._desk.world.log.read(
            app,
            self._desk.world.now,
            instance=call.query.get("instance", ""),
            region=call.query.get("region", ""),
            after_ns=int(token) if token else None,
        )
        following = str(lines[-1].ns) if lines else token
        return answer_json({"data": [_entry(line) for line in lines], "meta": {"next_token": following}})

    def status(self, call: Call) -> Answer:
        """Public: flyctl asks it without a token."""
        return answer_json({"incidents": self._incidents})


def _entry(line: LogLine) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "instance": line.instance,
        "region": line.region,
        "event": {"provider": line.provider},
    }
    if line.error_code is not None:
        meta["error"] = {"code": line.error_code, "message": line.message}
    return {
        "id": str(line.ns),
        "type": "log",
        "attributes": {
            "timestamp": line.timestamp,
            "message": line.message,
            "level": line.level,
            "instance": line.instance,
            "region": line.region,
            "meta": meta,
        },
    }
