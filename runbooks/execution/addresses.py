"""Whom to tell: the addresses of `RUNBOOKS_NOTIFY`, what may be shown of them, and what is wrong with one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from runbooks.base.errors import UsageError
from runbooks.base.settings import addresses_in

if TYPE_CHECKING:
    from apprise import NotifyBase

_HOST_FIRST = "{schema}://{host}"
"""The first form of a service whose address begins with a host, and not with a token or a topic."""
_WEB = {"https": "jsons", "http": "json"}


def addresses_of(setting: str) -> list[str]:
    """The addresses in `RUNBOOKS_NOTIFY`: separated by blanks, or one a line in a file that it names.

    Raises:
        UsageError: it is neither, or Apprise cannot use one of the addresses; the message shows no part that can be
            a secret
    """
    found = [setting.strip()] if _unfinished(setting.strip()) else addresses_in(setting)
    for number, address in enumerate(found, start=1):
        if _service(address) is None:
            cause, remedy = _wrong(address)
            raise UsageError(f"Address {number} in RUNBOOKS_NOTIFY {cause}", remedy)
    return found


def _unfinished(setting: str) -> bool:
    """Is it one address without its slashes (mailto:NAME@HOST), and not the name of a file?"""
    return ":" in setting and "://" not in setting and _known(_scheme(setting)) is not None


def receiver(address: str) -> str:
    """What an address that was corrected has in common with it: the service, with its host where that is no secret."""
    found = _service(address)
    return f"{found.service_name} {found.host}" if found and _has_host(found, address) else label(address)


def label(address: str) -> str:
    """The service that an address belongs to, with its host where it has one, and nothing that can be a secret."""
    found = _service(address)
    if found is None:
        return _scheme(address) if _known(_scheme(address)) else "an address"
    if not _has_host(found, address):
        return str(found.service_name)
    port = f":{found.port}" if found.port else ""
    return f"{found.service_name} to {found.host}{port}"


def _has_host(found: NotifyBase, address: str) -> bool:
    """Does the address begin with a host, and was it read as that?"""
    forms: Sequence[str] = found.templates
    # Behind a password with one of these, what was read as the host is the beginning of user and password.
    return forms[0].startswith(_HOST_FIRST) and not re.search(r"[/?#].*@", address.partition("://")[2])


def _service(address: str) -> NotifyBase | None:
    import apprise

    return apprise.Apprise.instantiate(address, suppress_exceptions=True)


def _wrong(address: str) -> tuple[str, str]:
    """What is wrong with an address that Apprise cannot use, and the form that is wanted."""
    scheme, parts = _scheme(address), _split(address)
    known = _known(scheme)
    if known and scheme not in _WEB:
        return f"is for {known['service_name']}, but parts of it are missing or wrong.", _form(known, scheme)
    if scheme in _WEB:
        # hooks.slack.com, discord.com, discordapp.com: the service is the name before the last dot.
        name = ".".join(parts.hostname.rsplit(".", 2)[-2:-1]) if parts.hostname else ""
        service = next((one for one in (name, name.removesuffix("app")) if _known(one)), "")
        if found := _known(service):
            whole = f"Copy the whole webhook URL of {found['service_name']}, or write it as an address of Apprise."
            return (
                f"looks like {found['service_name']}, but is no complete webhook URL.",
                f"{whole} {_form(found, service)}",
            )
        return (
            f"is a web address ({scheme}://), and its host is none of a service that Apprise knows.",
            f"For a webhook of your own write {_WEB[scheme]}:// in the place of {scheme}://.",
        )
    if "://" not in address:
        return (
            "has no service:// in front.",
            "Write a blank in an address, or in a password of one, as %20: addresses are separated by blanks.",
        )
    close = difflib.get_close_matches(scheme, _schemes(), n=2)
    hint = f"Did you mean {' or '.join(f'{one}://' for one in close)}? " if close else ""
    shown = close or re.fullmatch(r"[a-z]{1,20}", scheme)
    named = f"begins with {scheme}://, and that" if shown else "has a beginning that"
    return f"{named} is no service that Apprise knows.", f"{hint}Its documentation lists all: https://appriseit.com"


def _form(service: dict[str, Any], scheme: str) -> str:
    """The shortest complete form of a service's address, in the words of Apprise's own table."""
    form = str(service["details"]["templates"][0]).replace("{schema}", scheme)
    form = re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), form)
    return f"The form is {form} (all forms: {service['setup_url']})."


def _known(scheme: str) -> dict[str, Any] | None:
    return _schemes().get(scheme) if scheme else None


@cache
def _schemes() -> dict[str, dict[str, Any]]:
    """Every scheme with what Apprise says of its service."""
    import apprise

    found = apprise.Apprise().details()["schemas"]
    return {name: one for one in found for name in (*(one["protocols"] or ()), *(one["secure_protocols"] or ()))}


def _scheme(address: str) -> str:
    return address.partition(":")[0].lower()


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return SplitResult("", "", "", "", "")
