"""The Machines API about what an app has beside its machines (§1.3)."""

from __future__ import annotations

from runbooks.collect.client import Client
from runbooks.collect.machines import api_url
from runbooks.collect.result import FacetResult, refused, seen, unreadable
from runbooks.evidence.resources import certificates_of


def certificates(client: Client, app_name: str) -> FacetResult:
    """The custom hostnames of an app, each with the state of its certificate."""
    what = f"the certificates of {app_name}"
    answer = client.get(api_url("apps", app_name, "certificates", limit="500"), "list certificates", app_name)
    if not answer.ok:
        return refused(answer, what)
    found = certificates_of(answer.json)
    if found is None:
        return unreadable(answer, what)
    shown = ", ".join(f"{one.hostname} ({one.status or 'status unknown'})" for one in found.found) or "none"
    more = "" if found.complete else "; there is more, which was not read"
    return seen(f"{what}: {shown}{more}", found)
