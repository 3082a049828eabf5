"""The warehouse in a PostgreSQL database, that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import PlainError
from pitwall.warehouse.base import (
    HISTORY,
    NotAvailable,
    Warehouse,
    check_clock,
    is_of_other_results,
    tell_what_stays_behind,
)
from pitwall.warehouse.postgres_raw import (
    connect,
    literal,
    load,
    name_of_place,
    place,
    plainly,
    quoted,
    rows,
    transaction,
)

SCHEMAS = ("raw", "seeds", "staging", "snapshots", "intermediate", "marts", "quality")
NEW, OLD = "__new", "__old"
# The key of an advisory lock, which PostgreSQL wants as a number.
LOCK = int.from_bytes(b"pitwall", "big")


class PostgresWarehouse(Warehouse):
    """Builds into schemas with a suffix, and renames them over the last ones in one transaction.

    Renaming waits for no reader, and views keep what they refer to. The schemas belong to Pitwall as a whole;
    who may read them, and the views of others that read them, are carried over.
    """

    target = "postgres"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.connection: Any = None
        self.had_one = False
        self.stays_behind = False

    def __str__(self) -> str:
        return name_of_place()

    def exists(self) -> bool:
        return self.had_one

    def begin(self) -> dict[str, str]:
        # It stays open until the end: the lock is that of the connection.
        self.connection = connect()
        with plainly(), self.connection.cursor() as cursor:
            if rows(cursor, f"select pg_try_advisory_lock({LOCK})") != [(True,)]:
                raise PlainError(
                    f"{self}: another build is at work in this database; start again when it has ended"
                )
            there = schemas(cursor)
            self.had_one = "marts" in there
            check_ours(cursor, self)
            for name in SCHEMAS:
                for suffix in (NEW, OLD):
                    cursor.execute(f"drop schema if exists {name}{suffix} cascade")
            with transaction(cursor):
                load(cursor, self.data / "parquet", f"raw{NEW}")
                self.stays_behind = carry_history(cursor)
        return {**place(), "PITWALL_SCHEMA_SUFFIX": NEW}

    def kept(self) -> str:
        return f"the schemas *{NEW}"

    def commit(self) -> tuple[int, int]:
        with plainly(), self.connection.cursor() as cursor:
            counts = count(cursor, f"marts{NEW}")
            kept = f"snapshots_{datetime.now(UTC):%Y%m%d_%H%M%S}" if self.stays_behind else ""
            swap(cursor, kept)
            if kept:
                tell_what_stays_behind(f"schema {kept}")
            drop_old(cursor)
        self.connection.close()
        return counts

    def export(self, folder: Path) -> None:
        with connect() as connection, plainly(), connection.cursor() as cursor:
            if "marts" not in schemas(cursor):
                raise NotAvailable(f"{self}: is not built yet; `make build ENGINE=postgres` builds it")
            for schema in self.EXPORTED:
                for (table,) in rows(cursor, tables_query(schema)):
                    (folder / schema / table).mkdir(parents=True)
                    export_table(cursor, schema, table, folder / schema / table / "all.parquet")


def schemas(cursor: Any) -> list[str]:
    """Those of Pitwall that there are."""
    names = ", ".join(map(literal, SCHEMAS))
    return [
        name for (name,) in rows(cursor, f"select nspname::text from pg_namespace where nspname in ({names})")
    ]


def tables_query(schema: str) -> str:
    """The names of the tables of a schema."""
    return (
        "select relname::text from pg_class where relkind = 'r' "
        f"and relnamespace = to_regnamespace({literal(schema)}) order by relname"
    )


def check_ours(cursor: Any, warehouse: Warehouse) -> None:
    """Raise PlainError unless the schemas that a build replaces are Pitwall's, and may be replaced."""
    names = ", ".join(map(literal, SCHEMAS))
    owned_by_others = rows(
        cursor,
        f"select nspname::text, pg_get_userbyid(nspowner)::text from pg_namespace where nspname in ({names}) "
        "and not pg_has_role(nspowner, 'usage') order by 1",
    )
    for schema, owner in owned_by_others:
        raise PlainError(
            f"{warehouse}: schema {schema} belongs to {owner}; build as that user, or in another database"
        )
    there = schemas(cursor)
    if there and rows(cursor, "select to_regclass('raw.load_manifest') is null") == [(True,)]:
        raise PlainError(
            f"{warehouse}: has a schema {there[0]} that is not Pitwall's, as there is no raw.load_manifest; "
            "a build would replace it. Name another database with PGDATABASE, or move the schema away"
        )
    for view, kind in rows(cursor, views_query("viewing.relkind")):
        if kind != "v":
            raise PlainError(
                f"{warehouse}: the materialized view {view} reads the warehouse and would be lost with the "
                "last one; make it a plain view, or drop it and make it anew after the build"
            )


