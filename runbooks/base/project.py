"""What the current folder and `runbooks.toml` supply: the app of `fly.toml`, and the settings of a profile.

`runbooks.toml` is searched in the current folder, in those above it, and then in the user's config folder. A value in
the environment wins over it, a parameter that is given wins over both. It holds no token: one is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, read_text, why
from runbooks.base.suggest import did_you_mean

FILE = "runbooks.toml"
_MOST = 1_000_000
_PARAMETERS = {"app": "app_name", "organisation": "org_slug", "records_table": "records_table"}
"""Keys of a profile that are parameters of a run."""
_SECRET = re.compile(r"\b(?:FlyV1|fm[12][ar]?_|fo1_|sbp_|eyJ[\w-]{10,}\.)|://[^/\s:@]+:[^/\s@]+@")
"""Tokens by their shape, and a password in a URL."""
_SECRET_KEYS = ("token", "records_url", "records_key", "supabase_token")


@dataclass(frozen=True)
class Profile:
    """One profile: the parameters and the settings that it supplies, and where it stands."""

    place: Path | None = None
    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def profile(known: Collection[str]) -> Profile:
    """The profile that RUNBOOKS_PROFILE names, else the file's `default`, else its only one; an empty one if none.

    Args:
        known: the names of the settings that a profile may hold

    Raises:
        UsageError: the file cannot be read, has no such profile, or a key or value that it may not have
    """
    place = _found()
    wanted = os.environ.get("RUNBOOKS_PROFILE", "").strip()
    if place is None:
        if wanted:
            raise UsageError(
                f"RUNBOOKS_PROFILE names the profile {wanted[:80]!r}, and there is no {FILE}.",
                "Write one, or unset the variable; docs/settings.md has an example.",
            )
        return Profile()
    told = _toml(place)
    profiles = told.get("profiles", {})
    if (strange := set(told) - {"default", "profiles"}) or not isinstance(profiles, dict):
        raise UsageError(
            f"{place} holds {', '.join(sorted(map(str, strange)))[:80] or 'profiles that are no tables'}.",
            "It may hold `default` and tables such as [profiles.production].",
        )
    name = wanted or str(told.get("default", "")) or (next(iter(profiles)) if len(profiles) == 1 else "")
    if not name:
        return Profile(place)
    if not isinstance(profiles.get(name), dict):
        raise UsageError(f"There is no profile {name[:80]!r} in {place}.", did_you_mean(name, list(profiles)))
    return _checked(place, name, profiles[name], known)


def fly_app(folder: Path | None = None) -> str:
    """The app that `fly.toml` in the current folder names; "" where there is none.

    Raises:
        UsageError: there is a fly.toml that cannot be read
    """
    place = (folder or Path.cwd()) / "fly.toml"
    if not place.is_file():
        return ""
    app = _toml(place).get("app", "")
    return app if isinstance(app, str) else ""


def _checked(place: Path, name: str, values: Mapping[str, Any], known: Collection[str]) -> Profile:
    where = f"The profile {name!r} in {place}"
    for key, value in values.items():
        # The address of a chat holds its token: a profile names the file that holds the addresses.
        if key in _SECRET_KEYS or _SECRET.search(str(value)) or (key == "notify" and "://" in str(value)):
            raise UsageError(
                f"{where} holds a token or a password at {key!r}, and {FILE} must not.",
                "Move it to the environment: docs/settings.md names the variable.",
            )
        if key not in known and key not in _PARAMETERS:
            raise UsageError(f"{where} has an unknown key {key!r}.", did_you_mean(key, [*_PARAMETERS, *known]))
        if key in _PARAMETERS and not isinstance(value, str):
            raise UsageError(f"{where} has no text at {key!r}.", 'Write it with quotes: app = "my-app".')
    parameters = {_PARAMETERS[key]: value for key, value in values.items() if key in _PARAMETERS}
    return Profile(place, name, parameters, {key: value for key, value in values.items() if key in known})


def _found() -> Path | None:
    try:
        here = Path.cwd()
    except OSError:  # the current folder is gone
        here = Path("/")
    places = [folder / FILE for folder in (here, *here.parents)]
    places.append(Path(platformdirs.user_config_dir("fly-runbooks")) / FILE)
    return next((place for place in places if place.is_file()), None)


def _toml(place: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(read_text(place, _MOST))
    except (OSError, NotReadable) as error:
        told = why(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{place} cannot be read: {told}.", "Correct it, or remove it.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        told = str(error)[:200] if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deep"
        raise UsageError(f"{place} is not valid TOML: {told}.", "Correct it, or remove it.") from None
