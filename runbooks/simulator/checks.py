"""The health checks of a machine's config: what they are called, and what they find (§1.4, §8.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from runbooks.simulator import spec

_GRACE_MS = 10_000
_DURATION = re.compile(r"(\d+)(ms|s|m)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000}


@dataclass(frozen=True)
class Check:
    """`exposed` are the public ports of the service, where it is `of_service`."""

    name: str
    kind: str
    port: int
    path: str
    grace_ms: int
    of_service: bool = False
    exposed: tuple[int, ...] = ()

    def result(self, reached: bool, health: spec.Health) -> tuple[str, str]:
        """Status and output."""
        if not reached:
            return "critical", f"connect: connection refused on port {self.port}"
        if self.kind == "http" and health.status >= 400:
            said = f"{health.status} {HTTPStatus(health.status).phrase}"
            return "critical", f"HTTP GET http://127.0.0.1:{self.port}{self.path}: {said} Output: {health.body}"
        return "passing", health.body

    @property
    def error_message(self) -> str:
        """The line of the platform's log about a failure."""
        text = f"Health check '{self.name}' on port {self.port} has failed. Your app is not responding properly."
        if not self.exposed:
            return text
        rest = "will have intermittent failures until the health check passes."
        return f"{text} Services exposed on ports {list(self.exposed)} {rest}"


def checks_of(config: Mapping[str, Any]) -> list[Check]:
    """Those of the machine first, then those of its services, which the platform numbers."""
    checks = [_check(name, told, int(told.get("port") or 0)) for name, told in (config.get("checks") or {}).items()]
    for service in config.get("services") or []:
        port = int(service.get("internal_port") or 0)
        exposed = tuple(ports["port"] for ports in service.get("ports") or [] if "port" in ports)
        for number, told in enumerate(service.get("checks") or []):
            name = f"servicecheck-{number:02d}-{told.get('type', 'tcp')}-{port}"
            checks.append(_check(name, told, int(told.get("port") or port), of_service=True, exposed=exposed))
    return checks


def _check(name: str, told: Mapping[str, Any], port: int, **service: Any) -> Check:
    grace = sum(int(number) * _UNIT_MS[unit] for number, unit in _DURATION.findall(str(told.get("grace_period", ""))))
    return Check(name, str(told.get("type", "tcp")), port, str(told.get("path") or "/"), grace or _GRACE_MS, **service)
