"""The token that flyctl keeps: offered to a person on a terminal who has set none, and used for this run only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

_MOST = 100_000


def offer_flyctl_token() -> None:
    """Ask whether the token of flyctl may be used, where a person is there to answer and none is set.

    It is read into the environment of this process, which the kernel gets. It is written nowhere.
    """
    from runbooks.base.settings import load_settings

    if load_settings().token.get_secret_value().strip() or not _somebody_there():
        return
    place, token = _kept()
    if not token:
        return
    question = (
        f"No token is set (FLY_API_TOKEN). Use the one that flyctl keeps in {place}? It is read for this run, "
        "and copied nowhere. It may do more than read; this tool only reads."
    )
    if click.confirm(question, err=True):
        os.environ["FLY_API_TOKEN"] = token
        click.echo(f"Using the token of flyctl, from {place}.", err=True)


def _kept() -> tuple[Path, str]:
    """Where flyctl keeps its config, and the token in it; "" where there is none."""
    import yaml

    from runbooks.base.files import NotReadable, read_text

    place = Path(os.environ.get("FLY_CONFIG_DIR") or Path.home() / ".fly") / "config.yml"
    try:
        told = yaml.safe_load(read_text(place, _MOST))
    except (OSError, NotReadable, yaml.YAMLError, ValueError, RecursionError):
        return place, ""
    token = told.get("access_token") if isinstance(told, dict) else None
    return place, token.strip() if isinstance(token, str) else ""


def _somebody_there() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
