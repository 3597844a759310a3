"""The credentials of a run: which there are, of what kind, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from runbooks.base.errors import UsageError
from runbooks.base.settings import Settings, addresses_in
from runbooks.evidence.redaction.names import Strength, strength_of

_TELLING = 8
"""Characters from which on a part of a notification's address is no name of a service or a channel."""

_BEGINS_WITH_HOST = re.compile(r"(?i)(?:json|xml|form|http|mailto)s?")
"""Schemes of Apprise whose address begins with a host; that of a service begins with a token or a topic."""
_ORDINARY = re.compile(
    r"[A-Za-z][a-z]{0,11}|(?:[a-z0-9-]{1,63}\.){1,9}[a-z]{2,24}|\d{1,5}|\d{1,3}(?:\.\d{1,3}){3}", re.ASCII
)
"""A plain word, the name of a host, a port, an IPv4 address."""

_QUERY = re.compile(
    r"(?i)x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|key-pair-id|signature|sig|policy|verify"
    r"|(?:(?:access|auth|id|refresh|session|bearer)[_-]?)?token|(?:api[_-]?|access[_-]?)?key|(?:client[_-]?)?secret"
    r"|password|passwd|pwd|jwt|auth|code"
)


def token_kind(token: str) -> str:
    """What a Fly token is, from its prefix (§6.2): derived before the token is masked."""
    parts = list(elements(token))
    if not parts:
        return "none"
    if any(re.match(r"fm[12]", part) for part in parts):
        return "macaroon"
    return "oauth" if parts[0].startswith("fo1_") else "unknown"


def strip_scheme(token: str) -> str:
    """Remove any `Bearer`/`FlyV1` in front, as often as they were put there (§1.1)."""
    return re.sub(r"(?i)^(?:(?:Bearer|FlyV1)\s+)+", "", token.strip())


def elements(token: str) -> Iterable[str]:
    """The parts of a comma list of tokens."""
    return filter(None, (part.strip() for part in strip_scheme(token).split(",")))


def url_secrets(url: str) -> list[str]:
    """Passwords and keys that a URL carries, as they are written and as they are meant."""
    try:
        parts = urlsplit(url)
        password, query = parts.password or "", parse_qsl(parts.query)
    except ValueError:
        return []
    # Apprise sends what begins with +, : or - on to the receiver; a + is read as a blank.
    telling = [
        value for name, value in query if _QUERY.fullmatch(name.strip(" :-")) or strength_of(name) is Strength.STRONG
    ]
    return list(filter(None, dict.fromkeys((password, *telling, *map(unquote, (password, *telling))))))


def _address_secrets(address: str) -> Iterator[str]:
    """What of the address of a notification is masked wherever it stands.

    The path of a web hook can be its secret. A path that is a plain word is masked only together with its host:
    by itself, that word would be masked in every sentence. So would the names of hosts and of mailboxes. A user's
    name can be a token.
    """
    yield from url_secrets(address)
    scheme, _, rest = address.partition("://" if "://" in address else ":")
    with_host = _BEGINS_WITH_HOST.fullmatch(scheme)
    if "://" not in address and not with_host:  # a word without a service
        scheme, rest = "", address
    ordinary = _ORDINARY if with_host or not scheme else re.compile(r"(?!)")
    user = rest.partition("?")[0].rpartition("@")[0]
    mailbox = user.partition(":")[0] if scheme.lower().startswith("mailto") else ""
    yield from _parts(user.removeprefix(mailbox))
    yield from (part for part in _parts(f"{mailbox}@{rest.removeprefix(user)}") if not ordinary.fullmatch(part))
    if "/" in rest.strip("/") and len(rest) >= _TELLING:
        yield rest


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[/:@?&=,]+", text) if len(part) >= _TELLING]


def secrets_of(settings: Settings) -> list[tuple[str, str]]:
    """Every credential among the settings, with its kind: what a redactor has to know before anything else."""
    urls = (settings.records_url.get_secret_value(), settings.status_url, settings.machines_url, settings.platform_url)
    found = [(element, "fly-token") for element in elements(settings.token.get_secret_value())]
    found += [(key.get_secret_value(), "supabase-key") for key in (settings.records_key, settings.supabase_token)]
    found += [(secret, "password") for url in (*urls, *settings.registries.values()) for secret in url_secrets(url)]
    notify = settings.notify.get_secret_value()
    try:
        addresses = addresses_in(notify)
    except UsageError:
        # It is refused where somebody is to be told. A mistyped address can hold a secret, the name of a file does not.
        addresses = [word for word in notify.split() if ":" in word or "/" not in word]
    found += [(part, "webhook") for address in addresses for part in _address_secrets(address)]
    return [(secret, kind) for secret, kind in found if secret]
