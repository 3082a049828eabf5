"""The rules of the championships, season by season: what a newcomer reads to understand 1979."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from pitwall.site.evidence import Evidence, table

CHAMPIONSHIPS = ("drivers", "constructors")
LISTED = {"drivers": 6, "constructors": 3}  # places of a final table
WORDS = dict(
    enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"], 1)
)

# The rules of a season; a season after the last period has those of the last one.
PERIODS = """
select seasons.season, periods.championship, periods.points_system, periods.scoring_cars,
    periods.shared_drives,
    systems.fastest_lap_points, systems.fastest_lap_within_position,
    seasons.season > periods.last_season as is_assumed
from marts.dim_seasons as seasons
inner join seeds.championship_periods as periods on seasons.season >= periods.first_season
inner join seeds.points_systems as systems on periods.points_system = systems.points_system
qualify row_number() over (
    partition by seasons.season, periods.championship order by periods.first_season desc
) = 1
order by seasons.season, periods.championship desc"""
POINTS = """
select points_system, session_type, list(points order by position)
from seeds.points_by_position group by all"""
COUNTED = """
select season, championship, from_round, to_round, best_results from seeds.counted_results
order by season, championship, from_round"""
SCORING = """
select scoring.season, races.race_name, scoring.points_factor, scoring.is_counted_for_constructors,
    scoring.reason
from seeds.race_scoring as scoring
inner join marts.dim_races as races on scoring.season = races.season and scoring.round = races.round
order by scoring.season, scoring.round"""
PENALTIES = """
select season, championship, competitor_ref, kind, points, reason from seeds.championship_penalties
order by season, championship, competitor_ref, kind"""
RACES = """
select season, count(*), count(*) filter (where is_held), count(*) filter (where is_sprint_weekend)
from marts.dim_races group by season order by season"""
FINAL = """
select season, championship_position, {name}, points_counted, points_gross, wins, is_champion,
    title_decided_in_round, round
