"""What the warm process does once, so that none of the kernels it forks has to: it makes a whole run of its own.

A run imports all that runs need, compiles patterns and templates, and loads the letters of the figures. What it sees
and writes is forgotten: it asks a simulator, with nothing of the user's environment, in a folder that is removed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import spawn
from typing import Any

from runbooks import definitions
from runbooks.base.errors import RunbookError
from runbooks.case import open_case
from runbooks.execution.warm import PROVISIONER
from runbooks.report import notebook, templating

KERNEL = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "PIL.features",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "runbooks.report.dataframes",
    "tornado.platform.asyncio",
    "zmq.utils.garbage",
)
"""What a kernel imports when it starts and ends, and when it is asked for tables."""
SCENARIO = "simulator:not-listening"
"""One with every figure."""


def rehearse() -> None:
    """Make a run, and show all of its sections as a notebook does."""
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.environ.clear()
        os.environ["RUNBOOKS_OUTPUT_ROOT"] = folder
        try:
            case = open_case(source=SCENARIO)
            for section in case.report.sections:
                list(notebook.outputs(section))
            case.publish()
        finally:
            os.environ.clear()
            os.environ.update(environment)


def alone(data: Mapping[str, Any], prepare: Callable[[Mapping[str, Any]], None] = spawn.prepare) -> None:
    """Prepare a fork; for a kernel without running the program that asked for it, of which it needs nothing."""
    kept = {name: value for name, value in data.items() if not name.startswith("init_main")}
    prepare(kept if data.get("name") == PROVISIONER else data)


spawn.prepare = alone  # in the fork server, and only there
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # or the debugger warns about the standard library
for name in KERNEL:
    with contextlib.suppress(ImportError):  # what another version does not have, its kernel does not import
        importlib.import_module(name)
for where in definitions.discovered().values():
    with contextlib.suppress(RunbookError):  # said by the run that asks for it
        where.load()
for template in templating.TEMPLATES.glob("*.j2"):
    templating.environment(template.suffixes[-2].removeprefix(".")).get_template(template.name)
with contextlib.suppress(RunbookError, OSError):  # no room, say: the runs will tell
    rehearse()
gc.collect()
gc.freeze()  # what is shared with the kernels stays shared: the collector would write into it
