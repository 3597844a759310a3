"""What the evidence adds up to, derived once and shared by all causes, in layers that build on each other:
looks → machine → speech → life → company. Every fact knows which looks it rests on (`*_at`: E-numbers).
Pure: nothing is asked, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from runbooks.diagnose.commands import settings
from runbooks.diagnose.facts.log import VAGUE, ApiRefusal
from runbooks.diagnose.facts.machine import GONE, MachineView, Service
from runbooks.diagnose.facts.observations import format_duration
from runbooks.diagnose.facts.siblings import SiblingFacts

__all__ = ["GONE", "VAGUE", "ApiRefusal", "Facts", "MachineView", "Service", "format_duration"]


class Facts(SiblingFacts):
    """All views over one Evidence, and the names that commands are filled in with."""

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What commands are filled in with; unknown names are left out."""
        machine = self.machine
        known = {
            "app": self.subject.app,
            "machine_id": self.subject.machine_id,
            "live_id": "NEW_ID" if self.destroyed or not self.machine_views else self.subject.machine_id,
            "name": self.subject.machine_name,
            "org": self.subject.org,
            "region": machine.region if machine else self.caller.region,
            "image": self.ran_text or self.subject.image,
            "believed": self.subject.image,
            "tagged": _tagged(self.ran_text or self.subject.image),
            "url": self.believed_url,
            "app_host": self.app_host,
            "believed_host": self.believed_host,
        }
        env = machine.env if machine else {}
        # A secret belongs into `fly secrets set`, and not where everybody who reads the machine can read it.
        open_ones = [name for name, value in env.items() if not value.startswith("<secret:")]
        masked = ", ".join(name for name in env if name not in open_ones)
        told = f" It also carried {masked}: what the program needs of these, set with `fly secrets set` first."
        return {key: value for key, value in known.items() if value} | {
            "variables": settings(open_ones, "-e "),
            "masked": told if masked else "",
        }


def _tagged(reference: str) -> str:
    """A reference that can be pushed to: with a tag, and without a digest."""
    name = reference.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else ""
