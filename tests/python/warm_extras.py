"""Imports the packages of extras that scripts import, as far as they are installed.

Import it in a process that is forked. The modules of the project itself are imported again in each fork,
because a test may run a copy of them.
"""

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

scripts = str(Path(__file__).resolve().parents[2] / "scripts")
sys.path.insert(0, scripts)
for name in (
    "adbc_driver_postgresql.dbapi",
    "psycopg2",
    "s3fs",
    "pitwall.prediction.tracking",
    "pitwall.prediction.serving",
):
    with suppress(ImportError):
        import_module(name)
sys.path.remove(scripts)
for name in [name for name in sys.modules if name.partition(".")[0] == "pitwall"]:
    del sys.modules[name]
