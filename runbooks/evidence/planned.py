"""The machine that is to be created: a request body, the config of a machine, or a `fly.toml`, in one form.

The form is that of the Machines API (§1.4). What a `fly.toml` leaves to `fly deploy` is filled in as that does it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runbooks.evidence import bounded_json
from runbooks.evidence.models import Json, Machine
from runbooks.evidence.parsers import text_of, ulid_time

MOST = 1_000_000
"""Bytes of a config."""
_DEPTH = 30
_VALUES = 20_000
_SIZE = re.compile(r"(shared|performance)-(?:cpu-)?(\d{1,3})x")
_MEMORY = re.compile(r"(\d{1,7})\s*(mb|gb|)", re.IGNORECASE)
_AS_TEXT = ("env", "metadata")


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be created.

    Attributes:
        form: where it came from: "JSON", "fly.toml", "machine"; "" where there is none
        config: the machine's config in the form of the API
        app, name, region: as the text names them, "" where it does not
        builds: the image is built by the deploy, so that nobody can look at it before
        problems: what the API would refuse in it, one sentence each
        machine_id, version_at: the machine whose config this is, and when its present version was made
    """

    form: str = ""
    config: Json = field(default_factory=dict)
    app: str = ""
    name: str = ""
    region: str = ""
    builds: bool = False
    problems: tuple[str, ...] = ()
    machine_id: str = ""
    version_at: datetime | None = None

    @property
    def image(self) -> str:
        return text_of(self.config.get("image"))

    @property
    def env(self) -> Mapping[str, str]:
        env = self.config.get("env")
        return {str(k): "" if v is None else str(v) for k, v in env.items()} if isinstance(env, Mapping) else {}

    @property
    def described(self) -> str:
        told = [
            f"image {self.image}" if self.image else "an image that the deploy builds" if self.builds else "no image",
            f"app {self.app}" if self.app else "",
            f"name {self.name}" if self.name else "",
            f"region {self.region}" if self.region else "",
        ]
        return ", ".join(filter(None, told))


def parsed(text: str) -> Json:
    """The text as JSON or TOML, which it is told by its first character.

    Raises:
        ValueError: it is neither, it is too large, or it is no object
    """
    if len(text) > MOST:
        raise ValueError(f"it has {len(text):,} characters, and at most {MOST:,} are read")
    if text.lstrip().startswith(("{", "[")) and not _is_table(text):
        found = bounded_json.loads(text.encode("utf-8", "replace"), _DEPTH, _VALUES)
    else:
        try:
            found = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ValueError(f"it is neither JSON nor TOML: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(found, Mapping) or not found:
        raise ValueError("it is no object with the config of a machine")
    return found


def planned_of(told: Json) -> Planned:
    """What a parsed text plans: a `fly.toml`, the body of a create call, a machine, or a config alone."""
    inner = told.get("config")
    if isinstance(inner, Mapping):
        return _of_api(inner, told)
    if "image" in told and not isinstance(told.get("build"), Mapping):
        return _of_api(told, {})
    return _of_toml(told)


def planned_machine(machine: Machine) -> Planned:
    """The plan to create a machine with the config of this one."""
    return Planned(
        "machine",
        machine.config or {},
        machine.app_name,
        machine.name,
        machine.region,
        machine_id=machine.id,
        version_at=ulid_time(machine.instance_id) or machine.updated_at,
    )


def _is_table(text: str) -> bool:
    """`[env]` and `[[vm]]` begin a TOML table, and no JSON."""
    return re.match(r"\s*\[{1,2}\s*[A-Za-z_\"']", text) is not None and not re.match(r"\s*\[\s*[\"']", text)


def _of_api(config: Json, body: Json) -> Planned:
    return Planned(
        "JSON",
        config,
        text_of(body.get("app_name")) or text_of(body.get("app")),
        text_of(body.get("name")),
        text_of(body.get("region")),
        problems=tuple(_problems(config)),
    )


def _problems(config: Json) -> Iterable[str]:
    """What Go's decoder refuses with 400: a value of another type than the field has (§3.2)."""
    if not text_of(config.get("image")):
        yield "config.image is missing or no text"
    for key in _AS_TEXT:
        values = config.get(key)
        if values is not None and not isinstance(values, Mapping):
            yield f"config.{key} is no object"
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if not isinstance(value, str):
                yield f"config.{key}.{name} is {_kind(value)}, and the API takes text only: write it in quotes"
    for key, kind, word in (("services", list, "a list"), ("mounts", list, "a list"), ("guest", Mapping, "an object")):
        value = config.get(key)
        if value is not None and not isinstance(value, kind):
            yield f"config.{key} is {_kind(value)}, and the API takes {word}"
    guest = config.get("guest")
    for key in ("cpus", "memory_mb"):
        value = guest.get(key) if isinstance(guest, Mapping) else None
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            yield f"config.guest.{key} is {_kind(value)}, and the API takes a whole number"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if value is None:
        return "null"
    return "text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"


def _of_toml(told: Json) -> Planned:
    """A `fly.toml`: `fly deploy` sets the metadata itself, writes every variable as text, and may build the image."""
    build = told.get("build")
    image = text_of(build.get("image")) if isinstance(build, Mapping) else ""
    env = told.get("env")
    config: dict[str, Any] = {
        "env": {str(k): _written(v) for k, v in env.items()} if isinstance(env, Mapping) else {},
        "metadata": {"fly_platform_version": "v2", "fly_process_group": "app"},
        "services": [*_http_service(told.get("http_service")), *map(_service, _tables(told.get("services")))],
        "mounts": [
            {"name": text_of(row.get("source")), "path": text_of(row.get("destination"))}
            for row in _tables(told.get("mounts"))
        ],
        **({"image": image} if image else {}),
    }
    if isinstance(told.get("checks"), Mapping):
        config["checks"] = told["checks"]
    for row in _tables(told.get("vm"))[:1]:
        config["guest"] = _guest(row)
    return Planned(
        "fly.toml", config, text_of(told.get("app")), "", text_of(told.get("primary_region")), builds=not image
    )


def _tables(value: object) -> list[Mapping[str, Any]]:
    """`[[name]]` and `[name]` mean the same to `fly deploy`."""
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, Mapping)]


def _http_service(row: object) -> list[dict[str, Any]]:
    """The short form: ports 80 and 443 of one service."""
    if not isinstance(row, Mapping):
        return []
    ports = [{"port": 80, "handlers": ["http"]}, {"port": 443, "handlers": ["tls", "http"]}]
    return [{**_service(row), "ports": ports}]


def _service(row: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"auto_stop_machines": "autostop", "auto_start_machines": "autostart"}
    return {renamed.get(key, key): value for key, value in row.items()}


def _guest(row: Mapping[str, Any]) -> dict[str, Any]:
    """`size = "shared-cpu-2x"`, `memory = "1gb"`, or the fields themselves."""
    guest: dict[str, Any] = {}
    if match := _SIZE.fullmatch(text_of(row.get("size"))):
        guest = {"cpu_kind": match[1], "cpus": int(match[2])}
        guest["memory_mb"] = guest["cpus"] * (256 if match[1] == "shared" else 2048)
    guest |= {key: row[key] for key in ("cpu_kind", "cpus", "memory_mb") if key in row}
    memory = row.get("memory")
    if isinstance(memory, int) and not isinstance(memory, bool):
        guest["memory_mb"] = memory
    elif match := _MEMORY.fullmatch(text_of(memory).strip()):
        guest["memory_mb"] = int(match[1]) * (1024 if match[2].lower() == "gb" else 1)
    return guest


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
