"""Instructions for a simulator that is being served: variables to export, commands to try."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from runbooks.simulator.scenario import Scenario
    from runbooks.simulator.server import Endpoints


def instructions(scenario: Scenario, served: Endpoints) -> str:
    """Text for the terminal. The token in it is valid for the simulator only."""
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in _variables(scenario, served))
    return "\n".join(
        [
            f"# {scenario.title}",
            f"# Served on {served.base_url} until Ctrl-C. In another terminal, run:",
            "",
            exports,
            "",
            "# Then, for example:",
            *_tries(scenario.parameters),
        ]
    )


def _tries(parameters: Mapping[str, str]) -> list[str]:
    """What to type: about one machine, or about the organisation of a fleet."""
    app, machine, org = (quote(parameters.get(name, ""), safe="") for name in ("app_name", "machine_id", "org_slug"))
    ask = 'curl -s -H "Authorization: $FLY_API_TOKEN" "$FLY_API_HOSTNAME/v1'
    given = " ".join(f"-p {name} {shlex.quote(value)}" for name, value in _short(parameters))
    if not app:
        return [f'{ask}/orgs/{org}/machines?limit=3"', f"{_command()} sweep {given} --investigate 3"]
    return [
        f'{ask}/apps/{app}"',
        f'{ask}/apps/{app}/machines?include_deleted=true&summary=true"',
        *([f'{ask}/apps/{app}/machines/{machine}"'] if machine else []),
        f"{_command()} run machine_not_visible {given}",
    ]


def _command() -> str:
    """`runbooks` as the reader can type it: by name if the shell finds it, else by path."""
    return "runbooks" if shutil.which("runbooks") else shlex.quote(str(Path(sys.executable).parent / "runbooks"))


def _variables(scenario: Scenario, served: Endpoints) -> list[tuple[str, str]]:
    return [
        ("FLY_API_TOKEN", scenario.token),
        ("FLY_API_HOSTNAME", served.base_url),
        ("FLY_API_BASE_URL", served.base_url),
        ("RUNBOOKS_REGISTRIES", ",".join(f"{host}={url}" for host, url in served.registries.items())),
        ("RUNBOOKS_CONNECT_TO", served.connect_to),
        ("RUNBOOKS_RECORDS_URL", served.records_url),
        ("RUNBOOKS_STATUS_URL", served.status_url),
        ("SSL_CERT_FILE", str(served.ca_pem)),
    ]


def _short(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The parameters that fit on a command line; the pasted log does not."""
    return [(name, value) for name, value in parameters.items() if "\n" not in value]
