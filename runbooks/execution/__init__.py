"""Running notebooks: one run, its kernel, JupyterLab, the shared bundle."""

import sys

# nbformat brings jsonschema, and that a checker of international addresses whose grammar is built at import: it takes
# longer than all else a run imports, nothing here checks such addresses, and jsonschema does without it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
