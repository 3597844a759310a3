"""Family visibility: the machine is there, and a viewer leaves it out (facts §2, §11 row 22)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.diagnose.facts import GONE, Facts
from runbooks.diagnose.ledger import Point, Says, Stage, cause, proves, refutes, says
from runbooks.diagnose.model import Remedy


@cause(
    "hidden-from-launch-tools",
    "fly status leaves this machine out",
    stage=Stage.SEEN,
    mechanism=True,
    remedy=Remedy(
        "Look with fly machine list, or give the machine its metadata",
        "`fly status`, `fly deploy` and `fly scale` only know machines with fly_platform_version=v2. "
        "With it, the next `fly deploy` will also update or replace this machine.",
        (
            "fly machine list -a {app}",
            "fly machine update {live_id} -a {app} --metadata fly_platform_version=v2 --metadata fly_process_group=app",
        ),
    ),
    prevention=Remedy(
        "Decide who manages API-made machines",
        "Send the metadata with the create call, or look for these machines with `fly machine list` only.",
    ),
    next_test="Look at config.metadata for fly_platform_version.",
)
def hidden_from_launch_tools(facts: Facts) -> Iterator[Point | Says]:
    """Mechanism: no `fly_platform_version=v2` in the metadata, as with every machine made by a plain API call."""
    if facts.machine is None or facts.machine.config is None:
        return
    version = facts.machine.metadata.get("fly_platform_version")
    if version == "v2":
        yield refutes("The metadata says fly_platform_version=v2.", *facts.config_at)
        return
    yield proves("The machine's metadata has no fly_platform_version=v2.", *facts.config_at)
    also = ", even while it existed" if facts.state in GONE else ""
    yield says(
        f"The machine carries no fly_platform_version metadata, so fly status, fly deploy and fly scale "
        f"leave it out{also}; fly machine list does not."
    )
