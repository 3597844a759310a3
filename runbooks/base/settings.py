"""The only reader of the environment. Names are Fly's own where Fly has one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runbooks.base import project
from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, read_text

CHECKOUT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = all((CHECKOUT / name).exists() for name in ("notebooks", "pyproject.toml"))
"""Whether this package runs from a clone; an installed one has nothing of ours above it."""
RECORDS_TABLE = "cloud_machines"
RECORD_COLUMNS = {
    "key": "id",
    "machine_id": "machine_id",
    "user_id": "user_id",
    "status": "status",
    "region": "region",
    "app_name": "fly_app_name",
    "websocket_url": "websocket_url",
    "error_message": "error_message",
    "created_at": "created_at",
    "started_at": "started_at",
    "updated_at": "updated_at",
    "fly_machine_id": "fly_machine_id",
}


def pairs(value: object) -> object:
    """A comma list `name=value,…` as a mapping; anything else is left for pydantic to refuse."""
    if not isinstance(value, str):
        return value
    found = {}
    for number, part in enumerate(filter(None, (p.strip() for p in value.split(","))), start=1):
        name, equals, target = part.partition("=")
        if not equals or not name.strip() or not target.strip():
            raise ValueError(f"part {number} is not of the form name=value")
        found[name.strip()] = target.strip()
    return found


def _routes(found: dict[str, str]) -> dict[str, str]:
    """`host:port=host:port` or `host:port=nxdomain`, as curl's --connect-to; `*` or nothing stands for any."""
    for number, (name, target) in enumerate(found.items(), start=1):
        host, colon, port = name.rpartition(":")
        if not colon or not (port in ("", "*") or port.isdecimal()) or "//" in host:
            raise ValueError(f"the name in part {number} is not of the form host:port")
        target_host, _, target_port = target.rpartition(":")
        if target.lower() != "nxdomain" and not (target_host and target_port.isdecimal() and "//" not in target):
            raise ValueError(f"the target in part {number} is neither host:port nor nxdomain")
    return found


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("it is not a base URL such as https://api.machines.dev")
    return url.rstrip("/")


def _bases(found: dict[str, str]) -> dict[str, str]:
    return {host: _base(url) for host, url in found.items()}


def _octal(value: object) -> object:
    """`077` as the shell's umask writes it."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"0?o?[0-7]{1,3}", value.strip()):
        raise ValueError("it is not an octal umask such as 077 or 022")
    return int(value.strip().replace("o", ""), 8) & 0o077


def _share(value: object) -> object:
    """`1/4` as well as `0.25`."""
    if not isinstance(value, str):
        return value
    try:
        return float(Fraction(value.strip()))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("it is not a share such as 1/4 or 0.25") from None


Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(pairs)]
BaseUrl = Annotated[str, AfterValidator(_base)]


class Settings(BaseSettings):
    """Where to ask, with which credentials, and where to write."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    token: SecretStr = Field(SecretStr(""), validation_alias=AliasChoices("FLY_API_TOKEN", "FLY_ACCESS_TOKEN"))
    machines_url: BaseUrl = Field(
        "https://api.machines.dev", validation_alias=AliasChoices("FLY_API_HOSTNAME", "FLY_FLAPS_BASE_URL")
    )
    platform_url: BaseUrl = Field("https://api.fly.io", validation_alias="FLY_API_BASE_URL")
    registries: Annotated[Pairs, AfterValidator(_bases)] = Field(
        default_factory=dict, validation_alias="RUNBOOKS_REGISTRIES"
    )
    connect_to: Annotated[Pairs, AfterValidator(_routes)] = Field(
        default_factory=dict, validation_alias="RUNBOOKS_CONNECT_TO"
    )
    records_url: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_RECORDS_URL")
    records_key: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_RECORDS_KEY")
    supabase_token: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_SUPABASE_TOKEN")
    supabase_url: BaseUrl = Field("https://api.supabase.com", validation_alias="RUNBOOKS_SUPABASE_API")
    records_columns: Pairs = Field(default_factory=dict, validation_alias="RUNBOOKS_RECORDS_COLUMNS")
    records_events_table: str = Field("cloud_events", validation_alias="RUNBOOKS_RECORDS_EVENTS_TABLE")
    status_url: str = Field("https://incidents.flyio.net/v1/incidents", validation_alias="RUNBOOKS_STATUS_URL")
    metrics_url: str = Field("", validation_alias="RUNBOOKS_METRICS_URL")
    output_root: Path = Field(
        default_factory=lambda: CHECKOUT / "outputs" if IS_CHECKOUT else Path("outputs"),
        validation_alias="RUNBOOKS_OUTPUT_ROOT",
    )
    rate_share: Annotated[float, BeforeValidator(_share)] = Field(
        1.0, validation_alias="RUNBOOKS_RATE_SHARE", gt=0, le=1
    )
    rate_file: Path | None = Field(None, validation_alias="RUNBOOKS_RATE_FILE")
    shared_answers: str = Field("", validation_alias="RUNBOOKS_SHARED_ANSWERS")
    run_folder: Path | None = Field(None, validation_alias="RUNBOOKS_RUN_FOLDER")
    deadline: float | None = Field(None, validation_alias="RUNBOOKS_DEADLINE", gt=0, allow_inf_nan=False)
    redact_allow: str = Field("", validation_alias="RUNBOOKS_REDACT_ALLOW")
    notify: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_NOTIFY")
    reports_url: str = Field("", validation_alias="RUNBOOKS_REPORTS_URL")
    keep_days: str = Field("", validation_alias="RUNBOOKS_KEEP_DAYS")
    profile: str = Field("", validation_alias="RUNBOOKS_PROFILE")
    umask: Annotated[int, BeforeValidator(_octal)] = Field(0o077, validation_alias="RUNBOOKS_UMASK")

    @property
    def columns(self) -> Mapping[str, str]:
        """Our names for the record's columns, each mapped to the caller's."""
        return RECORD_COLUMNS | self.records_columns


