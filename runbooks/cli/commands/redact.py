"""`runbooks redact`: mask a file or a pipe."""

from __future__ import annotations

from collections import Counter
from typing import IO

import click


@click.command("redact")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
def command(file: IO[str]) -> None:
    """Mask the secrets in a FILE or a pipe (-).

    The masked text goes to standard output, the number of masked values to standard error.
    """
    from runbooks.base.settings import load_settings
    from runbooks.evidence.redaction import Redactor, secrets_of

    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)
    click.echo(redactor.text(file.read()), nl=False)
    counts: Counter[str] = Counter()
    for hit in redactor.hits:
        counts[hit.rule] += hit.count
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    click.echo(f"Masked: {told}" if told else "Nothing had to be masked.", err=True)
