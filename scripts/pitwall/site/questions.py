"""The questions of the README and of analyses/: a page each, with the answer, a chart and the SQL."""

import re
from pathlib import Path
from typing import NamedTuple

from pitwall.command import ROOT
from pitwall.site.evidence import Answer, Evidence, table

REF = re.compile(r"{{ ref\('(\w+)'\) }}")
SHOWN = 100  # rows of an answer on a page


class Question(NamedTuple):
    """A question.

    Args:
        name: what its page is called.
        text: the question.
        note: what its file says about the answer, if anything. It is of the real data.
        sql: the query, as anyone can run it in the warehouse.
        from_readme: whether it is one of the README's.
    """

    name: str
    text: str
    note: str
    sql: str
    from_readme: bool


def of_readme() -> list[Question]:
    """The questions of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.finditer(r"\*\*([^*]+\?)\*\*([^`]*)```sql\n(.+?)```", readme, re.DOTALL)
    return [Question(name_of(each[1]), each[1], "", each[3], from_readme=True) for each in found]


def name_of(question: str) -> str:
    """A name for the page of a question that has no file."""
    return "_".join(re.findall(r"[a-z0-9]+", question.lower()))


def of_analyses() -> list[Question]:
    """The questions of analyses/."""
    return [read(path) for path in sorted((ROOT / "analyses").glob("*.sql"))]


def read(path: Path) -> Question:
    """The question of a file in analyses/: a comment with question, note and answer, then the SQL."""
    text = path.read_text(encoding="utf-8")
    comment = "".join(re.match(r"(?:--.*\n)*", text)[0])  # type: ignore[index]
    lines = [line.removeprefix("--").strip() for line in comment.splitlines()]
    note = " ".join(line for line in lines[1:] if line and not line.startswith("|"))
    return Question(path.stem, lines[0], note, text.removeprefix(comment), from_readme=False)


def runnable(question: Question, manifest: dict[str, object]) -> str:
    """The SQL with the schema of each table in place of dbt's ref()."""
    nodes = manifest["nodes"]
    assert isinstance(nodes, dict)
    schemas = {node["name"]: node["schema"] for node in nodes.values() if node.get("relation_name")}
    return REF.sub(lambda found: f"{schemas[found[1]]}.{found[1]}", question.sql).strip()


def page(question: Question, sql: str, answer: Answer, chart: str, *, is_simulated: bool) -> str:
    """The page of a question."""
    # Without a table of contents there is room for a wide answer.
    parts = ["---\nhide: [toc]\n---", f"# {question.text}"]
    if question.note and not is_simulated:
        parts.append(question.note)
    if chart:
        parts.append(
            f"![{question.text}](charts/{question.name}-light.svg#only-light)\n"
            f"![{question.text}](charts/{question.name}-dark.svg#only-dark)"
        )
    parts.append(
        f"[Run it, and change it, in the browser](../ask.md?question={question.name}){{ .md-button }}"
    )
    parts.append("## The answer")
    if answer.rows:
        parts.append(f'<div class="answer" markdown>\n\n{table(answer.names, answer.rows[:SHOWN])}\n\n</div>')
        if len(answer.rows) > SHOWN:
            parts.append(f"The first {SHOWN} rows of {len(answer.rows):,}.")
    else:
        parts.append("No row: the warehouse of this site has no such seasons.")
    parts.append(f"## The SQL\n\n```sql\n{sql}\n```")
    tables = sorted(set(re.findall(r"\b(?:marts|quality)\.(\w+)", sql)))
    links = ", ".join(f"[`{name}`](../tables/{name}.md)" for name in tables)
    parts.append(f"It reads {links}.")
    if not question.from_readme:
        parts.append(
            f"The file is `analyses/{question.name}.sql`; `make shell` runs it too. On the real data, a "
            "test compares this answer with the one in the file."
        )
    return "\n\n".join(parts) + "\n"


def pages(evidence: Evidence) -> dict[str, str]:
    """The pages of all questions, with their charts, by their path in the site."""
    from pitwall.site.charts import draw  # altair takes a second to import

    files: dict[str, str] = {}
    entries = []
    is_simulated = evidence.is_simulated()
    for question in of_readme() + of_analyses():
        sql = runnable(question, evidence.manifest)
        answer = evidence.answer(sql)
        drawn = draw(question.name, answer)
        for ground, svg in drawn.items():
            files[f"questions/charts/{question.name}-{ground}.svg"] = svg
        files[f"questions/{question.name}.md"] = page(
            question, sql, answer, chart=question.name if drawn else "", is_simulated=is_simulated
        )
        entries.append(f"- [{question.text}]({question.name}.md)")
    files["questions/index.md"] = (
        "# Questions and answers\n\nEach answer comes from the warehouse, with the SQL that gives it. "
        "[Ask in the browser](../ask.md) runs any of them on your machine, and lets you change them.\n\n"
        + "\n".join(entries)
        + "\n"
    )
    return files


def examples(evidence: Evidence) -> list[dict[str, object]]:
    """The questions for the page that asks in the browser."""
    return [
        {
            "name": question.name,
            "text": question.text,
            "sql": runnable(question, evidence.manifest),
            "first": question.from_readme,
        }
        for question in of_readme() + of_analyses()
    ]


def navigation() -> list[str]:
    """The pages in the order of the navigation."""
    return [f"questions/{question.name}.md" for question in of_readme() + of_analyses()]
