"""What the commands in scripts/ share.

Imports run one way: command -> pitwall.warehouse -> pitwall.raw -> pitwall.data_folder -> pitwall.command.
pitwall.needs, which pitwall.warehouse imports too, needs no package.
The package imports no command. tests/python/test_structure.py checks it.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the first `python3` in PATH may be older than the project allows
    print(
        f"Pitwall needs Python 3.11 or later, and {sys.executable} is older; use .venv/bin/python, "
        "which `make build` creates",
        file=sys.stderr,
    )
    sys.exit(2)
