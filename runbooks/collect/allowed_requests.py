"""What may be sent, as lists of (method, host, path). The lists are closed: what is on neither is never sent."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

Rules = tuple[tuple[str, str, re.Pattern[str]], ...]
_PART = r"(?!\.{1,2}(?:/|$))[^/?#\\\s]+"
ALLOWED: Rules = tuple(
    (method, host, re.compile(path))
    for method, host, path in (
        ("GET", "api.machines.dev", r"/v1/tokens/current"),
        ("GET", "api.machines.dev", rf"/v1/apps/{_PART}"),
        ("GET", "api.machines.dev", rf"/v1/apps/{_PART}/(machines|ip_assignments|certificates|secrets|volumes)"),
        ("GET", "api.machines.dev", rf"/v1/apps/{_PART}/machines/{_PART}(/events)?"),
        ("GET", "api.machines.dev", rf"/v1/apps/{_PART}/machines/{_PART}/(ps|versions)"),
        ("GET", "api.machines.dev", rf"/v1/apps/{_PART}/machines/{_PART}/wait"),
        ("GET", "api.machines.dev", rf"/v1/orgs/{_PART}/machines"),
        ("GET", "api.machines.dev", r"/v1/platform/regions"),
        ("GET", "api.fly.io", rf"/prometheus/{_PART}/api/v1/query_range"),
        ("GET", "api.fly.io", rf"/api/v1/apps/{_PART}/logs"),
        ("GET", "*", rf"/v2/{_PART}(/{_PART})*/(manifests|blobs)/{_PART}"),
        ("HEAD", "*", rf"/v2/{_PART}(/{_PART})*/manifests/{_PART}"),
    )
)
WRITES: Rules = (
    ("POST", "api.machines.dev", re.compile(rf"/v1/apps/{_PART}/machines")),
    ("DELETE", "api.machines.dev", re.compile(rf"/v1/apps/{_PART}/machines/{_PART}")),
)
"""What creates and destroys a test machine, and nothing else."""


def is_listed(method: str, url: str, rules: Rules) -> bool:
    """Whether one of these rules names this request; over plain HTTP nothing is sent."""
    parts = urlsplit(url)
    return parts.scheme == "https" and any(
        method == allowed and host in ("*", parts.netloc) and path.fullmatch(parts.path)
        for allowed, host, path in rules
    )
