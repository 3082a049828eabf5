"""`datapackage.json`: the types, keys and descriptions of all CSVs, as Frictionless Data has them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pitwall.command import PlainError
from pitwall.release.tables import Column, Table

FILE = "datapackage.json"
TYPES = {
    "integer": "integer",
    "bigint": "integer",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "string": "string",
}


def write_package(tables: Sequence[Table], folder: Path, version: str, contents: str) -> None:
    """Write the description of all CSVs.

    Args:
        tables: the tables, of which the folder has the CSVs.
        folder: the folder of the release.
        version: the version of the release.
        contents: what the data are, in a few words.
    """
    package = {
        "profile": "tabular-data-package",
        "name": "pitwall",
        "title": f"Pitwall, a Formula 1 warehouse: {contents}",
        "description": "ATTRIBUTION.md says where the data come from, and what you may do with them.",
        "version": version,
        "resources": [resource(table) for table in tables],
    }
    text = json.dumps(package, ensure_ascii=False, indent=1)
    (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def resource(table: Table) -> dict[str, Any]:
    """The description of one CSV."""
    schema: dict[str, Any] = {
        "fields": [field(column) for column in table.columns],
        "primaryKey": list(table.key),
    }
    if table.references:
        schema["foreignKeys"] = [
            {"fields": name, "reference": {"resource": other, "fields": other_field}}
            for name, (other, other_field) in table.references.items()
        ]
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": f"{table.name}.csv.zip",
        "description": table.description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "compression": "zip",
        "schema": schema,
    }


def field(column: Column) -> dict[str, Any]:
    """The description of one column."""
    described: dict[str, Any] = {
        "name": column.name,
        "type": TYPES[column.kind],
        "description": column.description,
    }
    if column.is_required:
        described["constraints"] = {"required": True}
    return described


def validate(folder: Path, names: Sequence[str]) -> None:
    """Check the CSVs of these tables against their description.

    Raises:
        PlainError: the first error.
    """
    import frictionless

    # The path of the file would be a pattern of names.
    described = json.loads((folder / FILE).read_text(encoding="utf-8"))
    package = frictionless.Package.from_descriptor(described, basepath=str(folder))
    for name in names:
        errors = package.get_resource(name).validate().flatten(["message"])
        if errors:
            message = " ".join(str(errors[0][0]).split())
            raise PlainError(f"{folder / name}.csv.zip: is not as {FILE} describes it: {message}")
