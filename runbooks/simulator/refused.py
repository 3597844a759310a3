"""How the platform says no: the refusal as it is answered, and those that a scenario tells of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runbooks.simulator import spec


class Refused(Exception):
    """The platform says no. `unverified` marks a status or body that no source has recorded."""

    def __init__(self, status: int, error: str, *, code: str = "", unverified: bool = False) -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, Any] | str = {"error": error, **({"status": code} if code else {})}
        self.unverified = unverified


class Refusals:
    """Capacity, quota, limits, incidents: what is refused for a reason that is not played."""

    def __init__(self, told: Sequence[spec.Refusal]) -> None:
        self._told = told

    def check(self, now: datetime, action: str, app: str, region: str, machine: str = "") -> None:
        for told in self._told:
            meets = (
                told.action == action
                and told.app in ("", app)
                and told.region in ("", region)
                and told.machine in ("", machine)
                and (told.since is None or told.since <= now)
                and (told.until is None or now < told.until)
            )
            if meets:
                no = Refused(told.status, str(told.body))
                no.body = told.body
                raise no


def check_texts(config: dict[str, Any]) -> None:
    """Go reads a map of strings, and nothing but strings, into these two."""
    for key in ("env", "metadata"):
        for value in (config.get(key) or {}).values():
            if not isinstance(value, str):
                kind = "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "object"
                field = f"MachineConfig.config.{key} of type string"
                raise Refused(400, f"json: cannot unmarshal {kind} into Go struct field {field}", unverified=True)
