"""The `runbooks` command. Everything it does can be done from Python; here are only words and exit codes."""

from __future__ import annotations

import difflib
import math
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import yaml
from rich.console import Console

from runbooks import __version__
from runbooks.base.errors import RunbookError, UsageError
from runbooks.base.files import DISK_FAILS, NotReadable, read_text, why

MAX_PARAMETERS = 6_000_000
"""Bytes of a file of parameters: a pasted log of the size that is read, and everything else."""
MAX_DEPTH = 5
MAX_DEADLINE = 86_400
"""Seconds: a run that may take longer than a day is no answer to an incident."""
DEMO_SCENARIO = "vyx-missing-environment"
RUNBOOK = "machine_not_visible"
EXIT_CODES = """\b
Exit codes:
  0       nothing wrong found
  1       the tool itself failed
  2       bad usage or parameters
  3       incident, cause confirmed or likely
  4       incident or state not established
  124     the deadline passed
  128+n   ended by signal n"""


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runbooks")
def cli() -> None:
    """Find out what happened to a Fly Machine, and prove it."""


class _Seconds(click.FloatRange):
    """A number of seconds; nan compares with nothing, so no range would refuse it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a finite number of seconds.", param, ctx)
        return seconds


_output_root = click.option(
    "--output-root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the dated folders go (default: RUNBOOKS_OUTPUT_ROOT, else the checkout's outputs/).",
)


@cli.command(epilog=EXIT_CODES)
@click.argument("runbook")
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter; repeatable.")
@click.option(
    "-f",
    "file",
    type=click.Path(path_type=Path),
    help="A YAML file of parameters; -p wins over it.",
)
@click.option("--source", help="live, simulator:SCENARIO or bundle:PATH; the same as -p source.")
@_output_root
@click.option(
    "--deadline",
    type=_Seconds(min=1, max=MAX_DEADLINE),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="End the run then, and publish what is known by then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout, and nothing else there.")
@click.option("--exit-zero", is_flag=True, help="End with 0 where an incident would end with 3 or 4.")
def run(
    runbook: str,
    pairs: tuple[tuple[str, str], ...],
    file: Path | None,
    source: str | None,
    output_root: Path | None,
    deadline: float,
    as_json: bool,
    exit_zero: bool,
) -> None:
    """Run RUNBOOK, and leave its report in a dated folder.

    Values given with -p stay text until the runbook types them, so an id keeps its leading zeros.
    """
    values = _values(file, pairs, source)
    code = _execute(runbook, values, output_root, deadline, as_json=as_json)
    sys.exit(0 if exit_zero and code in (3, 4) else code)


@cli.command()
@_output_root
def demo(output_root: Path | None) -> None:
    """Play a reconstructed incident: no account, no network.

    It runs against the built-in simulator.

    Ends with 0 when the report was written, since the incident in it is expected.
    """
    code = _execute(RUNBOOK, {"source": f"simulator:{DEMO_SCENARIO}"}, output_root, 300, as_json=False)
    if code in (0, 3, 4):
        click.echo(f"This was a demo, so it ends with 0. A real run with this result ends with {code}.")
        code = 0
    sys.exit(code)


@cli.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@_output_root
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout, and nothing else there.")
def replay(bundle: Path, output_root: Path | None, as_json: bool) -> None:
    """Judge a saved run again, offline.

    BUNDLE is the folder of a run, or the .zip that `share` made.
    """
    from runbooks.evidence.bundle import open_bundle

    saved = open_bundle(bundle)
    runbook = saved.runbook
    if saved.cut:
        click.echo(f"The run {saved.cut}: this report holds what was known by then.", err=True)
    click.echo(f"Judging a saved run again, offline: {bundle}. It ends with the code of that run.", err=True)
    sys.exit(_execute(runbook, {"source": f"bundle:{bundle.absolute()}"}, output_root, 300, as_json=as_json))


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: the folder's name, .zip."
)
@click.option("--replace", is_flag=True, help="Replace a file of that name without asking.")
def share(run: Path, output: Path | None, replace: bool) -> None:
    """Pack a RUN into one .zip that can be sent.

    RUN is its folder. Only the files of its manifest are packed. Everything is masked once more; the zip can be
    replayed.
    """
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.evidence.redaction import Redactor, secrets_of
    from runbooks.execution.share import share as pack

    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)

    def agreed(target: Path) -> bool:
        return replace or (
            sys.stdin is not None and sys.stdin.isatty() and click.confirm(f"Replace {target}?", err=True)
        )

    parcel = pack(run, output, redactor, agreed)
    for name in parcel.changed:
        click.echo(f"Warning: {terminal.plain(name)} after the run; it is packed as it is now.", err=True)
    if parcel.left_out:
        told = ", ".join(terminal.plain(name) for name in parcel.left_out[:5])
        more = f" and {len(parcel.left_out) - 5} more" if len(parcel.left_out) > 5 else ""
        click.echo(f"Not packed, since the run did not write it: {told}{more}.", err=True)
    terminal.show_paths(Console(), "Zip", parcel.path.absolute())
    if not parcel.masked:
        click.echo("Nothing new had to be masked.", err=True)
    else:
        click.echo(
            f"{parcel.masked} more values looked like secrets by today's rules; they are masked in the zip.", err=True
        )


@cli.command()
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
def redact(file: IO[str]) -> None:
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


@cli.command("list")
@click.option("--scenarios", is_flag=True, help="List the simulator's scenarios instead.")
def list_(scenarios: bool) -> None:
    """List the runbooks with their parameters, or the scenarios."""
    from runbooks import definitions
    from runbooks.base.parameters import describe
    from runbooks.cli import terminal

    if scenarios:
        from runbooks.simulator.scenario import load_scenario, scenario_names

        terminal.show_scenarios(Console(), {name: load_scenario(name).title for name in scenario_names()})
        return
    for name, where in definitions.discovered().items():
        try:
            found = where.load()
        except RunbookError as error:
            terminal.show_broken(Console(), name, str(error))
            continue
        terminal.show_runbook(Console(), name, found.title, describe(found.parameters), where.distribution)


@cli.command()
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of your package (default: this checkout's definitions and notebooks).",
)
def new(name: str, into: Path | None) -> None:
    """Write the two files of a new runbook NAME.

    They are a module with its definition, and a notebook. They run as they are, and show where to go on.
    """
    from runbooks.cli import terminal
    from runbooks.execution.template import write_runbook

    for path in write_runbook(name, into):
        terminal.show_paths(Console(), "Written", path)
    if into is not None:
        click.echo(
            "Declare it in your pyproject.toml, then install your package:\n"
            f'    [project.entry-points.fly_runbooks]\n    {name} = "{into.name}.{name}:RUNBOOK"'
        )


@cli.command()
@click.argument("cause")
def explain(cause: str) -> None:
    """Explain CAUSE, and what to do about it.

    Says how it is told from its neighbours, too; docs/causes lists the causes.
    """
    from runbooks.cli import terminal
    from runbooks.diagnose.ledger import catalogue

    known = catalogue()
    if cause not in known:
        raise UsageError(f"There is no cause {cause!r}.", _close(cause, list(known)))
    terminal.show_cause(Console(), known[cause])


@cli.command()
@_output_root
def index(output_root: Path | None) -> None:
    """Write the page that lists all runs."""
    from runbooks.cli import terminal
    from runbooks.report import index as index_page

    root = _root(output_root)
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "Name the one that holds the runs with --output-root.")
    index_page.write(root)
    terminal.show_paths(Console(), "Index", root / "index.html")


@cli.command()
@click.argument("scenario")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free port.")
def simulate(scenario: str, port: int) -> None:
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


def _execute(
    runbook: str, values: Mapping[str, Any], output_root: Path | None, deadline: float, *, as_json: bool
) -> int:
    """Validate, run, show; the exit code of the run."""
    from runbooks import definitions
    from runbooks.base.prompt import how_to_get
    from runbooks.base.settings import load_settings
    from runbooks.cli import terminal
    from runbooks.execution import runner

    checked = definitions.validate(runbook, values)
    _warn_of_changes(checked.source)
    if checked.source == "live" and not load_settings().token.get_secret_value().strip():
        hint = f'export FLY_API_TOKEN="$({how_to_get(checked.org_slug)})"'
        click.echo(f"No token is set, so Fly itself cannot be asked. This makes one that only reads: {hint}", err=True)
    # A file is read here, so that its text passes the redaction of parameters before it enters the notebook.
    settled = checked.settled()
    given = {name: settled.get(name, getattr(checked, name)) for name in values}
    errors = Console(stderr=True)
    with terminal.Progress(errors) as progress:
        result = runner.run(runbook, given, output_root=_root(output_root), deadline=deadline, on_step=progress.step)
    terminal.show_warnings(errors, result.warnings)
    if result.folder is None:
        terminal.show_error(errors, result.reason)
    elif as_json:
        click.echo(result.summary_text, nl=False)
        terminal.show_paths(errors, "Report", result.folder)
    else:
        terminal.show_result(Console(), result)
    return result.exit_code


def _warn_of_changes(source: str) -> None:
    """Reports beside a bundle's evidence do not decide anything; that they were changed is said."""
    from runbooks.cli.terminal import plain
    from runbooks.evidence.bundle import open_bundle

    kind, _, path = source.partition(":")
    for phrase in open_bundle(Path(path)).changed if kind == "bundle" else ():
        click.echo(f"Warning: {plain(phrase)} after the run.", err=True)


