"""Fly's own description of the Machines API (2024-03), without its prose, and what is a request that it knows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

SPEC: dict[str, Any] = json.loads(Path(__file__).with_name("machines-2024-03.openapi.json").read_text())
APP, ONE = "/apps/{app_name}", "/apps/{app_name}/machines/{machine_id}"
LATER = {
    (f"{APP}/machines", "summary"),  # §1.3: a parameter of the app's list
    (f"{APP}/machines", "metadata.fly_runbooks_guard"),  # §1.3: `metadata.KEY` of the app's list
    (f"{ONE}/events", "limit"),  # §1.3: how many events are answered
    (f"{ONE}/wait", "settled"),  # §1.7: a state that `fly machine wait` asks for
}
"""What is sent and came after this description, with the section of docs/fly-platform.md that has its source."""
LATER_PATHS = re.compile(
    r"/tokens/current|/orgs/[^/]+/machines|/platform/regions|/apps/[^/]+/(secrets|certificates|ip_assignments)"
)
"""§1.3: the paths of which the same is true."""


def known(method: str, url: str, body: bytes | None = None) -> tuple[str, str] | None:
    """Fail for a request that Fly does not describe.

    Returns:
        the operation, after its query and its body were checked; None for a path that came later
    """
    parts = urlsplit(url)
    path = parts.path.removeprefix("/v1")
    if method == "GET" and LATER_PATHS.fullmatch(path):
        return None
    for template, methods in SPEC["paths"].items():
        if not re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) or method.lower() not in methods:
            continue
        described = methods[method.lower()]
        queries = {p["name"]: p["schema"] for p in described["parameters"] if p["in"] == "query"}
        for name, (value, *_) in parse_qs(parts.query, keep_blank_values=True).items():
            if name not in queries:
                assert (template, name) in LATER, (url, name)
            elif value not in queries[name].get("enum", [value]):
                assert (template, value) in LATER, (url, value)
        if body:
            reference = described["requestBody"]["content"]["application/json"]["schema"]
            jsonschema.Draft4Validator({**SPEC, **reference}).validate(json.loads(body))
        return method, template
    raise AssertionError(f"{method} {path} is not described")
