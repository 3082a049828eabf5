"""What is wrong with the source: the kinds of anomaly with examples, and where the championships differ."""

from pitwall.site.evidence import Evidence, table

EXAMPLES = 3
KINDS = """
select anomaly_kind, description, treatment, anomalies, first_season, last_season, effect, marts
from quality.anomaly_counts order by anomalies desc, anomaly_kind"""
FOUND = f"""
select season, race_name, source_table, source_key, seen, expected
from quality.source_anomalies where anomaly_kind = ?
order by season desc nulls last, race_date desc, source_key limit {EXAMPLES}"""
COMPARED = """
select
    count(*) filter (where is_reconciled is not null) as compared,
    count(*) filter (where not is_reconciled) as differ
from (
    select is_reconciled from marts.fct_driver_championship
    union all
    select is_reconciled from marts.fct_constructor_championship
) as rows"""
EXCEPTIONS = """
select season, round, coalesce(driver_name, constructor_name) as competitor, measure,
    computed_value as computed, other_value as published, reason
from marts.fct_championship_exceptions where kind = ?
order by season, round, competitor, measure"""


def pages(evidence: Evidence) -> dict[str, str]:
    """The page, by its path in the site."""
    kinds = evidence.rows(KINDS)
    found = sum(row[3] for row in kinds)
    parts = [
        "# What is wrong with the source",
        f"The warehouse looks for {len(kinds)} kinds of anomaly in the raw files, and has found {found:,}. "
        "Each is a row of [`quality.source_anomalies`](tables/source_anomalies.md). Nothing is dropped: what "
        "the source says stays in, and each kind says how the marts treat it.",
        table(
            ["kind", "found", "seasons", "in the marts", "marts that it changes"],
            [
                (
                    f"[{kind}](#{kind})" if count else kind,
                    f"{count:,}",
                    seasons(first, last),
                    effect,
                    ", ".join(f"[{mart}](tables/{mart}.md)" for mart in (marts or "").split()),
                )
                for kind, _, _, count, first, last, effect, marts in kinds
            ],
            is_markdown=True,
        ),
    ]
    parts += championships(evidence)
    parts.append("## The kinds, with examples\n\nThe newest of each kind.")
    for kind, description, treatment, count, *_ in kinds:
        if count:
            answer = evidence.answer(FOUND, kind)
            shown = [
                index
                for index in range(len(answer.names))
                if any(row[index] is not None for row in answer.rows)
            ]
            examples = table(
                [answer.names[index] for index in shown],
                [tuple(row[index] for index in shown) for row in answer.rows],
            )
            parts.append(f"### {kind}\n\n{description} In the marts: {treatment}\n\n{examples}")
    return {"source.md": "\n\n".join(parts) + "\n"}


def seasons(first: int | None, last: int | None) -> str:
    """From when to when."""
    return "" if first is None else str(first) if first == last else f"{first} to {last}"


def championships(evidence: Evidence) -> list[str]:
    """How our championships compare with the published tables."""
    compared, differ = evidence.rows(COMPARED)[0]
    if not compared:
        return []
    parts = [
        "## Against the published championships",
        f"Both championships are computed from results and rules after every race, and compared with the "
        f"tables of the source: {compared:,} rows. {differ:,} of them differ.",
    ]
    answer = evidence.answer(EXCEPTIONS, "source_differs")
    if answer.rows:
        parts.append("Why they differ, cell by cell:")
        parts.append(table(answer.names, answer.rows))
    return parts
