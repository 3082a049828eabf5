"""Hides the packages that `make build` does not install; they may be installed for another engine.

With WITHOUT_DATA_TESTS, dbt runs no data tests. Python imports a module of this name when it starts, if its
folder is in PYTHONPATH.
"""

import gc
import os
import runpy
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

HIDDEN = set(os.environ["HIDDEN_PACKAGES"].split(","))


class Hide(MetaPathFinder):
    """Raises the error of a missing package for each hidden package."""

    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hide())
# The process that was forked may have imported them.
for name in list(sys.modules):
    if any(name == hidden or name.startswith(f"{hidden}.") for hidden in HIDDEN if hidden):
        del sys.modules[name]

if Path(sys.argv[0]).name == "dbt":
    gc.set_threshold(100_000, 50, 50)  # by default, looking for garbage takes 6 % of the time of dbt
    if "WITHOUT_DATA_TESTS" in os.environ:
        sys.argv += ["--exclude-resource-type", "test"]

if "PITWALL_CLOCK" in os.environ:
    # Python imports only one module of this name.
    clock = Path(__file__).parents[3] / "scripts" / "benchmark" / "clock"
    runpy.run_path(str(clock / "sitecustomize.py"))
