"""The runbooks as tools for agents (Model Context Protocol). Every tool only reads, whatever its arguments say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from runbooks import __version__, definitions
from runbooks.base.errors import RunbookError
from runbooks.base.settings import load_settings
from runbooks.diagnose.catalogue import catalogue
from runbooks.execution import runner
from runbooks.report import brief, runs

DEADLINE = 120.0
"""Seconds of one investigation: a client waits for the answer."""
INSTRUCTIONS = (
    "Finds out what happened to a Fly.io Machine. `investigate` asks Fly with the token in the server's environment; "
    "every statement in an answer cites its evidence, such as [E07]. A view that could not be looked at is no absence. "
    "Nothing is ever changed, and secrets are masked."
)
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)


def server(root: Path, deadline: float = DEADLINE) -> MCPServer[Any]:
    """The server; its runs lie below `root`, and each ends within `deadline` seconds."""
    mcp: MCPServer[Any] = MCPServer("fly-runbooks", instructions=INSTRUCTIONS, version=__version__, log_level="ERROR")

    @mcp.tool(annotations=_READS)
    def investigate(
        app_name: str = "",
        machine_id: str = "",
        machine_name: str = "",
        caller_log: str = "",
        incident_time: str = "",
        image: str = "",
        websocket_url: str = "",
        org_slug: str = "",
        record_key: str = "",
        simulate: str = "",
    ) -> dict[str, Any]:
        """Find out what happened to a machine that was created and is not visible.

        Give app_name and one of machine_id (14 hex digits), machine_name and caller_log. caller_log is text: what the
        caller was answered, or log lines. simulate plays a scenario of the built-in simulator instead of asking Fly.
        """
        given = {name: value for name, value in locals().items() if isinstance(value, str) and value}
        return _run("machine_not_visible", given, root, deadline)

    @mcp.tool(annotations=_READS)
    def replay(run: str) -> dict[str, Any]:
        """Judge a saved run again, offline. `run` is the folder of a run as list_runs names it."""
        known = {found.folder for found in runs.found(root)[0]} if root.is_dir() else set()
        if run not in known:
            raise ToolError(f"There is no run {run[:100]!r}. list_runs names them.")
        from runbooks.evidence.bundle import open_bundle

        try:
            saved = open_bundle(root / run)
        except RunbookError as error:
            raise ToolError(str(error)) from None
        return _run(saved.runbook, {"source": f"bundle:{root / run}"}, root, deadline)

    @mcp.tool(annotations=_READS)
    def explain(cause: str) -> dict[str, Any]:
        """What a cause means, how it is told from others, and what to do about it."""
        known = catalogue()
        if cause not in known:
            raise ToolError(f"There is no cause {cause[:60]!r}. There are: {', '.join(sorted(known))}.")
        info = known[cause]
        return {
            "slug": info.slug,
            "title": info.title,
            "explanation": info.doc,
            "distinguish_from": dict(info.distinguish_from),
            "next_test": info.next_test,
            "remedy": info.remedy._asdict(),
            "sources": list(info.links),
        }

    @mcp.tool(annotations=_READS)
    def list_runs(limit: int = 20) -> dict[str, Any]:
        """The newest saved runs, at most 100: when, which machine, status, cause."""
        found = runs.found(root)[0] if root.is_dir() else []
        shown = found[: max(1, min(limit, 100))]
        keys = ("folder", "at", "runbook", "app", "subject", "verdict", "cause", "confidence", "headline", "trouble")
        return {"runs": [{key: getattr(run, key) for key in keys} for run in shown], "more": len(found) - len(shown)}

    if "preflight" in definitions.discovered():

        @mcp.tool(annotations=_READS)
        def preflight(app_name: str, config: str = "", image: str = "", region: str = "") -> dict[str, Any]:
            """Check before a create or deploy whether it can work. `config` is the machine's config as JSON text."""
            given = {"app_name": app_name, "config": config, "image": image, "region": region}
            return _run("preflight", {name: value for name, value in given.items() if value}, root, deadline)

    return mcp


def _run(runbook: str, given: Mapping[str, str], root: Path, deadline: float) -> dict[str, Any]:
    """One run, and its answer: the summary, and the first screen of its report."""
    values = dict(given)
    if scenario := values.pop("simulate", ""):
        values["source"] = f"simulator:{scenario}"
    for name in ("caller_log", "config"):
        if name in values:
            values[name] += "\n"  # a text of two lines names no file: an agent reads none through this server
    try:
        checked = definitions.validate(runbook, values)
        settled = checked.settled()
        told = {name: settled.get(name, getattr(checked, name)) for name in values}
        result = runner.run(runbook, told, output_root=root, deadline=deadline, signals=[])
    except RunbookError as error:
        raise ToolError(str(error)) from None
    if result.summary is None or result.folder is None:
        raise ToolError(result.reason)
    return {
        "summary": dict(result.summary),
        "first_screen": brief.first_screen(result.summary),
        "run": result.folder.relative_to(root).as_posix(),
        "exit_code": result.exit_code,
        "status": result.status,
        "warnings": list(result.warnings),
    }


def serve(root: Path) -> None:
    """Serve on standard input and output until the client leaves."""
    load_settings()  # a variable that cannot be read is said at once
    server(root).run("stdio")
