"""Who is calling, and what may he see or do? One table of tokens decides for every surface."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from runbooks.simulator import spec
from runbooks.simulator.refused import Refused
from runbooks.simulator.world import World

_SCHEME = re.compile(r"^(bearer|flyv1)\s+", re.IGNORECASE)
_MACAROON = re.compile(r"^fm\d")


@dataclass(frozen=True)
class Credential:
    """A token as it came: its first scheme, and the parts of the comma list without any scheme."""

    scheme: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, header: str) -> Credential:
        scheme = ""
        rest = header.strip()
        while match := _SCHEME.match(rest):
            scheme = scheme or match.group(1).lower()
            rest = rest[match.end() :].strip()
        return cls(scheme, tuple(part.strip() for part in rest.split(",") if part.strip()))

    @property
    def is_macaroon(self) -> bool:
        return any(_MACAROON.match(part) for part in self.parts)


@dataclass(frozen=True)
class Holder:
    """A valid token with the names that introspection gives it."""

    told: spec.Token
    token_id: str
    user: str

    def reaches(self, world: World, app: str) -> bool:
        listed = self.told.apps == "*" or app in self.told.apps
        return listed and world.apps[app].org == self.told.org


class Tokens:
    def __init__(self, world: World) -> None:
        self._world = world
        self._holders: dict[str, Holder] = {}
        for told in world.tokens:
            owner = told.user or f"{world.ids.uuid('token')}@tokens.fly.io"
            holder = Holder(told, world.ids.ulid("token", world.clock.now), owner)
            for part in Credential.parse(told.token).parts:
                self._holders[part] = holder

    def identify(self, header: str) -> Holder:
        """The holder, or 401: missing, unknown, expired and undischarged all look alike from outside."""
        credential = Credential.parse(header)
        for part in credential.parts:
            holder = self._holders.get(part)
            if holder is not None and self._valid(holder.told, credential):
                return holder
        raise Refused(401, "Authenticate: token validation error")

    def identify_basic(self, header: str) -> Holder:
        """The registry's form: Basic, any user, the token as password."""
        kind, _, encoded = header.partition(" ")
        try:
            password = base64.b64decode(encoded.strip(), altchars=b"-_" if "-" in encoded or "_" in encoded else None)
            _, _, token = password.decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            token = ""
        return self.identify(token if kind.lower() == "basic" else "")

    def check_app(self, holder: Holder, app: str, action: str = "r") -> None:
        """403 for an app of somebody else, 404 for one that nobody has."""
        if app not in self._world.apps:
            raise Refused(404, f'Could not find App "{app}"', unverified=True)
        if not holder.reaches(self._world, app) or action not in holder.told.actions:
            raise Refused(403, "unauthorized", unverified=True)

    def check_org(self, holder: Holder, org: str) -> None:
        """The whole organisation is for tokens that are not tied to an app."""
        if org not in self._world.orgs:
            raise Refused(404, "organization not found", unverified=True)
        if holder.told.org != org or holder.told.apps != "*":
            raise Refused(403, "unauthorized", unverified=True)

    def describe(self, holder: Holder) -> dict[str, Any]:
        told = holder.told
        apps = [] if told.apps == "*" else [self._world.app_ids[name] for name in told.apps]
        return {
            "token_id": holder.token_id,
            "organization": self._world.orgs[told.org].name,
            "org_slug": told.org,
            "apps": apps,
            "user": holder.user,
            "restricted_to_machine": "",
            "source_machine_id": "",
        }

    def _valid(self, told: spec.Token, credential: Credential) -> bool:
        if told.expires is not None and told.expires <= self._world.now:
            return False
        return not told.needs_discharge or told.needs_discharge in credential.parts
