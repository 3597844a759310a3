"""A token: what the API says about it, and what it says about itself (§6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TokenScope:
    """One entry of /v1/tokens/current (§6.4); empty `apps` means every app of the organisation."""

    organization: str = ""
    org_slug: str = ""
    apps: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """What kind of token this is (from its prefix, before masking) and what it may see."""

    kind: str
    scopes: tuple[TokenScope, ...] = ()
    valid: bool = True


@dataclass(frozen=True, slots=True)
class TokenPart:
    """One token of a comma list, as it describes itself (§6.4); `kind` is permission, discharge, unreadable.

    Rights are letters of `rwcdC` (read, write, create, delete, control). `undischarged` names the third
    parties whose consent is demanded and not in the list: with one of them the API refuses the token.
    """

    kind: str
    location: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    organizations: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    actions: str = ""
    third_parties: tuple[str, ...] = ()
    undischarged: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenInside:
    """What a token says about itself, read offline and without judging its signature."""

    parts: tuple[TokenPart, ...] = ()

    @property
    def permissions(self) -> tuple[TokenPart, ...]:
        """Any one of them suffices."""
        return tuple(part for part in self.parts if part.kind == "permission")
