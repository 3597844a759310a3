"""`runbooks doctor`: is this set-up ready for a run?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console


@click.command("doctor")
@click.option("--app", default="", help="An app to read with the token; without one only the token is tried.")
@click.option("--source", default="live", show_default=True, help="live, or simulator:SCENARIO to try it without Fly.")
@click.option("--send-test-message", is_flag=True, help="Send one line to each address of RUNBOOKS_NOTIFY.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(app: str, source: str, send_test_message: bool, as_json: bool) -> None:
    """Check this set-up, and say how to mend it.

    Looks at the versions, the kernel, the disk, every host, the token, the database and the status feed. Nothing is
    changed, and no message is sent without --send-test-message. Ends with 0, or with 3 when something is wrong.
    """
    from runbooks.cli import terminal
    from runbooks.execution import notify
    from runbooks.execution.doctor import State, examine

    console, found = Console(), []
    for finding in examine(app, source, notify.deliver if send_test_message else None):
        found.append(finding)
        if not as_json:
            terminal.show_finding(console, finding)
    if as_json:
        click.echo(json.dumps({"findings": [asdict(one) for one in found]}, indent=2))
    sys.exit(3 if any(one.state is State.PROBLEM for one in found) else 0)
