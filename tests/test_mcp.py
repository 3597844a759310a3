"""The tools for agents, through the SDK's own client, on standard input and output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

SECRET = "hunter2-correct-horse"


def test_an_agent_investigates_and_reads_nothing_else(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}
    local = tmp_path / "local.txt"
    local.write_text("MARKER-OF-A-LOCAL-FILE")
    root = tmp_path / "runs"

    async def session() -> None:
        command = ["-m", "runbooks", "mcp", "--output-root", str(root)]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
        server = StdioServerParameters(command=sys.executable, args=command, env=environment)
        async with Client(server) as client:
            answers["tools"] = (await client.list_tools()).tools
            calls: dict[str, tuple[str, dict[str, Any]]] = {
                "nothing yet": ("list_runs", {}),
                "unknown cause": ("explain", {"cause": "oom"}),
                "cause": ("explain", {"cause": "out-of-memory"}),
                "found": (
                    "investigate",
                    {
                        "simulate": "vyx-missing-environment",
                        "caller_log": f"DB_PASSWORD={SECRET}",
                        "allow_writes": True,
                    },
                ),
                "climbing": ("replay", {"run": "../../etc"}),
                "file": ("investigate", {"simulate": "nope", "caller_log": str(local)}),
                "bad id": ("investigate", {"app_name": "Not An App", "machine_id": "x"}),
                "runs": ("list_runs", {"limit": 5}),
            }
            for name, (tool, arguments) in calls.items():
                answers[name] = await client.call_tool(tool, arguments)
            run = answers["runs"].structured_content["runs"][0]["folder"]
            answers["again"] = await client.call_tool("replay", {"run": run})

    anyio.run(session)

    assert {"investigate", "replay", "explain", "list_runs"} <= {tool.name for tool in answers["tools"]}
    assert all(tool.annotations.read_only_hint and tool.description for tool in answers["tools"])
    assert answers["nothing yet"].structured_content == {"runs": [], "more": 0}
    assert "There are: " in answers["unknown cause"].content[0].text
    assert answers["cause"].structured_content["slug"] == "out-of-memory"

    found = answers["found"].structured_content
    assert found["exit_code"] == 3
    assert found["summary"]["cause"]["slug"] == "missing-environment"
    assert "[E" in found["first_screen"].replace("\\", "")
    assert found["first_screen"].startswith("**ROOT CAUSE IDENTIFIED**")
    again = answers["again"].structured_content
    assert again["summary"] == found["summary"]
    assert again["first_screen"] == found["first_screen"]

    for name in ("climbing", "file", "bad id"):
        assert answers[name].is_error, name
    said = "".join(str(answer) for answer in answers.values())
    assert "MARKER-OF-A-LOCAL-FILE" not in said
    assert SECRET not in said
    assert "Traceback" not in said
