"""What the test machines say about the causes that are only guesses.

A cause that the incident's own evidence proves is not moved: a test shows how it is now, not how it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Answer
from runbooks.evidence.canary import CanaryEnd

IMAGE_OR_CONFIG = "image-or-config"
REGION_OR_PLATFORM = "region-or-platform"
_IMAGE, _CONFIG = Facet.CANARY_IMAGE.value, Facet.CANARY_CONFIG.value


def moves(forms: AbstractSet[str], family: str, facts: Facts) -> Iterator[tuple[bool, str, str]]:
    """(supports?, sentence, evidence) of each thing that a test says about a cause.

    Args:
        forms: the slugs of the cause's general forms
        family: the cause's family
        facts: the evidence
    """
    tests = facts.canaries
    if REGION_OR_PLATFORM in forms:
        if tests.image_runs is Answer.YES:
            yield False, "A known-good image runs in the same region, on the same guest.", _IMAGE
        elif tests.image_runs is Answer.NO and tests.image:
            yield True, f"A test machine with a known-good image {tests.told(tests.image)}.", _IMAGE
    if IMAGE_OR_CONFIG not in forms or tests.config is None:
        return
    if family == "image":
        if any(tests.pulled()):
            yield False, "The same image was pulled for a test machine, and it started.", _CONFIG
        elif tests.config.end is CanaryEnd.NEVER_STARTED:
            yield True, "A test machine with the same config never started, either.", _CONFIG
    elif tests.config_runs is Answer.YES:
        yield False, f"A test machine with the same config {tests.told(tests.config)}.", _CONFIG
    elif tests.config.end is CanaryEnd.EXITED:
        yield True, f"A test machine with the same config {tests.told(tests.config)}.", _CONFIG
