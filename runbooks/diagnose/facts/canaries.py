"""The test machines: whether each ran, and whether the one with the same config failed as the machine did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from propcache.api import cached_property

from runbooks.base.facets import Facet
from runbooks.diagnose.facts.lifecycle import LifecycleFacts, code_of
from runbooks.diagnose.facts.observations import ObservationFacts
from runbooks.diagnose.log_classifier import last_output
from runbooks.diagnose.model import Answer
from runbooks.diagnose.refusals import meanings
from runbooks.evidence.canary import CanaryEnd, CanaryKind, CanaryMark, CanarySweep, CanaryTest, mark_of
from runbooks.evidence.models import Listing, Machine

_NO_PLACE = frozenset(
    {
        "region-capacity",
        "host-capacity",
        "host-maintenance",
        "host-unreachable",
        "region-unknown",
        "region-deprecated",
        "region-plan",
        "quota",
        "machine-limit",
        "payment",
        "suspended",
        "trial-over",
    }
)
"""Refusals that are about the place: any image would have been refused."""
_OF_THE_IMAGE = frozenset(
    {"manifest-unknown", "manifest-unauthorized", "manifest-other", "manifest-platform", "image-too-large"}
)


class CanaryFacts:
    """What the test machines show.

    Args:
        observations: access to the evidence
        events: how the machine itself ended
    """

    def __init__(self, observations: ObservationFacts, events: LifecycleFacts) -> None:
        self._observations = observations
        self._events = events

    @cached_property
    def image(self) -> CanaryTest | None:
        """The test with a known-good image; None where none was made."""
        return self._observations.answer(Facet.CANARY_IMAGE, CanaryTest)

    @cached_property
    def config(self) -> CanaryTest | None:
        """The test with the same config; None where none was made."""
        return self._observations.answer(Facet.CANARY_CONFIG, CanaryTest)

    @cached_property
    def made(self) -> tuple[tuple[str, CanaryTest], ...]:
        """(number, test) of every test that was made."""
        both = ((Facet.CANARY_IMAGE.value, self.image), (Facet.CANARY_CONFIG.value, self.config))
        return tuple((number, test) for number, test in both if test)

    @cached_property
    def swept(self) -> CanarySweep:
        """What was done about test machines of earlier runs."""
        return self._observations.answer(Facet.CANARIES_LEFT, CanarySweep) or CanarySweep()

    @cached_property
    def left(self) -> tuple[tuple[Machine, CanaryMark], ...]:
        """Test machines of earlier runs among those that the app lists, each with its mark."""
        listing = self._observations.answer(Facet.LIST, Listing)
        marked = [(machine, mark_of(machine)) for machine in (listing.machines if listing else ())]
        return tuple((m, mark) for m, mark in marked if mark and m.id not in self.swept.removed)

    @cached_property
    def image_runs(self) -> Answer:
        """Does a known-good image run there? `COULD_NOT_LOOK` where that is open or was not tested."""
        return Answer.of(_ran(self.image))

    @cached_property
    def config_runs(self) -> Answer:
        """Does the same config run there? A run that is too short to tell is none."""
        return Answer.of(_ran(self.config) if self.outlived else None)

    @cached_property
    def outlived(self) -> bool:
        """Was the test watched for longer than the machine had run when it ended? Otherwise it may end as that did."""
        test, lived = self.config, self._events.uptime
        runs = test is not None and test.end is CanaryEnd.RUNS
        return not runs or lived is None or test is None or timedelta(seconds=test.watched) > lived

    @cached_property
    def alike(self) -> bool | None:
        """Did the test with the same config fail as the machine did? None: it is not known how the machine ended."""
        test, events = self.config, self._events
        if test is None or self.config_runs is not Answer.NO:
            return None
        if test.exit is not None:
            codes = {code_of(end) for _, end, _ in events.exits if not end.requested_stop}
            codes |= {code for code, _ in events.crash_codes}
            return code_of(test.exit) in codes if codes else None
        if test.end is CanaryEnd.NEVER_STARTED:
            if events.started_evidence:
                return False
            return True if events.event_of("launch", "launch_failed") or events.state == "failed" else None
        return None

    @cached_property
    def last_words(self) -> str:
        """The last output of the program in the test with the same config; "" where there is none."""
        found = last_output(self.config.lines) if self.config else ()
        return found[-1].message if found else ""

    def told(self, test: CanaryTest) -> str:
        """How it ended, as a clause without a subject."""
        code = "" if test.exit is None or test.exit.exit_code is None else f" with exit code {test.exit.exit_code}"
        refusal = test.refusal
        return {
            CanaryEnd.RUNS: f"ran for at least {test.watched} s",
            CanaryEnd.EXITED: f"exited{code}",
            CanaryEnd.REFUSED: f"was refused (HTTP {refusal.status})" if refusal else "was refused",
            CanaryEnd.NEVER_STARTED: "never started",
            CanaryEnd.OPEN: "shows nothing",
        }[test.end]

    def pulled(self) -> Iterator[str]:
        """The tests that show that the machine's own image can be pulled."""
        if self.config and self.config.end in (CanaryEnd.RUNS, CanaryEnd.EXITED):
            yield Facet.CANARY_CONFIG.value


def _ran(test: CanaryTest | None) -> bool | None:
    """True: it ran; False: it failed in a way that tells something; None: open."""
    if test is None or test.end is CanaryEnd.OPEN:
        return None
    if test.end is not CanaryEnd.REFUSED:
        return test.end is CanaryEnd.RUNS
    telling = _NO_PLACE if test.kind is CanaryKind.IMAGE else _NO_PLACE | _OF_THE_IMAGE
    kinds = {meaning.kind for meaning in meanings(test.refusal.text, test.refusal.status)} if test.refusal else set()
    return False if kinds & telling else None
