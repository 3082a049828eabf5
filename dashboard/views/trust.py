"""Trust: what agrees with the published tables, what is wrong with the source, and how fresh the data are."""

from datetime import date

import altair as alt
import polars as pl
import streamlit as st
from charts import band_heights
from controls import switch
from show import choose, show
from theme import ground
from warehouse import query

ROW = 22
KINDS = {
    "All": "all",
    "The source's tables": "source_differs",
    "Record books": "record_books_differ",
    "Order of ties": "tie_order",
}


def championships() -> None:
    """The rows of both championships that were compared, and those that differ."""
    answer = query("trust/reconciled")
    frame = answer.frame
    finding = "The source has no tables to compare with"
    if frame.height:
        first = frame.row(0, named=True)
        finding = (
            f"{first['all_compared']:,} rows of both championships were compared with the source's tables: "
        )
        finding += f"all but {first['all_differing']:,} agree" if first["all_differing"] else "all agree"
        if first["all_differing"]:
            finding += (
                ", and each of those has its reason"
                if not first["all_unexplained"]
                else f", and {first['all_unexplained']:,} of those have no reason"
            )
    base = alt.Chart(frame).encode(
        x=alt.X("season:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        tooltip=[
            alt.Tooltip("season:O", title="season"),
            alt.Tooltip("championship:N", title="championship"),
            alt.Tooltip("compared:Q", title="rows compared", format=","),
            alt.Tooltip("differing:Q", title="rows that differ"),
            alt.Tooltip("unexplained:Q", title="without a reason"),
        ],
    )
    bars = base.mark_bar().encode(
        y=alt.Y("compared:Q", title="rows compared"),
        color=alt.Color(
            "championship:N",
            title=None,
            scale=alt.Scale(domain=["drivers", "constructors"], range=[ground().good, ground().quiet]),
            legend=alt.Legend(orient="bottom"),
        ),
        order=alt.Order("championship:N", sort="descending"),
    )
    differing = (
        alt.Chart(frame)
        .transform_aggregate(differing="sum(differing)", compared="sum(compared)", groupby=["season"])
        .transform_filter("datum.differing > 0")
        .encode(x="season:O", y="compared:Q")
    )
    show(
        alt.layer(
            bars,
            differing.mark_text(dy=-10, fontWeight="bold", color=ground().bad).encode(text="differing:Q"),
        ),
        frame,
        answer.sql,
        "reconciled",
        "Bars by season: the rows of both championships that were compared.",
        title=finding,
        note="A row is a driver or a constructor after a race: points, wins and place. "
        "A number above a bar: rows that differ.",
        empty="The source has no championship tables.",
        height=320,
    )
    kind = KINDS[choose("Differences from", list(KINDS), "differences_from")]
    exceptions = query("trust/exceptions", kind=kind)
    count = exceptions.frame.height
    names = {value: name.lower() for name, value in KINDS.items()}
    show(
        exceptions.frame.with_columns(
            pl.col("kind").replace(names), pl.col("measure").str.replace_all("_", " ")
        ),
        exceptions.frame,
        exceptions.sql,
        f"exceptions_{kind}",
        "A row for each difference.",
        title=f"{count} known {'difference' if count == 1 else 'differences'}, each with its reason",
        note="From the source's tables, from record books, and in the order of competitors who are tied.",
        empty="No difference of this kind is known.",
        columns={
            "kind": "Differs from",
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "round": "Round",
            "race_name": "After",
            "championship": "Championship",
            "competitor": "Competitor",
            "measure": "Measure",
            "computed_value": st.column_config.NumberColumn("Computed", format="%g"),
            "other_value": st.column_config.NumberColumn("Other", format="%g"),
            "reason": st.column_config.TextColumn("Reason", width="large"),
        },
    )


