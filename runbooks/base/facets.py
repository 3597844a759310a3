"""The facets: every question that a runbook asks, with the number that its footnotes carry.

Numbers are literals and never change. A facet that is not asked leaves a gap and shifts no other number. A second
look at the same thing is a facet of its own with a letter behind the number (E03b). The letter `c` is for what the
guard of a caller saw at the time and handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

NUMBER = r"(?:E\d{2,3}[a-z]?|X-[a-z0-9_]{1,60}-\d{2,3})"
"""What an evidence number looks like, as a regular expression."""


class FacetEnum(StrEnum):
    """The base of all facets. A member is its number, and holds what a reader has to know about the question.

    A runbook of another distribution defines its own subclass; its numbers have the form `X-<runbook>-01`.

    Attributes:
        slug: short name, used for files and for the progress line; a repeat shares that of the first look
        question: what is asked, in one sentence
        lives_for: how long the source keeps the answer, in words
        kept: the same as a duration, None where nobody documents it
        optional: asked only where there is something to ask with; `unasked` says what is missing otherwise
    """

    slug: str
    question: str
    lives_for: str
    kept: timedelta | None
    unasked: str

    def __new__(
        cls, number: str, slug: str, question: str, lives_for: str, kept: timedelta | None = None, unasked: str = ""
    ) -> FacetEnum:
        member = str.__new__(cls, number)
        member._value_ = number
        member.slug, member.question, member.lives_for = slug, question, lives_for
        member.kept, member.unasked = kept, unasked
        return member

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def optional(self) -> bool:
        return bool(self.unasked)

    @property
    def is_repeat(self) -> bool:
        """A second look at a facet, which is made only where the first one left a doubt."""
        return self[-1:].isalpha()


_MACHINE = ("machine", "What does the API say about this machine?", "unknown once destroyed: 404 soon after")
_LIST = ("list", "Which machines does the app list?", "while they exist")
_DELETED = ("list-deleted", "Which machines does the app list, destroyed ones included?", "not documented")
_LOGS = ("logs", "What did this machine print?", "about 7 days", timedelta(days=7))  # §8.1
_BELIEVED = ("image-believed", "Does the image the caller believes it asked for exist?", "not documented")
_RAN = ("image-ran", "What is the image the machine really ran?", "not documented")
_CANARY = "made only with allow_writes and confirm_app, since it changes something and costs money"
_SUPABASE = "asked only with an access token of Supabase (RUNBOOKS_SUPABASE_TOKEN)"


class Facet(FacetEnum):
    """The facets of this distribution."""

    TOKEN = "E01", "token", "What may this token see?", "until it expires or is revoked"
    APP = "E02", "app", "Does the app exist, and in which organisation?", "while the app exists"
    MACHINE = "E03", *_MACHINE
    MACHINE_AGAIN = "E03b", *_MACHINE
    MACHINE_BY_CALLER = "E03c", *_MACHINE
    EVENTS = "E04", "events", "What happened to this machine?", "unknown once destroyed: collected early"
    LIST = "E05", *_LIST
    LIST_AGAIN = "E05b", *_LIST
    LIST_DELETED = "E06", *_DELETED
    LIST_BY_CALLER = "E06c", *_DELETED
    LOGS = "E07", *_LOGS
    LOGS_PROXY = "E07b", *_LOGS
    LOGS_BY_CALLER = "E07c", *_LOGS
    ORGANISATION = "E08", "organisation", "Is the machine in another app of the organisation?", "while it exists"
    IMAGE_BELIEVED = "E09", *_BELIEVED
    IMAGE_BELIEVED_AGAIN = "E09b", *_BELIEVED
    IMAGE_RAN = "E10", *_RAN
    IMAGE_RAN_AGAIN = "E10b", *_RAN
    ADDRESSES = "E11", "addresses", "Does the app have a public address?", "while the app exists"
    DNS_APP = "E12", "dns-app", "Does the app's own hostname resolve?", "while the app exists"
    DNS_BELIEVED = "E13", "dns-believed", "Does the hostname the caller believes in resolve?", "at any time"
    RECORD = "E14", "record", "What does the caller's database say?", "as long as the row is kept"
    RECORD_EVENTS = (
        "E15",
        "record-events",
        "What did the caller write about this machine?",
        "as long as rows are kept",
    )
    STATUS = "E16", "status", "Does Fly report an incident?", "weeks"
    EDGE_BELIEVED = "E17", "edge-believed", "Does the URL the caller believes in answer?", "at any time"
    EDGE_APP = "E18", "edge-app", "Does the app's own URL answer for this machine?", "while the machine lives"
    CALLER = "E19", "caller", "What was the caller told, and what did it say?", "as long as its log is kept"
    FUNCTION_SECRETS = (
        "E20",
        "function-secrets",
        "Which image do the caller's function secrets name?",
        "as they are now",
        None,
        _SUPABASE,
    )
    FUNCTION_LOG = (
        "E21",
        "function-log",
        "What did the caller's function print?",
        "1 to 90 days, by the plan",
        None,
        _SUPABASE,
    )
    TOKEN_INSIDE = (
        "E22",
        "token-inside",
        "What does the token contain: rights, apps, expiry?",
        "as long as it is kept",
        None,
        "asked only of a token whose rights and expiry can be read without Fly",
    )
    CERTIFICATES = (
        "E23",
        "certificates",
        "Has the app a certificate for the hostname the caller believes in?",
        "while the app exists",
        None,
        "asked only for a custom hostname, which needs a certificate of its own",
    )
    PROCESSES = (
        "E24",
        "processes",
        "Which processes run in the machine, and on which addresses do they listen?",
        "while the machine runs",
        None,
        "asked only of a started machine whose program does not answer",
    )
    SECRETS = (
        "E25",
        "secrets",
        "Which secrets has the app, and since when?",
        "as they are now",
        None,
        "asked only where the machine does not run, or a line of the log names a variable",
    )
    VERSIONS = (
        "E26",
        "versions",
        "Which versions had the machine's config?",
        "while the machine exists",
        None,
        "asked only of a machine that has been updated",
    )
    VOLUMES = (
        "E27",
        "volumes",
        "Where are the app's volumes, and to which machines are they attached?",
        "while they exist",
        None,
        "asked only where the caller, or the config of a machine that does not run, names a volume",
    )
    METRICS = (
        "E28",
        "metrics",
        "What was measured of this machine: when it was up, how it ended, how much memory it had?",
        "about 15 days",
        timedelta(days=15),  # §9
        "asked only where the machine does not run, or its program does not answer",
    )
    CANARIES_LEFT = (
        "E29",
        "canaries-left",
        "Are test machines of earlier runs left in the app?",
        "while they exist",
        None,
        "asked only before a test machine is created (allow_writes)",
    )
    CANARY_IMAGE = (
        "E30",
        "canary-image",
        "Does a known-good image run in the same region, on the same guest?",
        "can be made again",
        None,
        _CANARY,
    )
    CANARY_CONFIG = (
        "E31",
        "canary-config",
        "Does a test machine with the same config run?",
        "can be made again",
        None,
        f"{_CANARY}; canary_config is a consent of its own",
    )
    CONFIG = (
        "E32",
        "config",
        "Which config is to be created or deployed?",
        "as long as it is kept",
        None,
        "asked only before a create call or a deploy",
    )
    REGIONS = (
        "E33",
        "regions",
        "Which regions does Fly offer?",
        "as they are now",
        None,
        "asked only before a create call or a deploy",
    )
    SOURCES = (
        "E34",
        "sources",
        "What do the caller's files say about the request?",
        "as long as they are kept",
        None,
        "no file of the caller was given (parameter sources)",
    )
    FLEET_MACHINES = (
        "E35",
        "fleet-machines",
        "Which machines are there, destroyed ones included?",
        "destroyed ones: not documented",
    )
    FLEET_ROWS = (
        "E36",
        "fleet-rows",
        "Which rows has the database, and which machine belongs to each?",
        "as long as the rows are kept",
    )


def known_facets() -> Iterator[FacetEnum]:
    """Every facet that has been defined, those of other distributions included, in the order of their numbers."""
    for kind in sorted(FacetEnum.__subclasses__(), key=lambda kind: (kind is not Facet, kind.__module__)):
        yield from kind


def facet_of(number: str) -> FacetEnum | None:
    """The facet of this number ("E03b"), None if no facet has it."""
    return next((facet for facet in known_facets() if facet.value == number), None)
