"""Assemble the site: pages of docs/, pages that are written, dbt's catalog, and what runs in the browser."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from mkdocs.utils.yaml import yaml_load

from pitwall.command import ROOT, PlainError, printable
from pitwall.data_folder import locked, remove
from pitwall.prediction.tables import open_warehouse
from pitwall.release import duckdb_file
from pitwall.site import browser, questions, rules, source, tables
from pitwall.site.evidence import Evidence
from pitwall.site.markdown import filled, with_links, with_plain_lists
from pitwall.warehouse.catalog import generate, manifest_of

FOLDER = "site"
DOCS = ROOT / "docs"
OWN = DOCS / "site"  # pages of the site only
# Pages of the project's folder.
OF_ROOT = {
    "DECISIONS.md": "decisions.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
TEMPLATE = "page.md"  # of a page that another command writes
COPIED = (".md", ".svg", ".png")
SIMULATED = "The answers of this site are of a simulated championship: no driver and no result is real."
UNOFFICIAL = "Not connected with Formula 1, whose names are trade marks of others."


def make(data: Path) -> Path:
    """Make the site of the last warehouse. Returns its folder.

    Raises:
        PlainError: there is no warehouse, or a program that makes a part of it failed. The last site stays.
    """
    data = data.absolute()  # node and MkDocs run in other folders
    with locked(data):
        work = data / ".build" / "site"
        print("Writing dbt's catalog ...", flush=True)
        catalog = generate("duckdb", work / "catalog")
        modules = browser.install(work / "npm")
        for folder in ("docs", "theme", "html"):
            remove(work / folder)
        with open_warehouse(data) as connection:
            evidence = Evidence(connection, manifest_of(catalog))
            pages = write_pages(evidence, work / "docs", catalog)
            browser.add(modules, work / "docs" / "site", evidence)
            settings = write_settings(evidence, work)
        duckdb_file.write(data / "warehouse.duckdb", work / "docs" / "pitwall.duckdb")
        print(f"Building {pages} pages ...", flush=True)
        build(settings)
        browser.bind(work / "html" / "ask.html")
        replace(work / "html", data / FOLDER)
    return data / FOLDER


def replace(new: Path, last: Path) -> None:
    """Put the new site in the place of the last one."""
    old = new.with_name("old")
    remove(old)
    if last.exists():
        last.rename(old)
    new.rename(last)
    remove(old)


# Pages


def write_pages(evidence: Evidence, docs: Path, catalog: Path) -> int:
    """Write all pages and pictures. Returns the number of pages."""
    written: dict[str, str] = {}
    for part in (questions, tables, rules, source):
        written |= part.pages(evidence)
    copied = copied_files()
    pages = {path: page for path, page in copied.items() if page.endswith(".md")}
    there = {*copied.values(), *written, "catalog/index.html", "pitwall.duckdb"}
    facts = facts_of(evidence)
    for path, page in pages.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        base = path
        if (ROOT / path).is_relative_to(OWN):
            text, base = filled(text, facts), f"docs/{page}"  # its links are those of the site
        written[page] = with_plain_lists(with_links(text, base, page, pages, there))
    for path, file in copied.items():
        if path not in pages:
            (docs / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, docs / file)
    for page, text in written.items():
        (docs / page).parent.mkdir(parents=True, exist_ok=True)
        (docs / page).write_text(
            with_diagrams(page, text) if page.endswith(".md") else text, encoding="utf-8"
        )
    (docs / "catalog").mkdir(exist_ok=True)
    shutil.copy(catalog, docs / "catalog" / "index.html")
    return sum(page.endswith(".md") for page in written)


def copied_files() -> dict[str, str]:
    """The files that are copied: the path in the site, by the path in the repository."""
    found = dict(OF_ROOT)
    for path in sorted(DOCS.rglob("*")):
        inside = path.relative_to(DOCS)
        if path.suffix not in COPIED or path.name == TEMPLATE:
            continue
        if path.is_relative_to(OWN) and path.suffix == ".md":
            inside = path.relative_to(OWN)
        found[path.relative_to(ROOT).as_posix()] = inside.as_posix()
    found["docs/site/site.css"] = "site/site.css"
    return found


def with_diagrams(page: str, text: str) -> str:
    """A page, with the program that draws diagrams if it has any: the theme would fetch it from elsewhere."""
    if not re.search(r"(?m)^ *```mermaid$", text):
        return text
    up = "../" * page.count("/")
    script = f'<script src="{up}site/mermaid.min.js"></script>'
    return f"{text}\n\n{script}\n"


def facts_of(evidence: Evidence) -> dict[str, str]:
    """The figures of the pages in docs/site/, by the name of the comment that they replace."""
    nodes = evidence.manifest["nodes"].values()

    def models(layer: str) -> int:
        return sum(node["resource_type"] == "model" and node["fqn"][1] == layer for node in nodes)

    def tests(folder: str = "") -> int:
        # `merged` runs the others again, in one query.
        return sum(
            node["resource_type"] == "test"
            and (node.get("test_metadata") or {}).get("name") != "merged"
            and (not folder or node["fqn"][1] == folder)
            for node in nodes
        )

    compared, differ = evidence.rows(source.COMPARED)[0]
    return {
        "first-season": str(evidence.one("select min(season) from marts.dim_seasons")),
        "extent": evidence.extent(),
        "compared": f"{compared:,}",
        "differ": f"{differ:,}",
        "anomalies": f"{evidence.one('select sum(anomalies) from quality.anomaly_counts'):,}",
        "anomaly-kinds": str(evidence.one("select count(*) from quality.anomaly_counts where anomalies > 0")),
        "columns": f"{sum(len(node['columns']) for node in nodes if is_queried(node)):,}",
        "seeds": str(sum(node["resource_type"] == "seed" for node in nodes)),
        "data-tests": f"{tests():,}",
        "unit-tests": f"{len(evidence.manifest['unit_tests']):,}",
        **{layer: str(models(layer)) for layer in ("staging", "intermediate", "marts", "quality")},
        **{folder: str(tests(folder)) for folder in ("reconciliation", "integrity")},
    }


def is_queried(node: dict[str, Any]) -> bool:
    """Whether people query the table of this node."""
    return node["resource_type"] == "model" and node["fqn"][1] in ("marts", "quality")


# Building


def write_settings(evidence: Evidence, work: Path) -> Path:
    """Write mkdocs.yml with the whole navigation, and copy the theme. Returns the path of the file."""
    shutil.copytree(OWN / "theme", work / "theme")
    settings = ROOT / "mkdocs.yml"
    written: dict[str, list[Any]] = {
        "questions/index.md": questions.navigation(),
        "tables/index.md": tables.navigation(evidence),
        "rules/index.md": rules.navigation(evidence),
    }

    def whole(entry: Any) -> Any:
        if isinstance(entry, list):
            return [whole(each) for each in entry]
        if isinstance(entry, dict):
            return {title: whole(each) for title, each in entry.items()}
        return [entry, *written[entry]] if entry in written else entry

    with settings.open(encoding="utf-8") as file:
        nav = yaml_load(file)["nav"]
    own: dict[str, Any] = {
        "INHERIT": str(settings),
        "docs_dir": "docs",
        "site_dir": "html",
        "theme": {"custom_dir": "theme"},
        "copyright": f"{evidence.extent()}. {UNOFFICIAL}",
        "nav": whole(nav),
    }
    if evidence.is_simulated():
        own["extra"] = {"announcement": SIMULATED}
    path = work / "mkdocs.yml"
    path.write_text(yaml.safe_dump(own, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def build(settings: Path) -> None:
    """Run mkdocs, where a warning is an error. Raises PlainError with the first one."""
    # Not quietly: quiet hides the warnings that strict counts.
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        settings,
    ]
    result = subprocess.run(
        command,
        cwd=settings.parent,
        env={**os.environ, "DISABLE_MKDOCS_2_WARNING": "true", "NO_MKDOCS_2_WARNING": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        lines = (result.stdout + result.stderr).splitlines()
        wrong = [line for line in lines if re.match(r"WARNING|ERROR|Error|.*Error:", line)]
        for line in wrong[1:]:
            print(line, file=sys.stderr)
        raise PlainError(f"mkdocs: {printable((wrong or lines or ['it printed nothing'])[0])}")
    for leftover in ("sitemap.xml", "sitemap.xml.gz"):  # of a site that does not know its address
        if not os.environ.get("PITWALL_SITE_URL"):
            (settings.parent / "html" / leftover).unlink(missing_ok=True)