def source() -> None:
    """What is wrong with the source, by kind, and the rows of one kind."""
    answer = query("trust/anomaly_counts")
    found = answer.frame.filter(pl.col("anomalies") > 0)
    none = answer.frame.height - found.height
    finding = "No anomaly of a known kind is in this source"
    if found.height:
        finding = (
            f"{found['all_anomalies'][0]:,} anomalies of {found.height} kinds are in this source; "
            "each stays in, and is treated in a known way"
        )
    base = alt.Chart(found).encode(
        y=alt.Y(
            "anomaly_kind:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                grid=False, labelColor=ground().ink, labelLimit=alt.expr("width < 420 ? 150 : 260")
            ),
        ),
        x=alt.X("anomalies:Q", title="anomalies", axis=alt.Axis(grid=True, orient="top", tickCount=6)),
        tooltip=[
            alt.Tooltip("anomaly_kind:N", title="kind"),
            alt.Tooltip("anomalies:Q", title="anomalies", format=","),
            alt.Tooltip("description:N", title="what is wrong"),
            alt.Tooltip("treatment:N", title="in the marts"),
            alt.Tooltip("marts:N", title="marts that it changes"),
            alt.Tooltip("first_season:N", title="from"),
            alt.Tooltip("last_season:N", title="to"),
        ],
    )
    show(
        alt.layer(
            base.mark_bar(color=ground().good, height=ROW - 8),
            base.mark_text(align="left", dx=5, color=ground().ink).encode(
                text=alt.Text("anomalies:Q", format=",")
            ),
        ),
        answer.frame if found.height else answer.frame.clear(),
        answer.sql,
        "anomalies_by_kind",
        "Bars: the anomalies of a kind.",
        title=finding,
        note=f"Of {none} more kinds that are looked for, there is none." if none else "",
        empty="Every kind of anomaly was looked for, and none was found.",
        height=band_heights(found.height, ROW),
    )
    if found.is_empty():
        return
    kind = choose("Kind", found["anomaly_kind"].to_list(), "kind")
    of_kind = found.row(by_predicate=pl.col("anomaly_kind") == kind, named=True)
    rows = query("trust/anomalies", kind=kind)
    show(
        None,
        rows.frame,
        rows.sql,
        f"anomalies_{kind}",
        "A row for each anomaly.",
        title=f"{of_kind['anomalies']:,} times: {of_kind['description']}",
        note=f"In the marts: {of_kind['treatment']}",
        columns={
            "source_table": "Source table",
            "source_key": "Row",
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "race_name": "Race",
            "race_date": st.column_config.DateColumn("Date", format="YYYY-MM-DD"),
            "seen": st.column_config.TextColumn("The source says", width="medium"),
            "expected": st.column_config.TextColumn("Expected", width="medium"),
        },
    )


COVERAGE = {
    "results_percent": "results",
    "qualifying_percent": "qualifying",
    "laps_percent": "lap times",
    "pit_stops_percent": "pit stops",
}


def freshness() -> None:
    """The last race with results, the next one of the calendar, and what is known of each season."""
    answer = query("trust/freshness", today=date.today().isoformat())
    if answer.frame.is_empty():
        st.info("The warehouse has no race that was held. Build it from files with results.")
        return
    row = answer.frame.row(0, named=True)
    finding = (
        f"Results reach to the {row['last_race_name']} of {row['last_race_date']:%-d %B %Y}, "
        f"{row['days_since_last']:,} days ago"
    )
    note = "The calendar has no later race."
    if row["next_race_name"]:
        when = f"{row['next_race_name']} on {row['next_race_date']:%-d %B %Y}"
        note = f"The next race of the calendar: {when}."
        if row["days_since_next"] > 0:
            note += (
                f" It is {row['days_since_next']:,} days past: newer files should have its results. "
                "`make build RAW=path` loads them."
            )
    if row["is_simulated"]:
        finding = (
            f"This is a simulated championship: {row['races_held']:,} races from {row['first_season']} "
            f"to {row['season']}"
        )
        note = (
            "`make data` downloads real results, and `make build RAW=data/raw/ergast.zip` builds from them."
        )
    show(
        None,
        answer.frame,
        answer.sql,
        "freshness",
        "The last race with results and the next race.",
        title=finding,
        note=note,
        columns={
            "first_season": st.column_config.NumberColumn("First season", format="%d"),
            "races_held": st.column_config.NumberColumn("Races held", format="localized"),
            "is_simulated": "Simulated",
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "round": "Round",
            "last_race_name": "Last race",
            "last_race_date": st.column_config.DateColumn("Date", format="YYYY-MM-DD"),
            "next_race_name": "Next race",
            "next_race_date": st.column_config.DateColumn("Its date", format="YYYY-MM-DD"),
            "days_since_last": "Days since the last",
            "days_since_next": "Days since the next",
        },
    )
    coverage()


