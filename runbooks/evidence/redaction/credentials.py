"""The credentials of a run: which there are, of what kind, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

from runbooks.base.settings import Settings
from runbooks.evidence.redaction.names import Strength, strength_of

_TELLING = 8
"""Characters from which on a part of a notification's address is no name of a service or a channel."""

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
    telling = [value for name, value in query if _QUERY.fullmatch(name) or strength_of(name) is Strength.STRONG]
    return list(filter(None, dict.fromkeys((password, *telling, *map(unquote, (password, *telling))))))


def secrets_of(settings: Settings) -> list[tuple[str, str]]:
    """Every credential among the settings, with its kind: what a redactor has to know before anything else."""
    urls = (settings.records_url.get_secret_value(), settings.status_url, settings.machines_url, settings.platform_url)
    found = [(element, "fly-token") for element in elements(settings.token.get_secret_value())]
    found += [(key.get_secret_value(), "supabase-key") for key in (settings.records_key, settings.supabase_token)]
    found += [(secret, "password") for url in (*urls, *settings.registries.values()) for secret in url_secrets(url)]
    found += [
        (part, "webhook") for part in re.split(r"[\s/:@?&=,]+", settings.notify.get_secret_value()) if len(part) > 7
    ]
    return [(secret, kind) for secret, kind in found if secret]
