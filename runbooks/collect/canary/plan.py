"""What a test machine is made of: pure, from the machine's config as it came, with everything dangerous left out.

Only what decides whether a program starts is copied. No service and no mount, so that it gets no traffic and touches
no volume; no metadata, so that `fly deploy` does not take it for one of its own; no schedule and no restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbooks.evidence.canary import CanaryKind, CanaryMark

COPIED = ("env", "init", "guest", "files", "processes", "stop_config", "dns")
"""The keys of a config that a test with the same config carries."""
HOLD = 20
"""Seconds that a machine is watched at least once it has started."""
MAX_HOLD = 60
"""Seconds after which a proxy ends a call that waits (§1.7)."""
_GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}  # what Fly fills in (§1.4)


class NotPlanned(Exception):
    """No test machine can be made of what is known; the message is the reason."""


@dataclass(frozen=True, slots=True)
class CanaryPlan:
    """A test machine before it is created.

    Attributes:
        image: the reference with its digest
        config: what is sent as `config`; it may hold the owner's secrets, so it is shown and kept nowhere
        hold: seconds that it is watched once it has started
    """

    kind: CanaryKind
    app: str
    mark: CanaryMark
    region: str
    image: str
    config: Mapping[str, Any]
    hold: int = HOLD

    @property
    def name(self) -> str:
        return self.mark.name(self.kind)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the create call. A known-good image of somebody else is given no secret of the app."""
        own = {"skip_secrets": True} if self.kind is CanaryKind.IMAGE else {}
        return {
            "name": self.name,
            "region": self.region,
            "config": dict(self.config),
            "skip_service_registration": True,
            **own,
        }

    @property
    def guest(self) -> str:
        """The size in words: shared, 1 CPU, 256 MB."""
        guest = self.config["guest"]
        return f"{guest.get('cpu_kind', 'shared')}, {guest.get('cpus', 1)} CPU, {guest.get('memory_mb', 256)} MB"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in the environment, never the values."""
        env = self.config.get("env")
        return tuple(map(str, env)) if isinstance(env, Mapping) else ()

    @property
    def description(self) -> dict[str, Any]:
        """What the journal keeps of the create call."""
        return {
            "name": self.name,
            "region": self.region,
            "image": self.image,
            "guest": self.guest,
            "variables": list(self.variables),
        }


def known_good(
    app: str, mark: CanaryMark, *, region: str, image: str, guest: Mapping[str, Any] | None, hold: int = HOLD
) -> CanaryPlan:
    """The plan for a known-good image in the same region, on a guest of the same size.

    Raises:
        NotPlanned: no region is known
    """
    return _planned(CanaryKind.IMAGE, app, mark, region, image, {"guest": guest}, hold)


def same_config(
    app: str, mark: CanaryMark, *, region: str, image: str, config: Mapping[str, Any], hold: int = HOLD
) -> CanaryPlan:
    """The plan for the machine's own config.

    Raises:
        NotPlanned: no region is known, or the config is one that cannot be copied
    """
    if config.get("containers"):
        raise NotPlanned("the config describes several containers, and a test of one image would not be the same")
    copied = {key: config[key] for key in COPIED if config.get(key)}
    return _planned(CanaryKind.CONFIG, app, mark, region, image, copied, hold)


def _planned(
    kind: CanaryKind, app: str, mark: CanaryMark, region: str, image: str, config: Mapping[str, Any], hold: int
) -> CanaryPlan:
    if not region:
        raise NotPlanned("no region is known in which a test would tell anything about this machine")
    if "@sha256:" not in image:
        raise NotPlanned(f"the digest of the image {image or 'of the machine'} is not known, and a tag may have moved")
    guest = config.get("guest")
    safe = {
        **config,
        "guest": dict(guest) if isinstance(guest, Mapping) and guest else _GUEST,
        "image": image,
        "auto_destroy": False,
        "restart": {"policy": "no"},
        "metadata": mark.metadata,
    }
    return CanaryPlan(kind, app, mark, region, image, safe, min(max(hold, HOLD), MAX_HOLD))