def views_query(column: str) -> str:
    """The views of other schemas that read those of Pitwall: the name, and a column of their pg_class."""
    names = ", ".join(map(literal, SCHEMAS))
    return (
        f"select distinct format('%I.%I', readers.nspname, viewing.relname), {column}::text as told "
        "from pg_depend "
        "join pg_rewrite on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid "
        "join pg_class as viewing on ev_class = viewing.oid "
        "join pg_namespace as readers on viewing.relnamespace = readers.oid "
        "join pg_class as read on refclassid = 'pg_class'::regclass and refobjid = read.oid "
        "join pg_namespace as owners on read.relnamespace = owners.oid "
        f"where owners.nspname in ({names}) and readers.nspname not in ({names}) "
        f"and readers.nspname not similar to '%({NEW}|{OLD})' order by 1"
    )


def carry_history(cursor: Any) -> bool:
    """Copy the snapshots of the last warehouse beside it, where dbt adds to them.

    Returns whether revisions stay behind, because the new results are of another championship: every one of
    them would look revised.
    """
    tables = [name for (name,) in rows(cursor, tables_query("snapshots"))]
    if HISTORY in tables:
        [counts] = rows(
            cursor,
            "select count(*) as known, "
            "count(*) filter (where was.race_id = now.race_id and was.driver_id = now.driver_id) as same "
            f"from snapshots.{HISTORY} as was join raw{NEW}.results as now using (result_id) "
            "where was.dbt_valid_to is null",
        )
        if is_of_other_results(*counts):
            return rows(cursor, f"select count(dbt_valid_to) > 0 from snapshots.{HISTORY}") == [(True,)]
        check_history(cursor)
    cursor.execute(f"create schema snapshots{NEW}")
    for table in map(quoted, tables):
        cursor.execute(f"create table snapshots{NEW}.{table} as table snapshots.{table}")
    return False


def check_history(cursor: Any) -> None:
    """Raise PlainError if the history has a time to come."""
    [(latest, now)] = rows(
        cursor,
        "select max(greatest(dbt_valid_from, dbt_valid_to)) as latest, current_timestamp as now "
        f"from snapshots.{HISTORY}",
    )
    check_clock(latest, now, name_of_place(), "the server")


def count(cursor: Any, schema: str) -> tuple[int, int]:
    """The number of tables of a schema, and that of their rows."""
    names = [name for (name,) in rows(cursor, tables_query(schema))]
    counts = [rows(cursor, f"select count(*) from {schema}.{quoted(name)}") for name in names]
    return len(names), sum(number for [(number,)] in counts)


def swap(cursor: Any, kept: str) -> None:
    """Put the new schemas in the place of the last ones, all at once.

    Args:
        cursor: of the connection that holds the lock.
        kept: what to call the last snapshots if they stay behind; empty if they were carried over.
    """
    with transaction(cursor):
        views = rows(cursor, views_query("pg_get_viewdef(viewing.oid)"))
        rights = rows(cursor, rights_query())
        for name in schemas(cursor):
            last = kept if kept and name == "snapshots" else f"{name}{OLD}"
            cursor.execute(f"alter schema {name} rename to {last}")
        for name in SCHEMAS:
            if rows(cursor, f"select to_regnamespace('{name}{NEW}') is not null") == [(True,)]:
                cursor.execute(f"alter schema {name}{NEW} rename to {name}")
        for (grant,) in rights:
            cursor.execute(grant)
        for view, query in views:
            cursor.execute(f"create or replace view {view} as {query}")


def rights_query() -> str:
    """What grants others on the new schemas, tables and views what they may do with the last ones."""
    names = ", ".join(map(literal, SCHEMAS))
    to_whom = "case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end"
    option = "case when is_grantable then ' with grant option' else '' end"
    return (
        f"select format('grant %s on schema %I to %s%s', privilege_type, nspname, {to_whom}, {option}) "
        "from pg_namespace, aclexplode(nspacl) "
        f"where nspname in ({names}) and grantee <> nspowner "
        f"and to_regnamespace(nspname || '{NEW}') is not null "
        "union all "
        f"select format('grant %s on %I.%I to %s%s', privilege_type, nspname, relname, {to_whom}, {option}) "
        "from pg_class join pg_namespace on relnamespace = pg_namespace.oid, aclexplode(relacl) "
        f"where nspname in ({names}) and relkind in ('r', 'v') and grantee <> relowner "
        f"and to_regclass(format('%I.%I', nspname || '{NEW}', relname)) is not null"
    )


def drop_old(cursor: Any) -> None:
    """Drop what was replaced. Where somebody still reads it, the next build does."""
    from adbc_driver_manager import Error

    cursor.execute("set lock_timeout = '3s'")
    for name in SCHEMAS:
        with suppress(Error):
            cursor.execute(f"drop schema if exists {name}{OLD} cascade")


def export_table(cursor: Any, schema: str, table: str, file: Path) -> None:
    """Write a table as Parquet. Numbers with decimals become text, which has all their digits."""
    relation = f"{quoted(schema)}.{quoted(table)}"
    columns = rows(
        cursor,
        "select attname::text, atttypid = 'numeric'::regtype from pg_attribute "
        f"where attrelid = {literal(relation)}::regclass and attnum > 0 and not attisdropped order by attnum",
    )
    chosen = [
        f"{quoted(name)}::text as {quoted(name)}" if is_decimal else quoted(name)
        for name, is_decimal in columns
    ]
    cursor.execute(f"select {', '.join(chosen)} from {relation}")
    pl.DataFrame(cursor.fetch_arrow()).write_parquet(file)