from marts.{mart} where is_latest_of_season and championship_position is not null order by all"""


def plain(value: Decimal | int | float) -> str:
    """Points without needless zeros."""
    return f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, Decimal) else f"{value:g}"


def in_words(number: int) -> str:
    """A small number as a word."""
    return WORDS.get(number, str(number))


def points_sentence(system: str, session: str, points: dict[tuple[str, str], list[Decimal]]) -> str:
    """Which places score how much."""
    scored = points.get((system, session))
    return f"{' · '.join(map(plain, scored))} for places 1 to {len(scored)}" if scored else ""


def counted_sentence(rows: list[tuple[Any, ...]]) -> str:
    """Which results count."""
    if not rows:
        return "All results counted."
    if len(rows) == 1:
        return f"Only the best {in_words(rows[0][4])} results of the season counted."
    halves = [f"the best {in_words(best)} of rounds {first} to {last}" for _, _, first, last, best in rows]
    return f"Only {' and '.join(halves)} counted."


def season_text(season: int, facts: dict[str, Any]) -> str:
    """The rules of a season, and what came of them."""
    parts = [f"## {season}"]
    _, races, held, sprints = facts["races"]
    sentence = f"{races} races" if held == races else f"{held} of {races} races were held"
    if sprints:
        sentence += f", {sprints} of the weekends with a sprint"
    parts.append(f"{sentence}.")
    for championship in CHAMPIONSHIPS:
        rule = facts["rules"].get(championship)
        if rule is None:
            parts.append(f"**{championship.capitalize()}**: there was no such championship yet.")
            continue
        parts.append(rule_text(championship, rule, facts))
    for _, race, factor, is_for_constructors, reason in facts["scoring"]:
        what = {Decimal("0.5"): "Half points", Decimal("2"): "Double points"}.get(Decimal(str(factor)))
        if what:
            parts.append(f"- {what} at the {race}: {reason}.")
        elif not is_for_constructors:
            parts.append(f"- {reason}.")
    for _, championship, who, kind, points, reason in facts["penalties"]:
        amount = f", {plain(points)} points" if points else ""
        parts.append(
            f"- {kind.capitalize()} of `{who}` in the {championship}' championship{amount}: {reason}."
        )
    final = facts["final"]
    parts += [final_table(each, final[each]) for each in CHAMPIONSHIPS if each in final]
    return "\n\n".join(parts)


def rule_text(championship: str, rule: tuple[Any, ...], facts: dict[str, Any]) -> str:
    """The rules of one championship in a season."""
    _, _, system, cars, shared, fastest, within, is_assumed = rule
    text = f"**{championship.capitalize()}**: {points_sentence(system, 'race', facts['points'])}."
    if fastest:
        limit = f", if its driver was among the first {in_words(within)}" if within else ""
        text += f" The fastest lap scored {plain(fastest)}{limit}."
    sprint = points_sentence(system, "sprint", facts["points"])
    if sprint and facts["races"][3]:
        text += f" A sprint: {sprint}."
    if championship == "constructors" and cars == "best":
        text += " Only the best placed car of a constructor scored."
    if championship == "drivers" and shared == "split":
        text += " Drivers who shared a car shared the points of its place."
    text += " " + counted_sentence([row for row in facts["counted"] if row[1] in (championship, "both")])
    if is_assumed:
        text += (
            " *These are the rules of the season before: the season has none of its own in the seeds yet.*"
        )
    return text


def final_table(championship: str, rows: list[tuple[Any, ...]]) -> str:
    """The first places of the final table, with counted and gross points."""
    first = rows[0]
    head = ""
    if first[6]:
        head = f"**{first[2]}** was champion"
        head += f", decided in round {first[7]} of {first[8]}.\n\n" if first[7] else ".\n\n"
    dropped = any(row[3] != row[4] for row in rows)
    header = ["place", championship[:-1], "points", *(["of all results"] if dropped else []), "wins"]
    cells = [
        (row[1], row[2], plain(row[3]), *([plain(row[4])] if dropped else []), row[5])
        for row in rows[: LISTED[championship]]
    ]
    return head + table(header, cells)


def pages(evidence: Evidence) -> dict[str, str]:
    """A page per decade and one that lists the seasons, by their path in the site."""
    rules: dict[int, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for row in evidence.rows(PERIODS):
        rules[row[0]][row[1]] = row
    points = {(system, session): scored for system, session, scored in evidence.rows(POINTS)}

    def by_season(sql: str) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in evidence.rows(sql):
            found[row[0]].append(row)
        return found

    races, counted, scoring, penalties = (by_season(sql) for sql in (RACES, COUNTED, SCORING, PENALTIES))
    final = {
        "drivers": by_season(FINAL.format(name="driver_name", mart="fct_driver_championship")),
        "constructors": by_season(FINAL.format(name="constructor_name", mart="fct_constructor_championship")),
    }
    decades: dict[int, list[str]] = defaultdict(list)
    lines = []
    for season in sorted(races):
        facts = {
            "races": races[season][0],
            "rules": rules[season],
            "points": points,
            "counted": counted[season],
            "scoring": scoring[season],
            "penalties": penalties[season],
            "final": {name: found[season] for name, found in final.items() if season in found},
        }
        decade = season // 10 * 10
        decades[decade].append(season_text(season, facts))
        lines.append(overview_line(season, facts))
    files = {
        f"rules/{decade}s.md": f"# The rules of the {decade}s\n\n" + "\n\n".join(texts) + "\n"
        for decade, texts in decades.items()
    }
    header = [
        "season",
        "champion",
        "points",
        "a win",
        "places that score",
        "fastest lap",
        "results that count",
    ]
    files["rules/index.md"] = (
        "---\nhide: [toc]\n---\n\n# The rules, season by season\n\n"
        "A championship is not the sum of its points: which places scored, and how many results counted, "
        "changed often. These pages are written from the seeds, the small tables with which the warehouse "
        "computes both championships. [How we read the data](../rules-of-the-sport.md) has the choices that "
        "the rule book leaves. "
        "The table is of the drivers' championship.\n\n"
        f'<div class="answer" markdown>\n\n{table(header, lines, is_markdown=True)}\n\n</div>\n'
    )
    return files


def overview_line(season: int, facts: dict[str, Any]) -> tuple[str, ...]:
    """The drivers' championship of a season in a line."""
    rule = facts["rules"]["drivers"]
    scored = facts["points"][rule[2], "race"]
    counted = [row for row in facts["counted"] if row[1] in ("drivers", "both")]
    champions = [row for row in facts["final"].get("drivers", []) if row[6]]
    return (
        f"[{season}]({season // 10 * 10}s.md#{season})",
        champions[0][2] if champions else "",
        plain(champions[0][3]) if champions else "",
        plain(scored[0]),
        str(len(scored)),
        plain(rule[5]) if rule[5] else "",
        " + ".join(f"{row[4]} of {row[3] - row[2] + 1}" for row in counted) or "all",
    )


def navigation(evidence: Evidence) -> list[dict[str, str]]:
    """The pages in the order of the navigation, the newest first."""
    decades = evidence.rows(
        "select distinct season // 10 * 10 as decade from marts.dim_seasons order by decade desc"
    )
    return [{f"The {decade}s": f"rules/{decade}s.md"} for (decade,) in decades]
