"""What a Fly token says about itself, read offline: expiry, organisation, apps, actions, missing discharge.

A macaroon is MessagePack in base64: [nonce, location, caveats, signature], where the caveats are a flat
list of numbers and bodies (§6.4). Nothing here can tell whether the signature is good, and nothing
secret leaves: key id, signature and tickets are only compared with each other. Reading never fails; what
is not understood is named by its number.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgpack

from runbooks.evidence.models import TokenInside, TokenPart
from runbooks.evidence.redaction import elements

_ORGANIZATION, _APPS, _WINDOW, _THIRD_PARTY, _BOUND, _IF_PRESENT, _MAX_VALIDITY, _ACTION = 0, 3, 4, 11, 12, 13, 21, 26
_NAMES = {
    2: "Volumes",
    5: "FeatureSet",
    6: "Mutations",
    7: "Machines",
    8: "ConfineUser",
    9: "ConfineOrganization",
    10: "IsUser",
    14: "MachineFeatureSet",
    15: "FromMachineSource",
    16: "Clusters",
    19: "ConfineGoogleHD",
    20: "ConfineGitHubOrg",
    _MAX_VALIDITY: "MaxValidity",
    22: "IsMember",
    23: "FlyioUserID",
    24: "GitHubUserID",
    25: "GoogleUserID",
    27: "Commands",
    28: "AppFeatureSet",
    29: "StorageObjects",
    30: "AllowedRoles",
    31: "FlySrc",
}
_LETTERS = "rwcdC"
_EVERY = (1 << len(_LETTERS)) - 1
_PREFIXES = ("fm2_", "fm1r_", "fm1a_")


def read_token(token: str) -> TokenInside | None:
    """All parts of a comma list, or None where no part says anything about itself."""
    parts = list(elements(token))
    opened = [_opened(part) for part in parts]
    if not any(opened):
        return None
    tickets = {ticket for one in opened if one for _, ticket in one.third_parties}
    told = []
    for one in opened:
        if one is None:
            told.append(TokenPart("unreadable"))
        elif one.key_id in tickets or one.proof:
            told.append(_part(one, "discharge", ()))
        else:
            told.append(_part(one, "permission", _discharges(one, opened)))
    return TokenInside(tuple(told))


@dataclass
class _Opened:
    """One macaroon as it lies in the token; never leaves this file."""

    location: str = ""
    key_id: bytes = b""
    proof: bool = False
    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    organizations: list[tuple[str, int]] = field(default_factory=list)
    apps: list[tuple[str, int]] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    third_parties: list[tuple[str, bytes]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def _opened(part: str) -> _Opened | None:
    prefix = next((p for p in _PREFIXES if part.startswith(p)), None)
    if prefix is None:
        return None
    text = part[len(prefix) :].translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        told = _unpacked(raw)
    except (binascii.Error, ValueError):
        return None
    nonce, location, caveats = _fields(told, "nonce", "location", "caveats")
    if not isinstance(location, str) or not isinstance(caveats, list):
        return None
    key_id, _, proof = _fields(nonce, "kid", "rnd", "proof")
    one = _Opened(location, key_id if isinstance(key_id, bytes) else b"", proof is True)
    for number, body in _pairs(caveats):
        _caveat(one, number, body, conditional=False)
    return one


def _caveat(one: _Opened, number: object, body: Any, *, conditional: bool) -> None:
    """Take one caveat in. What stands inside of an IfPresent only holds where its resource is asked for."""
    if number == _WINDOW:
        begin, end = _fields(body, "not_before", "not_after")
        one.begins += [begin] if _is_number(begin) and begin > 0 else []
        one.ends += [end] if _is_number(end) else []
    elif number == _ORGANIZATION:
        name, mask = _fields(body, "id", "mask")
        one.organizations.append((_id(name), _mask(mask)))
    elif number == _APPS:
        (apps,) = _fields(body, "apps")
        one.apps += [(_id(name), _mask(mask)) for name, mask in apps.items()] if isinstance(apps, Mapping) else []
        if not isinstance(apps, Mapping):
            one.others.append("Apps (not readable)")
    elif number == _ACTION:
        (mask,) = _fields(body, "action") if isinstance(body, list | Mapping) else (body,)
        one.actions.append(_mask(mask))
    elif number == _THIRD_PARTY:
        place, _, ticket = _fields(body, "location", "verifier_key", "ticket")
        one.third_parties.append(
            (place if isinstance(place, str) else "", ticket if isinstance(ticket, bytes) else b"")
        )
    elif number == _IF_PRESENT and not conditional:
        inner, otherwise = _fields(body, "ifs", "else")
        for inner_number, inner_body in _pairs(inner if isinstance(inner, list) else []):
            _caveat(one, inner_number, inner_body, conditional=True)
        one.others.append(f"IfPresent (else {_letters(_mask(otherwise)) or 'nothing'})")
    elif number != _BOUND:
        name = _NAMES.get(number) if isinstance(number, int) else None
        detail = f" ({body} s)" if number == _MAX_VALIDITY and _is_number(body) else ""
        one.others.append(f"{name}{detail}" if name else f"caveat type {_short(number)}")


def _discharges(one: _Opened, opened: list[_Opened | None]) -> tuple[tuple[str, _Opened | None], ...]:
    """Each third party that must agree, with the part of the list in which it does."""
    by_key = {other.key_id: other for other in opened if other is not None and other is not one}
    return tuple((place, by_key.get(ticket) if ticket else None) for place, ticket in one.third_parties)


def _part(one: _Opened, kind: str, discharges: tuple[tuple[str, _Opened | None], ...]) -> TokenPart:
    """A permission ends when it or one of its discharges does."""
    own = (one, *(other for _, other in discharges if other is not None))
    begins = [at for o in own for at in o.begins]
    ends = [at for o in own for at in o.ends]
    mask = _EVERY
    for told in (*(m for _, m in one.organizations), *one.actions):
        mask &= told
    return TokenPart(
        kind=kind,
        location=_short(one.location),
        not_before=_time(max(begins)) if begins else None,
        not_after=_time(min(ends)) if ends else None,
        organizations=tuple(dict.fromkeys(name for name, _ in one.organizations)),
        apps=tuple(dict.fromkeys(f"{name} ({_letters(m) or 'nothing'})" for name, m in one.apps)),
        actions=_letters(mask),
        third_parties=tuple(_short(place) or "unnamed" for place, _ in one.third_parties),
        undischarged=tuple(_short(place) or "unnamed" for place, other in discharges if other is None),
        others=tuple(dict.fromkeys(one.others)),
    )


def _pairs(caveats: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(caveats[::2], caveats[1::2], strict=False)


def _fields(body: Any, *names: str) -> tuple[Any, ...]:
    """Fields by position, as the platform writes them, or by name; what is missing is None."""
    if isinstance(body, Mapping):
        return tuple(body.get(name) for name in names)
    told = list(body)[: len(names)] if isinstance(body, list) else []
    return (*told, *[None] * (len(names) - len(told)))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _mask(value: object) -> int:
    """Bits of rights; as text they are letters. What is not readable grants nothing."""
    if isinstance(value, str):
        return _EVERY if value == "*" else sum(1 << i for i, letter in enumerate(_LETTERS) if letter in value)
    return value & _EVERY if isinstance(value, int) and not isinstance(value, bool) else 0


def _letters(mask: int) -> str:
    return "".join(letter for i, letter in enumerate(_LETTERS) if mask & (1 << i))


def _id(value: object) -> str:
    return "any" if value in (0, "") else _short(value)


def _short(value: object) -> str:
    return str(value)[:120] if isinstance(value, str | int) else type(value).__name__


def _time(seconds: int) -> datetime:
    """Seconds since 1970; a time beyond all calendars is the last one there is."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(9999, 12, 31, tzinfo=UTC) if seconds > 0 else datetime(1970, 1, 1, tzinfo=UTC)


