"""`runbooks simulate`: a local Fly with one scenario."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

import click


@click.command("simulate")
@click.argument("scenario")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free port.")
def command(scenario: str, port: int) -> None:
    """Serve SCENARIO as a local Fly until Ctrl-C.

    Prints how to talk to it. `runbooks list --scenarios` lists them.
    """
    from runbooks.simulator.instructions import instructions
    from runbooks.simulator.scenario import load_scenario
    from runbooks.simulator.server import Simulator

    chosen = load_scenario(scenario)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with tempfile.TemporaryDirectory(prefix="fly-simulator-") as folder:
        simulator = Simulator(chosen, Path(folder), port)
        try:
            click.echo(instructions(chosen, simulator.start()))
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
        finally:
            simulator.stop()
