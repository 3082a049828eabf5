"""The tables: a page per subject with its diagram, and a page per table, from dbt's manifest."""

import re
from typing import Any, NamedTuple

from pitwall.site.evidence import Evidence, table

Node = dict[str, Any]
# The subjects: a title, and what is in them. The folders of models/marts first.
SUBJECTS = {
    "core": ("The star schema", "Dimensions, and facts as the source has them, each row with its names."),
    "championship": (
        "Championships",
        "Both championships after every race, computed from results and rules.",
    ),
    "careers": ("Seasons and careers", "The numbers that people look up in record books."),
    "laps_and_stops": ("Laps and stops", "Laps by class, pace, stints, pit stops and undercuts."),
    "results_and_qualifying": (
        "Results and qualifying",
        "Team mates, gaps, places gained, reliability and circuits.",
    ),
    "prediction": ("Predictions", "What was known before a race, the forecasts, and how good they were."),
    "quality": ("Quality", "What is wrong with the source."),
    "snapshots": ("History", "What results said before they were revised."),
    "seeds": ("Seeds", "Facts of the sport that no source file holds, each row with its reason."),
}
ENTITIES = 6  # of a diagram
# The theme colors a diagram like the page only in this look: in another, a dark page has pale words on white.
LOOK = '%%{init: {"look": "classic", "theme": "default"}}%%'
# The types of YAML, as a diagram writes them: one word.
WORD = re.compile(r"\W+")


class Key(NamedTuple):
    """A foreign key: a column of a table refers to a column of another."""

    table: str
    column: str
    to: str
    field: str


def subject_of(node: Node) -> str:
    """The subject that a table belongs to; "" if it has no page."""
    if node["resource_type"] == "seed":
        return "seeds"
    if node["resource_type"] == "snapshot":
        return "snapshots"
    layer = node["fqn"][1]
    return node["fqn"][2] if layer == "marts" else "quality" if layer == "quality" else ""


def tables_by_subject(manifest: dict[str, Any]) -> dict[str, list[Node]]:
    """The tables that have a page, by subject. Raises ValueError if a subject has no title."""
    found: dict[str, list[Node]] = {subject: [] for subject in SUBJECTS}
    for node in manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed", "snapshot") and (subject := subject_of(node)):
            if subject not in found:
                raise ValueError(f"{subject}: the subject has no title in SUBJECTS of {__name__}")
            found[subject].append(node)
    return {subject: sorted(nodes, key=lambda node: str(node["name"])) for subject, nodes in found.items()}


def foreign_keys(manifest: dict[str, Any]) -> list[Key]:
    """The foreign keys, from the `relationships` tests."""
    keys = set()
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "relationships" and node.get("attached_node"):
            arguments = test["kwargs"]
            to = re.search(r"'(\w+)'", arguments["to"])
            assert to, arguments["to"]
            attached = node["attached_node"].rpartition(".")[2]
            keys.add(Key(attached, node["column_name"], to[1], arguments["field"]))
    return sorted(keys)


def primary_key(node: Node) -> list[str]:
    """The columns of the primary key: of the contract, or those that the description states."""
    for constraint in node.get("constraints") or []:
        if constraint["type"] == "primary_key":
            return list(constraint["columns"])
    stated = re.search(
        r"(?:Primary key|Key): ((?:`\w+`(?:, | and )?)+)", " ".join(node["description"].split())
    )
    return re.findall(r"`(\w+)`", stated[1]) if stated else []


def diagrams(nodes: list[Node], keys: list[Key], all_nodes: dict[str, Node]) -> list[list[str]]:
    """The entities of each diagram of a subject: its tables, and those that they refer to."""
    related: dict[str, set[str]] = {}
    for node in nodes:
        name = str(node["name"])
        targets = {key.to for key in keys if key.table == name and key.to in all_nodes} - {name}
        if targets:
            related[name] = {name, *targets}
    found: list[set[str]] = []
    for names in sorted(related.values(), key=lambda each: (-len(each), sorted(each))):
        fits = [each for each in found if len(each | names) <= ENTITIES]
        if fits:
            max(fits, key=lambda each: len(each & names)).update(names)
        else:
            found.append(set(names))
    return [sorted(each) for each in found]


def erd(names: list[str], keys: list[Key], all_nodes: dict[str, Node]) -> str:
    """An entity-relationship diagram in Mermaid: keys only, an edge for each foreign key."""
    drawn = [key for key in keys if key.table in names and key.to in names and key.table != key.to]
    lines = [LOOK, "erDiagram"]
    for name in names:
        node = all_nodes[name]
        primary = primary_key(node)
        foreign = [key.column for key in drawn if key.table == name]
        referred = [key.field for key in drawn if key.to == name]
        lines.append(f"    {name} {{")
        for column in dict.fromkeys([*primary, *foreign, *referred]):
            kinds = [kind for kind, columns in (("PK", primary), ("FK", foreign)) if column in columns]
            data_type = WORD.sub("_", str(node["columns"][column]["data_type"] or "any")).strip("_")
            lines.append(f"        {data_type} {column} {', '.join(kinds)}".rstrip())
        lines.append("    }")
    lines += [f"    {key.to} ||--o{{ {key.table} : {key.column}" for key in drawn]
    return "\n".join(['<div class="diagram" markdown>\n', "```mermaid", *lines, "```", "\n</div>"])