def addresses_in(setting: str) -> list[str]:
    """The addresses in `RUNBOOKS_NOTIFY`: separated by blanks, or one a line in a file that it names; unchecked.

    Raises:
        UsageError: it holds no address, and no file of that name can be read
    """
    text = setting.strip()
    if text and "://" not in text:
        try:
            text = read_text(Path(text).expanduser(), 100_000)
        except (OSError, NotReadable, RuntimeError, ValueError):  # no such user, no name of a file
            raise UsageError(
                "RUNBOOKS_NOTIFY holds neither an address nor the name of a file that can be read.",
                "Write addresses of Apprise separated by blanks, such as slack://TOKEN-A/TOKEN-B/TOKEN-C/CHANNEL.",
            ) from None
    return [word for line in text.splitlines() if not line.lstrip().startswith("#") for word in line.split()]


_OF_A_RUN = ("run_folder", "rate_file", "shared_answers", "deadline", "profile")
_NOT_IN_A_PROFILE = ("token", "records_url", "records_key", "supabase_token", *_OF_A_RUN)


def _variables(name: str) -> list[str]:
    """The variables of the environment that set this setting."""
    alias = Settings.model_fields[name].validation_alias
    return [str(one) for one in (alias.choices if isinstance(alias, AliasChoices) else [alias])]


CREDENTIALS = (
    "FLY_API_TOKEN",
    "FLY_ACCESS_TOKEN",
    "RUNBOOKS_RECORDS_URL",
    "RUNBOOKS_RECORDS_KEY",
    "RUNBOOKS_SUPABASE_TOKEN",
    "RUNBOOKS_NOTIFY",
)
"""The variables that hold a secret; the URL of a database or of a chat can hold one."""
_taken: dict[str, str] = {}


def take_credentials() -> None:
    """Take the credentials out of the environment of a notebook's kernel, where every child process would inherit them.

    They stay known to `load_settings` of this process. A variable that is set again later wins over what was taken.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None:
        return  # a program's own environment is left alone
    for name in CREDENTIALS:
        value = os.environ.pop(name, "")
        if value:
            _taken[name] = value


def chosen_profile() -> project.Profile:
    """The profile of `runbooks.toml`, as `base.project` finds it.

    Raises:
        UsageError: the file cannot be used
    """
    return project.profile([name for name in Settings.model_fields if name not in _NOT_IN_A_PROFILE])


def load_settings() -> Settings:
    """Read the environment and the profile once; a value that cannot be read is a usage error that names it."""
    known: dict[str, Any] = {name: value for name, value in _taken.items() if name not in os.environ}
    profile = chosen_profile()
    for name, value in profile.settings.items():
        if not any(os.environ.get(variable) for variable in _variables(name)):
            known[name] = value if isinstance(value, dict) else str(value)
    try:
        return Settings(**known)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if where.partition(".")[0] in profile.settings:
            raise UsageError(
                f"{where} of the profile {profile.name!r} in {profile.place} cannot be read: {first['msg']}.",
                "Correct it; docs/settings.md has an example.",
            ) from None
        # The messages name no value: it can be a credential.
        shown = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(
            f"The environment variable {where} cannot be read: {shown}.",
            "Correct it or unset it; docs/settings.md lists all of them with examples.",
        ) from None
