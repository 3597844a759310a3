"""The caller's project at Supabase: where it is, what its key may see, and what may be asked of it.

The project's key goes to the project and the personal access token to the Management API, each to no
other host. Only GET, only the addresses of `allowed`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from runbooks.evidence.parsers import text_of

MANAGEMENT = "https://api.supabase.com"
_REF = re.compile(r"[a-z0-9]{15,30}")


@dataclass(frozen=True)
class Project:
    """Where the project is and what we have for it. `role` says what the key may see, and is kept for a replay."""

    url: str = ""
    ref: str = ""
    role: str = ""
    managed: bool = False
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def told(self) -> dict[str, Any]:
        """What a replay has to know; nothing secret."""
        return {"url": self.url, "ref": self.ref, "role": self.role, "managed": self.managed}


def project_of(records_url: str, key: str, token: str) -> Project:
    """The project behind RUNBOOKS_RECORDS_URL: its web address, or the database's host or user name, name it."""
    web = records_url.startswith(("https://", "http://"))
    try:
        parts = urlsplit(records_url)
        host, user = parts.hostname or "", parts.username or ""
    except ValueError:
        host = user = ""
    claims = _claims(key)
    named = re.fullmatch(r"(?:db\.)?([a-z0-9]{15,30})\.supabase\.(?:co|in)", host)
    pooled = re.fullmatch(r"[\w-]+\.([a-z0-9]{15,30})", user) if host.endswith(".supabase.com") else None
    found = named or pooled
    ref = found[1] if found else text_of(claims.get("ref"))
    if not _REF.fullmatch(ref):
        ref = ""
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}" if web and host else ""
    return Project(url, ref, _role(key, claims) if web else "", bool(token), key, token)


def replayed(told: Mapping[str, Any]) -> Project:
    """The project of a saved run; its stand-ins for key and token open nothing."""
    url, ref, role = (text_of(told.get(name)) for name in ("url", "ref", "role"))
    ref = ref if _REF.fullmatch(ref) else ""
    return Project(url, ref, role, told.get("managed") is True, "replayed", "replayed")


def allowed(project: Project) -> re.Pattern[str]:
    """What may be asked of this project, as whole addresses."""
    rows = rf"{re.escape(project.url)}/rest/v1/[^/?#\s]+\?[^#\s]*" if project.url else r"(?!)"
    path = r"(?:secrets|analytics/endpoints/logs(?:\.all)?)(?:\?[^#\s]*)?"
    own = rf"{re.escape(MANAGEMENT)}/v1/projects/{project.ref}/{path}" if project.ref else r"(?!)"
    return re.compile(f"{rows}|{own}")


def _claims(key: str) -> Mapping[str, Any]:
    """The payload of a key that is a JWT."""
    parts = key.split(".")
    if len(parts) != 3:
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return told if isinstance(told, Mapping) else {}


def _role(key: str, claims: Mapping[str, Any]) -> str:
    """service, anonymous, the name of another role, or "" for a key that does not say."""
    if key.startswith("sb_secret_"):
        return "service"
    if key.startswith("sb_publishable_"):
        return "anonymous"
    role = text_of(claims.get("role"))[:40]
    return {"service_role": "service", "anon": "anonymous"}.get(role, role)
