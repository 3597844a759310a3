"""The Machines API beyond machines: apps, organisations, tokens, addresses, regions."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from starlette.routing import Route

from runbooks.simulator import spec
from runbooks.simulator.http import Answer, ApiContext, Call, answer_json
from runbooks.simulator.machine import rfc3339
from runbooks.simulator.refused import Refused
from runbooks.simulator.world import DEPRECATED, REGIONS


class AppsApi:
    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[Route]:
        route = self._desk.route
        return [
            route("/v1/apps", self.list_apps),
            route("/v1/apps/{app}", self.show_app),
            route("/v1/apps/{app}/ip_assignments", self.list_ips),
            route("/v1/apps/{app}/secrets", self.list_secrets),
            route("/v1/apps/{app}/volumes", self.list_volumes),
            route("/v1/apps/{app}/certificates", self.list_certificates),
            route("/v1/orgs/{org}/machines", self.list_org_machines),
            route("/v1/platform/regions", self.list_regions),
            route("/v1/tokens/current", self.current_tokens),
        ]

    def list_apps(self, call: Call) -> Answer:
        holder = self._desk.holder(call)
        org = call.query.get("org_slug", "")
        if not org:
            raise Refused(400, "org_slug is required", unverified=True)
        self._desk.limit("list apps", org)
        if org != holder.told.org:
            self._desk.tokens.check_org(holder, org)
        names = [name for name in self._world.apps if holder.reaches(self._world, name)]
        return answer_json({"total_apps": len(names), "apps": [self._app(name) for name in names]})

    def show_app(self, call: Call) -> Answer:
        return answer_json(self._app(self._entered(call, "get app")))

    def list_ips(self, call: Call) -> Answer:
        app = self._entered(call, "list ips")
        told = self._world.apps[app]
        since = rfc3339(told.created_at or datetime.fromisoformat("2025-09-01T10:00:00+00:00"))
        ips = [
            {
                "ip": ip.ip,
                "region": "global",
                "service_name": "",
                "shared": ip.shared,
                "egress": False,
                "network": "",
                "created_at": since,
            }
            for ip in told.ips
        ]
        return answer_json({"ips": ips})

    def list_secrets(self, call: Call) -> Answer:
        app = self._entered(call, "list secrets")
        told = [spec.secret_of(one) for one in self._world.apps[app].secrets]
        return answer_json({"secrets": [_secret(one) for one in told if self._is_past(one.set_at)]})

    def list_volumes(self, call: Call) -> Answer:
        app = self._entered(call, "list volumes")
        mounted = {
            str(mount.get("volume")): machine.id
            for machine in self._world.machines(app)
            for mount in machine.config.get("mounts") or []
        }
        return answer_json([_volume(one, mounted) for one in self._world.apps[app].volumes])

    def list_certificates(self, call: Call) -> Answer:
        app = self._entered(call, "list certificates")
        told = [_certificate(one) for one in self._world.apps[app].certificates]
        return answer_json({"certificates": told, "total_count": len(told)})

    def list_org_machines(self, call: Call) -> Answer:
        """The whole organisation, least recently updated first, page by page."""
        holder = self._desk.holder(call)
        org = call.path["org"]
        self._desk.limit("list org machines", org)
        self._desk.tokens.check_org(holder, org)
        world = self._world
        broken = world.settings.error_regions
        region, states = call.query.get("region", ""), call.query.get("state", "")
        updated_after = call.query.get("updated_after", "")
        machines = [
            machine
            for name, app in world.apps.items()
            if app.org == org
            for machine in world.listed(name, deleted=call.flag("include_deleted"))
            if machine.region not in broken
            and (not region or machine.region == region)
            and (not states or machine.state in states.split(","))
            and (not updated_after or rfc3339(machine.updated_at) > updated_after)
        ]
        machines.sort(key=lambda machine: (machine.updated_at, machine.id))
        limit = call.number("limit", 100, 1, 1000)
        # The cursor is opaque to callers; here it is the position at which the next page begins.
        begin = call.number("cursor", 0, 0, 1_000_000)
        page = machines[begin : begin + limit]
        more = begin + limit < len(machines)
        return answer_json(
            {
                "machines": [machine.shown_to_org() for machine in page],
                "next_cursor": str(begin + limit) if more else "",
                "last_machine_id": page[-1].id if page else "",
                "last_updated_at": rfc3339(page[-1].updated_at) if page else "",
                "error_regions": broken,
            }
        )

    def list_regions(self, call: Call) -> Answer:
        holder = self._desk.holder(call)
        self._desk.limit("list regions", holder.token_id)
        regions = [
            {
                "code": code,
                "name": code.upper(),
                "gateway_available": True,
                "requires_paid_plan": False,
                "deprecated": code in DEPRECATED,
            }
            for code in sorted((*REGIONS, *DEPRECATED))
        ]
        return answer_json({"regions": regions, "nearest": self._world.settings.region})

    def current_tokens(self, call: Call) -> Answer:
        holder = self._desk.holder(call)
        self._desk.limit("current tokens", holder.token_id)
        return answer_json({"tokens": [self._desk.tokens.describe(holder)]})

    def _is_past(self, at: datetime | None) -> bool:
        return at is None or at <= self._world.now

    def _entered(self, call: Call, action: str) -> str:
        """The app's name, once the caller may look at it and does not ask too often."""
        app = call.path["app"]
        self._desk.tokens.check_app(self._desk.holder(call), app)
        self._desk.limit(action, app)
        return app

    def _app(self, name: str) -> dict[str, Any]:
        told = self._world.apps[name]
        slug = told.org
        return {
            "id": self._world.app_ids[name],
            "name": name,
            "status": told.status,
            "machine_count": len(self._world.machines(name)),
            "volume_count": 0,
            "network": told.network,
            "organization": {"name": self._world.orgs[slug].name, "slug": slug},
            # Not among the fields that Fly's own client reads; shown where the scenario knows it.
            **({"created_at": rfc3339(told.created_at)} if told.created_at else {}),
        }


def _certificate(told: spec.Certificate) -> dict[str, Any]:
    """One entry, with the fields that the documentation prints (§14.18)."""
    return {
        "hostname": told.hostname,
        "status": "active" if told.configured else "awaiting_configuration",
        "dns_provider": "",
        "acme_dns_configured": False,
        "acme_alpn_configured": told.configured,
        "acme_http_configured": told.configured,
        "ownership_txt_configured": False,
        "configured": told.configured,
        "acme_requested": True,
        "has_custom_certificate": False,
        "has_fly_certificate": told.configured,
        **({"created_at": rfc3339(told.created_at)} if told.created_at else {}),
    }


def _secret(told: spec.Secret) -> dict[str, Any]:
    times = {"created_at": rfc3339(told.set_at), "updated_at": rfc3339(told.set_at)} if told.set_at else {}
    return {"name": told.name, "digest": hashlib.sha256(told.name.encode()).hexdigest()[:16], **times}


def _volume(told: spec.Volume, mounted: dict[str, str]) -> dict[str, Any]:
    return {
        "id": told.id,
        "name": told.name,
        "state": "created",
        "size_gb": told.size_gb,
        "region": told.region,
        "encrypted": True,
        "attached_machine_id": told.machine or mounted.get(told.id),
        "attached_alloc_id": None,
    }
