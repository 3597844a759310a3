"""The Machines API: token, app, machine, events, lists, organisation, addresses (§1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from runbooks.collect.client import MACHINES, Client
from runbooks.collect.long_list import LongList
from runbooks.collect.result import FacetResult, absent, refused, says_missing, seen, unavailable, unreadable
from runbooks.evidence.caller import MACHINE_ID
from runbooks.evidence.models import Listing, Machine, Token
from runbooks.evidence.parsers import (
    addresses_of,
    app_of,
    events_of,
    listing_of,
    machine_of,
    refusal_of,
    text_of,
    token_scopes_of,
)
from runbooks.evidence.redaction import token_kind

NO_CREDENTIALS = "no token: set FLY_API_TOKEN, for example to the output of `fly tokens create readonly -o ORG -x 24h`"


def api_url(*parts: str, **query: str) -> str:
    """The address of a resource of the Machines API, each part of its path quoted."""
    path = "/".join(quote(part, safe="") for part in parts)
    return f"{MACHINES}/v1/{path}" + (f"?{urlencode(query)}" if query else "")


def token(client: Client) -> FacetResult:
    """What the token may see, from the API's own word; a 401 is an answer, too (§6.3)."""
    kind = token_kind(client.token)
    answer = client.get(api_url("tokens", "current"), "get token", "current")
    if answer.status == 401:
        text = refusal_of(401, answer.body).text
        return seen(f"the API does not accept this token (HTTP 401: {text})", Token(kind, valid=False))
    if not answer.ok:
        return refused(answer, "the token's own scope")
    scopes = token_scopes_of(answer.json)
    if not any(scope.org_slug or scope.organization for scope in scopes):
        return unreadable(answer, "the token's own scope")
    reach = "; ".join(
        f"organisation {s.org_slug or s.organization or 'unnamed'}, "
        + (f"apps {', '.join(s.apps)}" if s.apps else "all its apps")
        for s in scopes
    )
    return seen(f"a token of kind {kind} that reads {reach}", Token(kind, scopes))


def app(client: Client, name: str) -> FacetResult:
    """GET app tells 403 (another organisation's) from 404 (no such app anywhere) (§6.3)."""
    answer = client.get(api_url("apps", name), "get app", name)
    refusal = refusal_of(answer.status, answer.body)
    if says_missing(answer):
        return absent(f"there is no app called {name} (HTTP 404: {refusal.text})", refusal)
    if not answer.ok:
        return refused(answer, f"the app {name}")
    if not isinstance(answer.json, Mapping) or not text_of(answer.json.get("name")):
        return unreadable(answer, f"the app {name}")
    found = app_of(answer.json)
    return seen(
        f"the app {found.name} exists in organisation {found.org_slug or 'unknown'}, status {found.status}",
        found,
    )


def machine(client: Client, app_name: str, machine_id: str) -> FacetResult:
    answer = client.get(api_url("apps", app_name, "machines", machine_id), "get machine", machine_id)
    refusal = refusal_of(answer.status, answer.body)
    if answer.status == 404 and not refusal.json:
        return unavailable(f"the API knows no such address (HTTP 404 as plain text): {machine_id!r} is no id", refusal)
    if says_missing(answer):
        return absent(f"app {app_name} shows no machine {machine_id} (HTTP 404: {refusal.text})", refusal)
    if not answer.ok:
        return refused(answer, f"machine {machine_id}")
    named = text_of(answer.json.get("id")) if isinstance(answer.json, Mapping) else ""
    if not isinstance(answer.json, Mapping) or (named != machine_id and not MACHINE_ID.match(named)):
        return unreadable(answer, f"machine {machine_id}")
    found = machine_of(answer.json)
    return seen(f"machine {found.id} ({found.name or 'no name'}) is {found.state} in {found.region}", found)


