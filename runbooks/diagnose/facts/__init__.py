"""What the evidence adds up to, derived once and shared by all causes.

`Facts` is composed of parts. Each takes the parts before it and can be built and tested alone:
observations → machine, caller → log → events → siblings. Every fact names the evidence it rests on
(`*_evidence`: E-numbers). Pure: nothing is asked, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.commands import lines, settings
from runbooks.diagnose.facts.caller import CallerFacts
from runbooks.diagnose.facts.canaries import CanaryFacts
from runbooks.diagnose.facts.lifecycle import LifecycleFacts
from runbooks.diagnose.facts.log import UNKNOWN, VAGUE, ApiRefusal, LogFacts
from runbooks.diagnose.facts.machine import GONE, MachineFacts, MachineView, Service
from runbooks.diagnose.facts.metrics import MetricsFacts
from runbooks.diagnose.facts.observations import ObservationFacts, format_duration
from runbooks.diagnose.facts.processes import ProcessFacts
from runbooks.diagnose.facts.resources import (
    CertificateFacts,
    SecretFacts,
    VersionFacts,
    VolumeFacts,
)
from runbooks.diagnose.facts.siblings import SiblingFacts
from runbooks.diagnose.near_miss import near_miss
from runbooks.evidence.models import Evidence, Observation, Outcome, Refusal, Subject

__all__ = [
    "GONE",
    "UNKNOWN",
    "VAGUE",
    "ApiRefusal",
    "CallerFacts",
    "CanaryFacts",
    "CertificateFacts",
    "Facts",
    "LifecycleFacts",
    "LogFacts",
    "MachineFacts",
    "MachineView",
    "MetricsFacts",
    "ObservationFacts",
    "ProcessFacts",
    "SecretFacts",
    "Service",
    "SiblingFacts",
    "VersionFacts",
    "VolumeFacts",
    "format_duration",
]

T = TypeVar("T")
_HEAVY = 1_000_000_000
"""Bytes, compressed, above which an image is named where its pull does not end."""


class Facts:
    """Everything that rules, checks and reports read, by part.

    Args:
        evidence: what was observed
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.subject: Subject = evidence.subject
        self.now: datetime = evidence.looked_at
        self.observations = ObservationFacts(evidence)
        self.machine = MachineFacts(self.observations)
        self.caller = CallerFacts(self.observations, self.machine)
        self.processes = ProcessFacts(self.observations, self.machine)
        self.metrics = MetricsFacts(self.observations)
        self.log = LogFacts(self.observations, self.caller, self.machine, self.processes)
        self.events = LifecycleFacts(self.observations, self.machine, self.log, self.metrics)
        self.siblings = SiblingFacts(self.observations, self.machine, self.caller, self.events)
        self.certificates = CertificateFacts(self.observations, self.caller)
        self.secrets = SecretFacts(self.observations, self.machine)
        self.versions = VersionFacts(self.observations)
        self.volumes = VolumeFacts(self.observations, self.caller)
        self.canaries = CanaryFacts(self.observations, self.events)

    def observation(self, number: str) -> Observation | None:
        return self.observations.observation(number)

    def outcome(self, number: str) -> Outcome | None:
        """How the look ended."""
        return self.outcomes.get(number)

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """How each look ended. A pasted text about something else is no look at what the caller says of the subject."""
        found = {number: observation.outcome for number, observation in self.evidence.observations.items()}
        return found | {Facet.CALLER.value: Outcome.COULD_NOT_LOOK} if self.caller.foreign else found

    def looked(self, number: str) -> bool:
        """Was this asked and answered, be it with "no"?"""
        return self.outcomes.get(number, Outcome.COULD_NOT_LOOK) is not Outcome.COULD_NOT_LOOK

    def made(self, *numbers: str) -> tuple[str, ...]:
        return self.observations.made(*numbers)

    def failed(self, number: str) -> bool:
        return self.observations.failed(number)

    def refusal(self, number: str) -> Refusal | None:
        return self.observations.refusal(number)

    def answer(self, number: str, kind: type[T]) -> T | None:
        return self.observations.answer(number, kind)

    @property
    def app_host(self) -> str:
        """The app's own hostname; a placeholder where no app is known."""
        return f"{self.subject.app or 'APP'}.fly.dev"

    @property
    def lost(self) -> bool:
        """Is the machine known to be gone, so that only a new one can follow?"""
        absent = not self.machine.views and self.outcome(Facet.MACHINE) is Outcome.ABSENT
        return self.events.destroyed or absent or not (self.machine.views or self.subject.machine_id)

    @property
    def only_fly_knows(self) -> bool:
        """Was the caller given an id that no view shows by now, and is no log of it left?"""
        gone = not self.machine.views and self.outcome(Facet.MACHINE) is Outcome.ABSENT
        return bool(self.caller.answer.machine_id) and gone and self.outcome(Facet.LOGS) is not Outcome.SEEN

    @cached_property
    def untraced(self) -> bool:
        """Was the caller given an id that no view shows by now, neither by id nor among destroyed ones, and no line?

        Then it may have ended as intended.
        """
        answer, looks = self.caller.answer, (self.outcome(Facet.MACHINE), self.outcome(Facet.LIST_DELETED))
        named = bool(answer.ok) and answer.machine_id == self.subject.machine_id != ""
        looked = looks[0] is Outcome.ABSENT and looks[1] in (Outcome.SEEN, Outcome.ABSENT)
        return named and looked and not self.machine.views and not self.log.evidence

    @cached_property
    def misnamed(self) -> Mapping[str, str]:
        """Variable that the program requires → the one of a similar name that the config sets instead."""
        env = self.machine.description.env if self.machine.description else {}
        wanted = (name for match in self.log.matches("missing-variable") for name in match.names if name not in env)
        return {name: near for name in wanted if (near := near_miss(name, tuple(env)))} if env else {}

    @cached_property
    def heavy_image(self) -> str:
        """`3.9 GB compressed`, where the image is that large and nothing shows that it was pulled; "" otherwise."""
        image = self.observations.image(Facet.IMAGE_RAN)
        size = (image.size_bytes if image else None) or 0
        pulled = self.events.started_evidence or self.log.matches("prepared", "booting")
        return "" if pulled or size <= _HEAVY or not self.machine.exists else f"{size / 1e9:.1f} GB compressed"

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What commands are filled in with; unknown names are left out."""
        machine = self.machine.description
        known = {
            "app": self.subject.app,
            "machine_id": self.subject.machine_id,
            "live_id": "NEW_ID" if self.lost else self.subject.machine_id,
            "name": self.subject.machine_name,
            "org": self.subject.org,
            "region": machine.region if machine else self.caller.answer.region,
            "image": self.machine.ran_text or self.subject.image,
            "believed": self.subject.image,
            "tagged": _tagged(self.machine.ran_text or self.subject.image),
            "url": self.caller.believed_url,
            "app_host": self.app_host,
            "believed_host": self.caller.believed_host,
            "memory": str(self.machine.more_memory_mb or ""),
        }
        env = machine.env if machine else {}
        # A secret belongs into `fly secrets set`, and not where everybody who reads the machine can read it.
        # What the program reads under another name is sent no more: the step that sets that name says so.
        kept = {name: value for name, value in env.items() if name not in self.misnamed.values()}
        open_ones = [name for name, value in kept.items() if not value.startswith("<secret:")]
        masked = ", ".join(name for name in kept if name not in open_ones)
        told = ""
        if masked:
            (set_one,) = lines(('fly secrets set NAME="${{NAME:?}}" -a {app}',), known)
            told = (
                f" The machine's config also held {masked}: make those anew that are keys or passwords, then set those "
                f"that the program needs (`{set_one}`)."
            )
        return {key: value for key, value in known.items() if value} | {
            "variables": settings(open_ones, "-e "),
            "guest": _guest_options(self.machine.config),
            "masked": told,
            "heavy": f" It pulls the same image of {self.heavy_image}; a smaller one decides sooner."
            if self.heavy_image
            else "",
        }


def _guest_options(config: Mapping[str, Any] | None) -> str:
    """The options of `fly machine run` for the same CPUs and memory; "" where the config does not say."""
    guest = config.get("guest") if config else None
    if not isinstance(guest, Mapping):
        return ""
    kind, cpus, memory = guest.get("cpu_kind"), guest.get("cpus"), guest.get("memory_mb")
    if kind not in ("shared", "performance") or type(cpus) is not int or type(memory) is not int:
        return ""
    return f"--vm-cpu-kind {kind} --vm-cpus {cpus} --vm-memory {memory}"


def _tagged(reference: str) -> str:
    """A reference that can be pushed to: with a tag, and without a digest."""
    name = reference.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else ""
