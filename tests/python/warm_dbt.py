"""Parses a small project with dbt. After that, dbt's next command in this process takes half of the time.

Import it in a process that is forked. It opens no database.
"""

import json
import tempfile
from pathlib import Path

import dbt.adapters.duckdb  # noqa: F401  # dbt imports it only when it connects
from dbt.cli.main import dbtRunner

COLUMN = {"name": "x", "data_type": "int", "data_tests": ["not_null"], "constraints": [{"type": "not_null"}]}
DECLARED = {
    "models": [{"name": "some", "config": {"contract": {"enforced": True}}, "columns": [COLUMN]}],
    "sources": [{"name": "raw", "tables": [{"name": "all"}]}],
    "seeds": [{"name": "more"}],
    "exposures": [{"name": "use", "type": "analysis", "owner": {"name": "x"}, "depends_on": ["ref('some')"]}],
    "unit_tests": [{"name": "same", "model": "some", "given": [], "expect": {"rows": [{"x": 1}]}}],
}
FILES = {
    # dbt reads JSON as YAML.
    "dbt_project.yml": json.dumps({"name": "warm", "profile": "warm"}),
    "profiles.yml": json.dumps({"warm": {"target": "a", "outputs": {"a": {"type": "duckdb", "path": "x"}}}}),
    "models/all.yml": json.dumps(DECLARED),
    "models/some.sql": "select 1 as x from {{ source('raw', 'all') }}",
    "seeds/more.csv": "x\n1\n",
    "tests/none.sql": "select * from {{ ref('some') }} where x = 0",
}

with tempfile.TemporaryDirectory() as folder:
    for name, text in FILES.items():
        path = Path(folder) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    places = [f"--{option}={folder}" for option in ("project-dir", "profiles-dir", "target-path", "log-path")]
    quiet = ["--quiet", "--log-level-file=none", "--no-send-anonymous-usage-stats"]
    # The static parser starts threads, which a fork does not have.
    result = dbtRunner().invoke([*quiet, "--no-static-parser", "parse", *places])
    assert result.success, result.exception
