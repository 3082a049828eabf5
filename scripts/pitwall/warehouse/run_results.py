"""What dbt's last run says of its models, tests, seeds and snapshots: outcome and time."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "run_results.json"


@dataclass(frozen=True)
class Node:
    """A model, test, seed or snapshot of the last run."""

    kind: str
    name: str
    status: str
    milliseconds: int


def read_nodes(target: Path) -> list[Node]:
    """The nodes of the last run; none if dbt ended before it wrote them."""
    try:
        results = json.loads((target / FILE).read_text(encoding="utf-8"))["results"]
        return [_node(result) for result in results]
    except (OSError, ValueError, KeyError):
        return []


def _node(result: dict[str, Any]) -> Node:
    # kind.project.name, of a test also a hash, of a unit test the model before the name
    kind, *parts = result["unique_id"].split(".")
    name = ".".join(parts[1:]) if kind == "unit_test" else parts[:2][-1]
    return Node(kind, name, result["status"], round(1000 * result.get("execution_time", 0)))


def forget_last_run(target: Path) -> None:
    """Remove the results of the last run: dbt writes none if it ends too early."""
    (target / FILE).unlink(missing_ok=True)
