"""The part of Prometheus' HTTP API that is asked: range queries of one selector (§9)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.routing import Route

from runbooks.simulator.http import Answer, ApiContext, Call, answer_json
from runbooks.simulator.metrics import Measured, edge_answers, measured
from runbooks.simulator.refused import Refused
from runbooks.simulator.tokens import Credential

_QUERY = re.compile(r"last_over_time\(\{(?P<matchers>.*)\}\[(?P<window>\d+)s\]\)")
_MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')
_MOST_POINTS = 11_000


class MetricsApi:
    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[Route]:
        return [self._desk.route("/prometheus/{org}/api/v1/query_range", self.query_range)]

    def query_range(self, call: Call) -> Answer:
        credential = Credential.parse(call.headers.get("authorization", ""))
        if credential.scheme == "bearer" and credential.is_macaroon:
            raise Refused(401, "Authenticate: token validation error")
        org = call.path["org"]
        self._desk.tokens.check_org(self._desk.holder(call), org)
        self._desk.limit("query metrics", org)
        asked = _QUERY.fullmatch(call.query.get("query", ""))
        start, end, step = (_number(call, name) for name in ("start", "end", "step"))
        if asked is None or step <= 0 or end < start or (end - start) / step > _MOST_POINTS:
            return _bad("the simulator answers `last_over_time({…}[Ns])` with start, end and step only")
        matchers = _MATCHER.findall(asked["matchers"])
        window = int(asked["window"])
        rows = [
            row
            for series in self._series(org)
            if all(_matches(series.labels.get(name, ""), sign, value) for name, sign, value in matchers)
            and (row := _evaluated(series, start, end, step, window))["values"]
        ]
        return answer_json({"status": "success", "isPartial": False, "data": {"resultType": "matrix", "result": rows}})

    def _series(self, org: str) -> list[Measured]:
        world, now = self._world, self._world.now
        kept = now - timedelta(days=world.settings.metrics_retention_days)
        told = [
            series
            for machine in world.ever()
            if world.apps[machine.app].org == org
            for series in measured(machine, now)
        ]
        told += edge_answers(world.answered, world.served_since(org), now)
        return [
            Measured(series.labels, spans)
            for series in told
            if (spans := [span for span in series.spans if span.end > kept])
        ]


def _evaluated(series: Measured, start: float, end: float, step: float, window: int) -> dict[str, Any]:
    values, at = [], start
    while at <= end:
        value = series.last(at - window, at)
        if value is not None:
            values.append([at, f"{value:g}" if value < 1e6 else f"{value:.0f}"])
        at += step
    return {"metric": series.labels, "values": values}


def _matches(value: str, sign: str, wanted: str) -> bool:
    plain = wanted.replace('\\"', '"').replace("\\\\", "\\")
    return re.fullmatch(plain, value) is not None if sign == "=~" else value == plain


def _number(call: Call, name: str) -> float:
    text = call.query.get(name, "")
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        raise Refused(400, f"cannot parse {name}") from None


def _bad(text: str) -> Answer:
    return answer_json({"status": "error", "errorType": "bad_data", "error": text}, 400)