def _values(file: Path | None, pairs: tuple[tuple[str, str], ...], source: str | None) -> dict[str, Any]:
    """The parameters of file and options; an option wins over the file, and may be given once."""
    given = [*pairs, *([("source", source)] if source is not None else [])]
    names = [name for name, _ in given]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"The parameter {name} is given more than once.", "Give it once.")
    return {**(_from_file(file) if file else {}), **dict(given)}


class _TooDeep(Exception):
    """YAML that is no flat list; the message says where it stops being one."""


class _Texts(yaml.SafeLoader):
    """YAML in which 0123 and 1e5 are texts; only true, false and nothing are read as what they are.

    Lists and objects in one another, and references to what stands elsewhere, end the reading where they begin.
    """

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _TooDeep("it uses a reference (*)")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(f"it is nested deeper than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Texts.yaml_implicit_resolvers = {}
_Texts.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), ["t", "f"])
_Texts.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(null|~|)$"), ["n", "~", ""])


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path, MAX_PARAMETERS)
        loaded = yaml.load(text, Loader=_Texts)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise UsageError(f"The parameter file {path} cannot be read ({why(error)}).") from error
    except NotReadable as error:
        raise UsageError(
            f"The parameter file {path} cannot be read: {error}.", "Write one `name: value` on each line."
        ) from None
    except _TooDeep as error:
        raise UsageError(
            f"The parameter file {path} is not a flat list of names and values: {error}.",
            "Write one `name: value` on each line.",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise UsageError(
            f"The parameter file {path} is not valid YAML{line}.", "Write one `name: value` on each line."
        ) from error
    loaded = {} if loaded in (None, "") else loaded
    if not isinstance(loaded, dict) or not all(isinstance(v, str | bool | None) for v in loaded.values()):
        raise UsageError(
            f"The parameter file {path} is not a flat list of names and values.",
            "Write one `name: value` on each line.",
        )
    return {str(name): value for name, value in loaded.items() if value is not None}


def _root(output_root: Path | None) -> Path:
    from runbooks.base.settings import load_settings

    return (output_root or load_settings().output_root).absolute()


def _close(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known are: {', '.join(sorted(known))}."


def main() -> NoReturn:
    """Run the command. Whatever goes wrong, a person reads one paragraph, and the exit code says the same."""
    try:
        cli.main(prog_name="runbooks", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        hint = f" Try '{error.ctx.command_path} --help'." if isinstance(error, click.UsageError) and error.ctx else ""
        if "Option '-p' requires 2 arguments" in error.format_message():
            hint = " Write the name and the value as two words, without =: -p app_name my-app."
        _complain(f"{error.format_message()}{hint}")
        sys.exit(error.exit_code)
    except RunbookError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        _complain(_disk(error) if error.errno in DISK_FAILS else _bug(error))
        sys.exit(1)
    except Exception as error:
        _complain(_bug(error))
        sys.exit(1)
    sys.exit(0)


def _complain(text: str) -> None:
    from runbooks.cli.terminal import show_error

    show_error(Console(stderr=True), text)


def _disk(error: OSError) -> str:
    """A disk without room is nobody's fault, and no bug."""
    place = f" that holds {error.filename}" if error.filename else ""
    return (
        f"The disk{place} is full or fails ({error.strerror}). Free some space, or choose another place with "
        "--output-root, RUNBOOKS_OUTPUT_ROOT or TMPDIR. What a run had seen by then is named by the next run."
    )


def _bug(error: Exception) -> str:
    """Keep the details where only this user can read them, and say so in one paragraph."""
    from runbooks.cli.terminal import plain

    told = f"This is a fault of the tool itself ({type(error).__name__}), not of your input. "
    text = plain("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="runbooks-error-", suffix=".txt", delete=False) as details:
            details.write(text)
    except OSError as trouble:
        return f"{told}The details could not be written ({trouble.strerror})."
    return f"{told}The details are in {details.name}; read them before you share them."
