"""The causes, one function each, one file a family. Importing this package registers them all.
A rule reads Facts and yields points and a statement; it never decides its own status.
"""

import importlib
import pkgutil

for _module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
    importlib.import_module(f"{__name__}.{_module.name}")
