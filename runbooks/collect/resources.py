"""The Machines API about what an app has beside its machines (§1.3)."""

from __future__ import annotations

from runbooks.base.amount import amount
from runbooks.collect.client import Client
from runbooks.collect.machines import api_url
from runbooks.collect.result import FacetResult, refused, seen, unreadable
from runbooks.evidence.resources import (
    certificates_of,
    processes_of,
    regions_of,
    secrets_of,
    versions_of,
    volumes_of,
)


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


def processes(client: Client, app_name: str, machine_id: str) -> FacetResult:
    """What runs in a started machine now, and on which addresses it listens."""
    what = f"the processes of {machine_id}"
    answer = client.get(api_url("apps", app_name, "machines", machine_id, "ps"), "list processes", machine_id)
    if not answer.ok:
        return refused(answer, what)
    found = processes_of(answer.json)
    if found is None:
        return unreadable(answer, what)
    sockets = [f"{s.protocol} {s}" for one in found.found for s in one.sockets]
    count = len(found.found)
    return seen(
        f"{what}: {count} process{'' if count == 1 else 'es'}, listening on {', '.join(sockets) or 'nothing'}", found
    )


def secrets(client: Client, app_name: str) -> FacetResult:
    """The app's secrets: names, digests and times. Values are never sent, and never asked for."""
    what = f"the secrets of {app_name}"
    answer = client.get(api_url("apps", app_name, "secrets"), "list secrets", app_name)
    if not answer.ok:
        return refused(answer, what)
    found = secrets_of(answer.json)
    if found is None:
        return unreadable(answer, what)
    return seen(f"{what}: {', '.join(one.name for one in found.found) or 'none'}", found)


def versions(client: Client, app_name: str, machine_id: str) -> FacetResult:
    """The versions of a machine's config, with the image of each."""
    what = f"the versions of {machine_id}"
    answer = client.get(api_url("apps", app_name, "machines", machine_id, "versions"), "list versions", machine_id)
    if not answer.ok:
        return refused(answer, what)
    found = versions_of(answer.json)
    if found is None:
        return unreadable(answer, what)
    shown = ", ".join(f"{one.version} ({one.image or 'no image named'})" for one in found.found) or "none"
    return seen(f"{what}: {shown}", found)


def volumes(client: Client, app_name: str) -> FacetResult:
    """The app's volumes: where each is, and to which machine it is attached."""
    what = f"the volumes of {app_name}"
    answer = client.get(api_url("apps", app_name, "volumes"), "list volumes", app_name)
    if not answer.ok:
        return refused(answer, what)
    found = volumes_of(answer.json)
    if found is None:
        return unreadable(answer, what)
    shown = ", ".join(f"{v.id} in {v.region} ({v.machine_id or 'not attached'})" for v in found.found) or "none"
    return seen(f"{what}: {shown}", found)


def regions(client: Client) -> FacetResult:
    """The platform's regions: which exist, which are being closed, which need a paid plan (§1.4)."""
    answer = client.get(api_url("platform", "regions"), "list regions", "platform")
    if not answer.ok:
        return refused(answer, "the platform's regions")
    found = regions_of(answer.json)
    if found is None:
        return unreadable(answer, "the platform's regions")
    open_ones = [one.code for one in found.found if not one.deprecated]
    return seen(f"{amount(len(open_ones), 'region accepts', 'regions accept')} machines: {', '.join(open_ones)}", found)
