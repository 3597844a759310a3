"""Ask the person at the keyboard for the token, hidden, when a notebook is opened live and none is set.

Nobody at the keyboard (papermill, cron, a pipe): nothing is asked, and the questions that need a token are
listed as not asked. What is typed stays in this process: no cell, file or environment gets it.
"""

from __future__ import annotations

import getpass
import sys

from pydantic import SecretStr

from runbooks.base.parameters import CommonParameters
from runbooks.base.settings import Settings

_typed: SecretStr | None = None


def how_to_get(org_slug: str) -> str:
    """The command that makes the right token: it reads the whole organisation, and changes nothing."""
    return f"fly tokens create readonly -o {org_slug or 'YOUR-ORG'} -x 24h"


def with_token(settings: Settings, parameters: CommonParameters) -> Settings:
    """The settings, with the token that the person typed if there was none; asked once a session."""
    global _typed
    if parameters.source != "live" or settings.token.get_secret_value().strip():
        return settings
    if _typed is None and _somebody_there():
        print(
            "No token is set (FLY_API_TOKEN). In a terminal where you are logged in to Fly, this makes one that can\n"
            f"read the organisation and change nothing, for a day:\n\n    {how_to_get(parameters.org_slug)}\n\n"
            "Paste it below; it is not shown and not stored. Enter alone goes on without."
        )
        _typed = _ask()
    return settings.model_copy(update={"token": _typed}) if _typed else settings


def _ask() -> SecretStr | None:
    try:
        typed = getpass.getpass("Fly token (hidden): ").strip()
    except (EOFError, OSError):
        return None
    return SecretStr(typed) if typed else None


def _somebody_there() -> bool:
    """A frontend that takes input (JupyterLab), or a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        return bool(getattr(kernel, "_allow_stdin", False))
    return sys.stdin is not None and sys.stdin.isatty()