def coverage() -> None:
    """For how much of each season there are results, qualifying, lap times and pit stops."""
    answer = query("trust/coverage")
    long = answer.frame.unpivot(
        on=list(COVERAGE),
        index=["season", "races_scheduled", "races_held", "is_complete"],
        variable_name="part",
        value_name="percent",
    ).with_columns(pl.col("part").replace_strict(COVERAGE, return_dtype=pl.String))
    begins = [
        f"{name} from {known['season'][0]}"
        for column, name in COVERAGE.items()
        if (known := answer.frame.filter(pl.col(column) > 0)).height
    ]
    light, dark = ground().grid, ground().good
    show(
        alt.Chart(long)
        .mark_rect(stroke=ground().paper)
        .encode(
            x=alt.X("season:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(
                "part:N", sort=list(COVERAGE.values()), title=None, axis=alt.Axis(labelColor=ground().ink)
            ),
            color=alt.Color(
                "percent:Q",
                title="% of the races",
                scale=alt.Scale(domain=[0, 100], range=[light, dark]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("season:O", title="season"),
                alt.Tooltip("part:N", title="part"),
                alt.Tooltip("percent:Q", title="% of the races", format=".0f"),
                alt.Tooltip("races_held:Q", title="races held"),
                alt.Tooltip("races_scheduled:Q", title="races scheduled"),
            ],
        ),
        answer.frame,
        answer.sql,
        "coverage",
        "A cell for each season and part of the data, darker where more races have it.",
        title=f"The source has {', '.join(begins)}" if begins else "No season has any results",
        note="Results: in per cent of the races scheduled. The others: of the races held.",
        height=230,
    )


def builds() -> None:
    """The last builds, the files that were read, the builds that changed results, and the revisions."""
    last_builds()
    files = query("trust/files")
    finding = "No file was read"
    if files.frame.height:
        first = files.frame.row(0, named=True)
        aside = first["all_rows_quarantined"]
        finding = (
            f"{first['all_rows_read']:,} rows of {files.frame.height} files were read on "
            f"{first['last_checked_at']:%-d %B %Y}; {f'{aside:,} were' if aside else 'none was'} set aside"
        )
    show(
        None,
        files.frame,
        files.sql,
        "files",
        "A row for each file.",
        title=finding,
        note="A row that cannot be typed is set aside in `quarantine/` with its reason. Times are UTC.",
        columns={
            "table_name": "Table",
            "source_name": "File",
            "rows_read": st.column_config.NumberColumn("Rows read", format="localized"),
            "rows_converted": st.column_config.NumberColumn("Converted", format="localized"),
            "rows_quarantined": st.column_config.NumberColumn("Set aside", format="localized"),
            "rows_short": st.column_config.NumberColumn("With fewer fields", format="localized"),
            "source_bytes": st.column_config.NumberColumn("Size", format="bytes"),
            "parquet_bytes": st.column_config.NumberColumn("As Parquet", format="bytes"),
            "source_sha256": st.column_config.TextColumn("SHA-256", width="small"),
            "converted_at": st.column_config.DatetimeColumn("Converted at", format="YYYY-MM-DD HH:mm"),
            "checked_at": st.column_config.DatetimeColumn("Read at", format="YYYY-MM-DD HH:mm"),
            "all_rows_read": None,
            "all_rows_quarantined": None,
            "last_checked_at": None,
        },
    )
    recorded = query("trust/new_results")
    finding = "No build has recorded results"
    if recorded.frame.height:
        last = recorded.frame.row(0, named=True)
        finding = f"The last build with new or revised results: {last['recorded_at']:%-d %B %Y, %H:%M} UTC"
    show(
        None,
        recorded.frame,
        recorded.sql,
        "new_results",
        "A row for each build that changed results.",
        title=finding,
        note="From the history of results. A build that changed no result has no row.",
        columns={
            "recorded_at": st.column_config.DatetimeColumn("Recorded at", format="YYYY-MM-DD HH:mm"),
            "new_results": st.column_config.NumberColumn("New results", format="localized"),
            "races_with_new_results": st.column_config.NumberColumn("Of races", format="localized"),
            "revised_results": st.column_config.NumberColumn("Revised results", format="localized"),
        },
    )
    revised = query("trust/revisions")
    count = revised.frame.height
    show(
        None,
        revised.frame,
        revised.sql,
        "revisions",
        "A row for each value that was changed.",
        title=f"{count:,} {'value' if count == 1 else 'values'} of results were revised after loading"
        if count
        else "No result was revised since it was loaded",
        empty="A revision is seen when a later build reads a result with another value.",
        columns={
            "revised_at": st.column_config.DatetimeColumn("Revised at", format="YYYY-MM-DD HH:mm"),
            "season": st.column_config.NumberColumn("Season", format="%d"),
            "race_name": "Race",
            "race_date": st.column_config.DateColumn("Date", format="YYYY-MM-DD"),
            "driver_name": "Driver",
            "constructor_name": "Constructor",
            "revised_column": "Column",
            "value_before": "Before",
            "value_after": "After",
        },
    )


def last_builds() -> None:
    """Each build of this warehouse: what it read, how, how it ended, and how long it took."""
    answer = query("trust/builds")
    succeeded = answer.frame.filter(pl.col("outcome") == "succeeded")
    finding = "No build is recorded"
    if succeeded.height:
        last = succeeded.row(0, named=True)
        finding = f"Last built on {last['built_at']:%-d %B %Y, %H:%M} UTC from {last['build_input']}"
    show(
        None,
        answer.frame,
        answer.sql,
        "builds",
        "A row for each build.",
        title=finding,
        note="A build that failed left the warehouse as it was. The next one that succeeds adds its row. "
        "Usual is the mean of the builds of the same kind before.",
        columns={
            "built_at": st.column_config.DatetimeColumn("Built at", format="YYYY-MM-DD HH:mm"),
            "outcome": "Outcome",
            "build_input": "From",
            "build_kind": "How",
            "build_kind_reason": "Why",
            "duration_s": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "usual_duration_s": st.column_config.NumberColumn("Usual", format="%.1f"),
            "mart_tables": "Tables",
            "mart_rows": st.column_config.NumberColumn("Rows", format="localized"),
            "data_tests": st.column_config.NumberColumn("Data tests", format="localized"),
            "unit_tests": "Unit tests",
            "new_races": "New races",
            "revised_results": "Revised results",
            "reason": "Why it failed",
        },
    )


VIEWS = {"Standings": championships, "Source": source, "Freshness": freshness, "Builds": builds}

st.title("Trust")
VIEWS[switch("View", list(VIEWS), "trust_view")]()