def _unpacked(raw: bytes) -> Any:
    """The first value; bytes behind it are none of the macaroon.

    Raises:
        ValueError: this is no MessagePack
    """
    # A list cannot claim to be longer than what there is of it.
    limits = {"max_buffer_size": len(raw) or 1, "strict_map_key": False, "unicode_errors": "replace"}
    reader = msgpack.Unpacker(ext_hook=lambda code, data: data, **limits)
    try:
        reader.feed(raw)
        return reader.unpack()
    except (msgpack.UnpackException, TypeError) as error:  # TypeError: a map with a list as its key
        raise ValueError(str(error)) from None


def described(told: TokenInside, at: datetime) -> str:
    """One sentence about the permissions; `at` decides what has expired."""
    permissions = told.permissions
    if not permissions:
        held = "only discharges" if any(p.kind == "discharge" for p in told.parts) else "nothing that can be read"
        return f"the token holds {held}, and no permission"
    sentences = "; or: ".join(_sentence(part, at) for part in permissions)
    unread = sum(part.kind == "unreadable" for part in told.parts)
    return f"by its own words, the token is {sentences}" + (f"; {unread} more could not be read" if unread else "")


def _sentence(part: TokenPart, at: datetime) -> str:
    where = f"for organisation {', '.join(part.organizations)}" if part.organizations else "for no named organisation"
    apps = f", apps {', '.join(part.apps)}" if part.apps else ", all its apps"
    told = [f"{where}{apps}, rights {part.actions or 'none'}"]
    if part.not_after is None:
        told.append("without an end")
    elif part.not_after <= at:
        told.append(f"expired since {part.not_after:%Y-%m-%d %H:%M} UTC")
    else:
        told.append(f"valid until {part.not_after:%Y-%m-%d %H:%M} UTC")
    if part.not_before is not None and part.not_before > at:
        told.append(f"not valid before {part.not_before:%Y-%m-%d %H:%M} UTC")
    if part.undischarged:
        told.append(f"but without the discharge of {', '.join(part.undischarged)}, so the API refuses it")
    if part.others:
        told.append(f"limited by {', '.join(part.others)}")
    return ", ".join(told)
