"""Parses a small project with dbt. Then dbt's next command in this process takes a third of the time.

Import it in a process that is forked. It opens no database. dbt parses each of its own macros with Jinja
twice per command; here each text is parsed once.
"""

import json
import tempfile
from pathlib import Path

# dbt imports these two only when it connects.
import dbt.adapters.duckdb  # noqa: F401
import dbt_common.clients.agate_helper  # noqa: F401
from dbt.cli.main import dbtRunner
from dbt_common.clients.jinja import MacroFuzzEnvironment
from jinja2.nodes import Template

parse = MacroFuzzEnvironment._parse
trees: dict[tuple[type, str], Template] = {}


def parse_once(environment: MacroFuzzEnvironment, text: str, name: str | None, file: str | None) -> Template:
    """The syntax tree of a text, perhaps from the process from which this one was forked."""
    key = type(environment), text
    if key not in trees:
        trees[key] = parse(environment, text, name, file)
    return trees[key]


MacroFuzzEnvironment._parse = parse_once

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