def in_catalog(node: Node) -> str:
    """The address of a table in the catalog, from a page of the tables."""
    return f"../catalog/index.html#!/{node['resource_type']}/{node['unique_id']}"


def lineage(node: Node) -> str:
    """The address of the lineage of a table in the catalog."""
    return f"{in_catalog(node)}?g_v=1&g_i=%2B{node['name']}%2B"


def page(
    node: Node, title: str, keys: list[Key], manifest: dict[str, Any], rows: int, pages: set[str]
) -> str:
    """The page of a table."""
    name, subject = node["name"], subject_of(node)
    primary = primary_key(node)
    parts = [
        # A phone breaks a long name after an underscore.
        f"---\ntitle: {name}\n---",
        f"# {name.replace('_', '_<wbr>')}",
        f"`{node['schema']}.{name}` · [{title}]({subject}.md) · {rows:,} rows · "
        f"[catalog]({in_catalog(node)}) · [lineage]({lineage(node)})",
        str(node["description"]).strip(),
        "## Columns",
    ]
    own = {key.column: key for key in keys if key.table == name}
    columns = []
    for column in node["columns"].values():
        key = own.get(column["name"])
        marks = "**Primary key.** " if column["name"] in primary else ""
        if key and key.to in pages:
            marks += f"Refers to [`{key.to}`]({key.to}.md). "
        description = " ".join(str(column["description"]).split()).replace("|", "\\|")
        columns.append(
            (f"`{column['name']}`", f"`{column['data_type'] or ''}`".strip("`"), marks + description)
        )
    listed = table(["column", "type", "what it is"], columns, is_markdown=True)
    parts.append(f'<div class="columns" markdown>\n\n{listed}\n\n</div>')
    referring = sorted({key.table for key in keys if key.to == name and key.table in pages} - {name})
    if referring:
        parts.append(
            "## Tables that refer to it\n\n" + ", ".join(f"[`{each}`]({each}.md)" for each in referring)
        )
    parents = [each.rpartition(".")[2] for each in manifest["parent_map"].get(node["unique_id"], [])]
    made_of = sorted({each for each in parents if each in pages})
    if made_of:
        parts.append("## Made from\n\n" + ", ".join(f"[`{each}`]({each}.md)" for each in made_of))
        if len(made_of) < len(set(parents)):
            parts[-1] += f", and models that no one queries: see the [lineage]({lineage(node)})."
    return "\n\n".join(parts) + "\n"


def first_sentence(node: Node) -> str:
    """The grain of a table: the first sentence of its description."""
    text = " ".join(str(node["description"]).split())
    return text.removeprefix("Grain: ").partition(". ")[0].rstrip(".") + "."


def pages(evidence: Evidence) -> dict[str, str]:
    """The pages of all subjects and tables, by their path in the site."""
    manifest = evidence.manifest
    subjects = tables_by_subject(manifest)
    all_nodes = {str(node["name"]): node for nodes in subjects.values() for node in nodes}
    keys = [key for key in foreign_keys(manifest) if key.table in all_nodes]
    # DuckDB's estimated_size also counts rows that an incremental build deleted.
    counts = {
        (schema, name): evidence.rows(f'select count(*) from "{schema}"."{name}"')[0][0]
        for schema, name in evidence.rows("select schema_name, table_name from duckdb_tables()")
        if name in all_nodes
    }
    files = {}
    overview = [
        "# Tables",
        "Every table that people query, by subject: its grain, its keys, and what each column means. These "
        "pages are written from dbt's own description of the project, so they say what the build enforces. "
        "The [catalog](../catalog/index.html) has the layers below too, with every test and the lineage.",
    ]
    for subject, nodes in subjects.items():
        title, words = SUBJECTS[subject]
        listed = table(
            ["table", "one row per", "rows"],
            [
                (
                    f"[`{node['name']}`]({node['name']}.md)",
                    first_sentence(node).removeprefix("one row per ").replace("|", "\\|"),
                    f"{counts.get((node['schema'], node['name']), 0):,}",
                )
                for node in nodes
            ],
            is_markdown=True,
        )
        drawn = diagrams(nodes, keys, all_nodes)
        parts = [f"# {title}", words, listed]
        if drawn:
            parts.append(
                "## How they join\n\nKeys only. A line leads from a key to the tables that refer to it."
            )
            parts += [erd(names, keys, all_nodes) for names in drawn]
        files[f"tables/{subject}.md"] = "\n\n".join(parts) + "\n"
        overview += [f"## [{title}]({subject}.md)", words, listed]
        for node in nodes:
            rows = counts.get((node["schema"], node["name"]), 0)
            files[f"tables/{node['name']}.md"] = page(node, title, keys, manifest, rows, set(all_nodes))
    files["tables/index.md"] = "\n\n".join(overview) + "\n"
    return files


def navigation(evidence: Evidence) -> list[dict[str, list[str]]]:
    """The pages in the order of the navigation, by subject."""
    return [
        {SUBJECTS[subject][0]: [f"tables/{subject}.md", *(f"tables/{node['name']}.md" for node in nodes)]}
        for subject, nodes in tables_by_subject(evidence.manifest).items()
    ]