def events(client: Client, app_name: str, machine_id: str) -> FacetResult:
    answer = client.get(
        api_url("apps", app_name, "machines", machine_id, "events", limit="50"), "get events", machine_id
    )
    refusal = refusal_of(answer.status, answer.body)
    if says_missing(answer):
        return absent(f"the events of {machine_id} are no longer served (HTTP 404: {refusal.text})", refusal)
    if not answer.ok:
        return refused(answer, f"the events of {machine_id}")
    if not isinstance(answer.json, list):
        return unreadable(answer, f"the events of {machine_id}")
    found = events_of(answer.json)
    if found and not any(event.type or event.at for event in found):
        return unreadable(answer, f"the events of {machine_id}")
    cut = " (the most that are served; older ones may exist)" if len(found) >= 50 else ""
    return seen(f"{len(found)} events{cut}", found)


def listing(
    client: Client, app_name: str, *, deleted: bool, prepare: Callable[[Any], Any] | None = None
) -> FacetResult:
    """The app's machines; `prepare` as in `Client.get`."""
    query = {"include_deleted": "true"} if deleted else {}
    answer = client.get(
        api_url("apps", app_name, "machines", **query),
        "list machines",
        app_name,
        prepare=prepare,
        long_list=lambda: LongList(client.looked_for),
    )
    what = f"the machines of {app_name}" + (", destroyed ones included" if deleted else "")
    if not answer.ok:
        return refused(answer, what)
    if not isinstance(answer.json, list):
        return unreadable(answer, what)
    found = _named(replace(listing_of(answer.json), total=answer.listed))
    odd = "" if found.complete else "; some entries could not be read"
    return seen(f"{what}: {_count(found)}{odd}", found)


def organisation(client: Client, org_slug: str) -> FacetResult:
    """Every machine of the organisation: the test for "created in another app" (§1.6)."""
    answer = client.get(
        api_url("orgs", org_slug, "machines", include_deleted="true", limit="1000"),
        "list organisation",
        org_slug,
        long_list=lambda: LongList(client.looked_for, "machines", ("error_regions", "next_cursor")),
    )
    what = f"the machines of organisation {org_slug}"
    if not answer.ok:
        return refused(answer, what)
    if not isinstance(answer.json, Mapping) or not isinstance(answer.json.get("machines"), list):
        return unreadable(answer, what)
    found = _named(replace(listing_of(answer.json), total=answer.listed))
    silent = f"; no answer from {', '.join(found.error_regions)}" if found.error_regions else ""
    more = "" if found.complete else "; there is more, which was not read"
    return seen(f"{what}: {_count(found)}{silent}{more}", found)


def addresses(client: Client, app_name: str) -> FacetResult:
    answer = client.get(api_url("apps", app_name, "ip_assignments"), "list addresses", app_name)
    if not answer.ok:
        return refused(answer, f"the addresses of {app_name}")
    if not isinstance(answer.json, Mapping) or not isinstance(answer.json.get("ips"), list):
        return unreadable(answer, f"the addresses of {app_name}")
    found = addresses_of(answer.json)
    if len(found.ips) != len(answer.json["ips"]) or not all(ip for ip, _ in found.ips):
        return unreadable(answer, f"the addresses of {app_name}")
    shown = ", ".join(f"{ip} (shared)" if shared else ip for ip, shared in found.ips) or "none"
    return seen(f"addresses of {app_name}: {shown}", found)


def by_id_or_name(found: Listing, machine_id: str, name: str) -> Machine | None:
    """The machine with this id; else the one with this name that was made last."""
    if machine_id:
        return next((m for m in found.machines if m.id == machine_id), None)
    named = [m for m in found.machines if name and m.name == name]
    return max(named, key=lambda m: (m.created_at.isoformat() if m.created_at else "", m.id), default=None)


def _named(found: Listing) -> Listing:
    """An entry without an id is none that could be read: what is not in such a list may have been that one."""
    named = tuple(machine for machine in found.machines if machine.id)
    return found if len(named) == len(found.machines) else replace(found, machines=named, complete=False)


def _count(found: Listing) -> str:
    kept = "" if found.total is None else f", of which the newest and those looked for ({len(found.machines)}) are kept"
    return f"{found.count} machine" + ("" if found.count == 1 else "s") + kept


def in_app(found: FacetResult, app_name: str) -> FacetResult:
    """GET machine does not say which app it was asked in; the observation must."""
    if isinstance(found.answer, Machine):
        return replace(found, answer=replace(found.answer, app_name=app_name))
    return found
