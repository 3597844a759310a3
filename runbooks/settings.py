"""The only reader of the environment. Names are Fly's own where Fly has one (design §5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runbooks.errors import UsageError

CHECKOUT = Path(__file__).resolve().parent.parent
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
    for part in filter(None, (p.strip() for p in value.split(","))):
        name, equals, target = part.partition("=")
        if not equals or not name.strip() or not target.strip():
            raise ValueError(f"{part!r} is not of the form name=value")
        found[name.strip()] = target.strip()
    return found


Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(pairs)]


class Settings(BaseSettings):
    """Where to ask, with which credentials, and where to write."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    token: SecretStr = Field(SecretStr(""), validation_alias=AliasChoices("FLY_API_TOKEN", "FLY_ACCESS_TOKEN"))
    machines_url: str = Field(
        "https://api.machines.dev", validation_alias=AliasChoices("FLY_API_HOSTNAME", "FLY_FLAPS_BASE_URL")
    )
    platform_url: str = Field("https://api.fly.io", validation_alias="FLY_API_BASE_URL")
    registries: Pairs = Field(default_factory=dict, validation_alias="RUNBOOKS_REGISTRIES")
    connect_to: Pairs = Field(default_factory=dict, validation_alias="RUNBOOKS_CONNECT_TO")
    records_url: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_RECORDS_URL")
    records_key: SecretStr = Field(SecretStr(""), validation_alias="RUNBOOKS_RECORDS_KEY")
    records_columns: Pairs = Field(default_factory=dict, validation_alias="RUNBOOKS_RECORDS_COLUMNS")
    records_events_table: str = Field("cloud_events", validation_alias="RUNBOOKS_RECORDS_EVENTS_TABLE")
    status_url: str = Field("https://incidents.flyio.net/v1/incidents", validation_alias="RUNBOOKS_STATUS_URL")
    output_root: Path = Field(
        default_factory=lambda: CHECKOUT / "outputs" if (CHECKOUT / "notebooks").is_dir() else Path("outputs"),
        validation_alias="RUNBOOKS_OUTPUT_ROOT",
    )
    run_folder: Path | None = Field(None, validation_alias="RUNBOOKS_RUN_FOLDER")
    deadline: float | None = Field(None, validation_alias="RUNBOOKS_DEADLINE", gt=0)

    @property
    def columns(self) -> Mapping[str, str]:
        """Our names for the record's columns, each mapped to the caller's."""
        return RECORD_COLUMNS | self.records_columns


def load_settings() -> Settings:
    """Read the environment once; a value that cannot be read is a usage error that names the variable."""
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"The environment variable {where} cannot be read: {first['msg']}.",
            "Correct it or unset it; docs/settings.md lists all of them with examples.",
        ) from None
