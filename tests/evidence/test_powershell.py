"""A machine as PowerShell lists it, also in the files that PowerShell writes; and rows that are nobody's machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbooks.base.files import read_text
from runbooks.evidence.pasted import read_pasted

ID = "3d8d9f12a4be89"
LIST = f"""\
id          : {ID}
name        : tenant-77
state       : stopped
instance_id : 01K9ZQ1C5W7X3M4N5P6Q7R8S9T
config      : @{{env=; image=registry.fly.io/orders-worker:v41; guest=}}
events      : {{@{{type=exit; status=stopped; source=flyd; timestamp=1795681304120}}, @{{type=start; status=started…}}
"""


def test_a_listed_answer_is_a_machine() -> None:
    found = read_pasted(LIST)
    (one,) = found.machines
    assert (found.machine_id, one.machine.name, one.machine.state) == (ID, "tenant-77", "stopped")
    assert [(event.type, f"{event.at:%H:%M:%S}") for event in one.machine.events if event.at] == [("exit", "08:21:44")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
def test_a_file_of_powershell_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_bytes(LIST.replace("\n", "\r\n").encode(encoding))
    assert read_pasted(read_text(path, 10_000)).machine_id == ID


@pytest.mark.parametrize(
    "text",
    [
        f"id : {ID}\nstate : stopped\ntenant : 77\n",
        f"machine_id : {ID}\nstate : stopped\nconfig : x\n",
        "id : 77\nstate : stopped\nconfig : x\n",
        "id : \nconfig : @{\n",
    ],
)
def test_a_row_of_the_callers_is_no_machine(text: str) -> None:
    assert not read_pasted(text).machines
