"""Whom and when a pasted text is about, as it names them itself.

`read_caller` puts it into `Caller.identity`, so rules find it as `facts.caller.answer.identity`. It is data: whether
it fits the subject of an investigation is weighed elsewhere. Nothing in it comes from the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PasteIdentity:
    """The names and times in one pasted text; every tuple is in the order of the text and holds each name once.

    Attributes:
        apps: app names in places that hold nothing else: an option of flyctl, a path of the API, the head of a
            table, a line of the proxy, a field of a JSON answer
        repositories: repositories of Fly's registry; `fly deploy` pushes to the one with the app's name, but a machine
            can run the image of another app, so a repository alone contradicts nothing
        machine_ids: ids of machines, 14 hexadecimal digits; those of `temporary_ids` are not among them
        temporary_ids: those of the machines that ran a release command, which are destroyed after it
        machine_names: names of machines, from tables and JSON answers
        instance_ids: versions of machines (ULID)
        regions: three letters, in places that hold a region
        hostnames: hosts under fly.dev, and under internal; some may be the caller's own or another service's
        first_at: the earliest time in it, UTC; None if no line has a date
        last_at: the latest time in it, UTC
    """

    apps: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    machine_ids: tuple[str, ...] = ()
    temporary_ids: tuple[str, ...] = ()
    machine_names: tuple[str, ...] = ()
    instance_ids: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None
