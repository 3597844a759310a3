"""`preflight`: before a create call or a deploy, what the platform would say to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from runbooks.base.errors import ParameterError
from runbooks.base.facets import Facet
from runbooks.base.parameters import CommonParameters, Text, check_names, looks_like_path, named_text, shown
from runbooks.base.runbook import Runbook
from runbooks.diagnose.model import Diagnosis
from runbooks.diagnose.planned_machine import PlannedMachine
from runbooks.diagnose.preflight import MOST_REQUESTS
from runbooks.diagnose.preflight import preflight as judged
from runbooks.evidence.models import Evidence
from runbooks.evidence.planned import MOST, parsed
from runbooks.report import overview
from runbooks.report.conclusions import checks

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_REGIONS = re.compile(r"[A-Za-z]{2,10}(?:\s*,\s*[A-Za-z]{2,10}){0,30}")


class Preflight(CommonParameters):
    """What this runbook takes. Of a machine that does not exist yet there is no log, no row and no incident."""

    app_name: Text = Field("", description="the Fly app that the machine is created in")
    config: Text = Field("", description="what is to be created: JSON, or the path of a JSON file or a fly.toml")
    machine_id: Text = Field("", description="instead of a config: the machine whose config is taken")
    machine_name: Text = Field("", description="the name of the new machine, if not the config's")
    image: Text = Field("", description="the image, if not the config's")
    region: Text = Field("", description="the region, or several in order, if not the config's")
    required: Text = Field("", description="variables that the program needs, comma-separated")
    websocket_url: Text = Field("", description="the URL or the hostname that clients will use")
    org_slug: Text = Field("", description="the organisation that the app should be in")

    @model_validator(mode="before")
    @classmethod
    def _url(cls, values: Any) -> Any:
        """A hostname alone is meant as the WebSocket there."""
        url = values.get("websocket_url") if isinstance(values, dict) else None
        if isinstance(url, str) and url.strip() and "://" not in url:
            return {**values, "websocket_url": f"wss://{url.strip()}/"}
        return values

    @model_validator(mode="after")
    def _readable(self) -> Self:
        check_names(self)
        if self.region and not _REGIONS.fullmatch(self.region):
            raise ValueError(f"region: {shown(self.region)} is no region code such as sin, and no list of them")
        wrong = [name for name in self.names if not _VARIABLE.fullmatch(name)]
        if wrong:
            raise ValueError(f"required: {shown(wrong[0])} is no name of a variable")
        if text := self.config_text:
            if looks_like_path(text):
                raise ValueError(f"config: {shown(text)} looks like a path, and there is no such file")
            try:
                parsed(text)
            except ValueError as error:
                raise ValueError(f"config: {error}") from None
        return self

    def pasted(self) -> bool:
        return bool(self.config)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables in `required`."""
        return tuple(filter(None, re.split(r"[,\s]+", self.required)))

    @property
    def config_text(self) -> str:
        """The config itself, also where its path was given."""
        return named_text("config", self.config, MOST)

    def supplied(self, defaults: Mapping[str, Any]) -> Mapping[str, Any]:
        """A scenario's own machine is another one than the config's."""
        own = self.config and self.source.startswith("simulator:")
        return {name: defaults[name] for name in ("app_name",) if name in defaults} if own else defaults

    def target(self) -> Mapping[str, Any]:
        names = ("app_name", "machine_id", "machine_name", "image", "websocket_url")
        return {name: getattr(self, name) for name in names} | {"plans": True, "config_text": self.config_text}

    def settled(self) -> dict[str, str]:
        return super().settled() | {"config": self.config_text}

    def recorded(self) -> frozenset[str]:
        """The config is an answer of its own, masked part by part."""
        return super().recorded() - {"config"}

    def require(self) -> None:
        if not self.app_name:
            raise ParameterError(
                "app_name",
                "The parameter app_name is missing: the Fly app in which the machine is to be created.",
                "Give it with -p app_name NAME (in a notebook: the first cell).",
            )
        if not (self.config or self.machine_id or self.source.startswith("bundle:")):
            raise ParameterError(
                "config",
                "There is nothing to check: neither config nor machine_id is given.",
                "Give a fly.toml or the JSON of the create call: -p config PATH; or a machine: -p machine_id ID.",
            )


FACETS = (
    Facet.TOKEN,
    Facet.TOKEN_INSIDE,
    Facet.APP,
    Facet.CONFIG,
    Facet.LIST,
    Facet.IMAGE_BELIEVED,
    Facet.REGIONS,
    Facet.SECRETS,
    Facet.ADDRESSES,
    Facet.DNS_BELIEVED,
    Facet.CERTIFICATES,
    Facet.VOLUMES,
)
"""What is asked: who asks and where first, because the rest depends on it."""


def judge(evidence: Evidence, parameters: Preflight, background: Mapping[str, Any]) -> Diagnosis:
    """Make every check. Nothing is weighed: each holds, does not hold, or could not be made."""
    return judged(PlannedMachine(evidence, parameters.names, parameters.region, parameters.machine_name))


RUNBOOK = Runbook(
    name="preflight",
    title="Before a create call or a deploy: checks of token, app, config, image, name, region and address",
    parameters=Preflight,
    facets=FACETS,
    sections=(checks, overview.searched),
    judge=judge,
    report_title="{app}: preflight",
    most_requests=MOST_REQUESTS,
)
