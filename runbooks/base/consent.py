"""What a person allowed a run to do besides reading."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consent:
    """The default allows nothing. It comes from the person's own parameters, never from a scenario, a bundle or a run.

    Attributes:
        writes: whether test machines may be created and destroyed
        app: the app's name as the person typed it to confirm; it must be that of the incident
        image: the known-good image to test with
        config: whether the machine's own config may be run once more, with the owner's program and secrets
    """

    writes: bool = False
    app: str = ""
    image: str = ""
    config: bool = False
