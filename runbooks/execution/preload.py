"""What the warm process does once, so that none of the kernels it forks has to: imports, templates, letters."""

from __future__ import annotations

import gc

import runbooks.case
import runbooks.collect.records
import runbooks.report.charts.sheet
import runbooks.simulator.server  # noqa: F401
from runbooks import definitions
from runbooks.base.errors import RunbookError
from runbooks.report import page, templating
from runbooks.report.charts import text_metrics

for where in definitions.discovered().values():
    try:
        where.load()
    except RunbookError:
        continue  # said by the run that asks for it
page.environment()
for template in templating.TEMPLATES.glob("*.j2"):
    templating.environment(template.suffixes[-2].removeprefix(".")).get_template(template.name)
text_metrics.width("Aa", 10, True)
gc.collect()
gc.freeze()  # what is shared with the kernels stays shared: the collector would write into it
