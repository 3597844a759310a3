"""Masking of secrets: the public names are those below."""

from runbooks.evidence.redaction.credentials import elements, secrets_of, strip_scheme, token_kind, url_secrets
from runbooks.evidence.redaction.placeholders import KINDS, Hit
from runbooks.evidence.redaction.redactor import Redactor

__all__ = ["KINDS", "Hit", "Redactor", "elements", "secrets_of", "strip_scheme", "token_kind", "url_secrets"]
