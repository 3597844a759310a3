"""What `fly deploy` prints while it works (flyctl's internal/command/deploy)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.evidence.pasted.readers import Found, PastedText, reads

_SAYS = (
    "==> Building image",
    "==> Verifying app config",
    "Watch your deployment at ",
    "Updating existing machines in ",
    "No machines in group ",
    "Process groups have changed. This will:",
    "release_command failed running on machine ",
    "timeout reached waiting for health checks to pass for machine ",
    "Smoke checks for ",
    "smoke checks for ",
    "failed to release lease for machine ",
)
_STATE = re.compile(r"\bMachine ([0-9a-f]{14})(?: \[[\w-]{1,40}\])? has state: ([a-z_]{3,20})\b")
_WATCH = re.compile(r"https://fly\.io/apps/([a-z0-9][a-z0-9-]{0,62})/(?:monitoring|machines)\b")
_MAX_MACHINES = 200


@reads("fly deploy")
def deploy(text: PastedText) -> Iterator[Found]:
    """The app, and the last state that it prints of each machine; its refusals are read as the platform's words."""
    if not any(words in text.text for words in _SAYS):
        return
    watched = _WATCH.search(text.text)
    app = watched[1] if watched else ""
    states = {found[1]: found[2] for found in _STATE.finditer(text.text)}
    yield Found(app=app)
    for machine_id, state in list(states.items())[:_MAX_MACHINES]:
        yield Found({"id": machine_id, "state": state}, app)
