"""The warehouse in a PostgreSQL database, that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import PlainError, TemporaryError
from pitwall.needs import NotAvailable, connection_settings, database_name
from pitwall.warehouse.base import (
    Warehouse,
    check_clock,
    is_of_other_results,
    report_kept_history,
)
from pitwall.warehouse.build_log import TABLE, Build, create_statements, select_statement
from pitwall.warehouse.contents import HISTORY, Contents, read_contents
from pitwall.warehouse.postgres_connection import (
    connect,
    plain_errors,
    query_rows,
    transaction,
)
from pitwall.warehouse.postgres_raw import load_raw
from pitwall.warehouse.sql import identifier, literal

SCHEMAS = ("raw", "seeds", "staging", "snapshots", "intermediate", "marts", "quality", "ops")
SCHEMA_LIST = ", ".join(map(literal, SCHEMAS))
NEW, OLD = "__new", "__old"
# The key of an advisory lock, which PostgreSQL wants as a number.
LOCK = int.from_bytes(b"pitwall", "big")


class PostgresWarehouse(Warehouse):
    """Builds into schemas with a suffix, then renames them to replace the last ones in one transaction.

    Renaming waits for no reader, and a view keeps the tables that it reads. The schemas belong to Pitwall as
    a whole. The rights of other users on them, and the views of others that read them, are carried over.
    """

    target = "postgres"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.connection: Any = None
        self.had_one = False

    def __str__(self) -> str:
        return database_name()

    def exists(self) -> bool:
        return self.had_one

    def begin(self) -> dict[str, str]:
        # It stays open until the end, because the lock belongs to the connection.
        self.connection = connect()
        with plain_errors(), self.connection.cursor() as cursor:
            if query_rows(cursor, f"select pg_try_advisory_lock({LOCK})") != [(True,)]:
                raise TemporaryError(
                    f"{self}: another build is running in this database; start again when it has ended"
                )
            self.had_one = "marts" in our_schemas(cursor)
            check_replaceable(cursor, self)
            if "ops" in our_schemas(cursor):
                self.builds = tuple(map(Build._make, query_rows(cursor, select_statement())))
            for name in SCHEMAS:
                for suffix in (NEW, OLD):
                    cursor.execute(f"drop schema if exists {name}{suffix} cascade")
            with transaction(cursor):
                load_raw(cursor, self.data, f"raw{NEW}")
                self.leaves_history = carry_history(cursor)
        return {**connection_settings(), "PITWALL_SCHEMA_SUFFIX": NEW}

    def failed_build(self) -> str:
        return f"the schemas *{NEW}"

    def contents(self, *, new: bool) -> Contents:
        suffix = NEW if new else ""
        with plain_errors(), self.connection.cursor() as cursor:

            def tables(schema: str) -> list[str]:
                return [name for (name,) in query_rows(cursor, tables_query(schema))]

            def query(sql: str) -> list[Any]:
                return query_rows(cursor, sql)

            return read_contents(tables, query, f"marts{suffix}", f"snapshots{suffix}")

    def commit(self) -> None:
        with plain_errors(), self.connection.cursor() as cursor:
            kept = f"snapshots_{datetime.now(UTC):%Y%m%d_%H%M%S}" if self.leaves_history else ""
            for statement in create_statements(f"ops{NEW}", self.builds):
                cursor.execute(statement)
            swap_schemas(cursor, kept)
            if kept:
                report_kept_history(f"schema {kept}")
            drop_old(cursor)
        self.connection.close()

    def reading(self) -> dict[str, str]:
        with connect() as connection, plain_errors(), connection.cursor() as cursor:
            if "marts" not in our_schemas(cursor):
                raise NotAvailable(f"{self}: is not built yet; `make build ENGINE=postgres` builds it")
        return connection_settings()

    def export(self, folder: Path) -> None:
        self.reading()
        with connect() as connection, plain_errors(), connection.cursor() as cursor:
            for schema in self.EXPORTED:
                for (table,) in query_rows(cursor, tables_query(schema)):
                    (folder / schema / table).mkdir(parents=True)
                    export_table(cursor, schema, table, folder / schema / table / "all.parquet")


def our_schemas(cursor: Any) -> list[str]:
    """Those of Pitwall's schemas that exist."""
    query = f"select nspname::text from pg_namespace where nspname in ({SCHEMA_LIST})"
    return [name for (name,) in query_rows(cursor, query)]


def tables_query(schema: str) -> str:
    """A query for the names of the tables of a schema."""
    return (
        "select relname::text from pg_class where relkind = 'r' "
        f"and relnamespace = to_regnamespace({literal(schema)}) order by relname"
    )


def check_replaceable(cursor: Any, warehouse: Warehouse) -> None:
    """Raise PlainError unless the schemas that a build replaces are Pitwall's, and may be replaced."""
    owned_by_others = query_rows(
        cursor,
        "select nspname::text, pg_get_userbyid(nspowner)::text from pg_namespace "
        f"where nspname in ({SCHEMA_LIST}) and not pg_has_role(nspowner, 'usage') order by 1",
    )
    for schema, owner in owned_by_others:
        raise PlainError(
            f"{warehouse}: schema {schema} belongs to {owner}; build as that user, or in another database"
        )
    found = our_schemas(cursor)
    if found and query_rows(cursor, "select to_regclass('raw.load_manifest') is null") == [(True,)]:
        raise PlainError(
            f"{warehouse}: has a schema {found[0]} that is not Pitwall's, as there is no raw.load_manifest; "
            "a build would replace it. Name another database with PGDATABASE, or rename the schema"
        )
    if "ops" in found and query_rows(cursor, f"select to_regclass('ops.{TABLE}') is null") == [(True,)]:
        raise PlainError(
            f"{warehouse}: has a schema ops that is not Pitwall's, as there is no ops.{TABLE}; a build would "
            "replace it. Name another database with PGDATABASE, or rename the schema"
        )
    for view, kind in query_rows(cursor, views_query("viewing.relkind")):
        if kind != "v":
            raise PlainError(
                f"{warehouse}: the materialized view {view} reads the warehouse, and would be lost with the "
                "last one; make it a plain view, or drop it and create it again after the build"
            )


def views_query(column: str) -> str:
    """A query for the views of other schemas that read Pitwall's: the name, and a column of pg_class."""
    return (
        f"select distinct format('%I.%I', readers.nspname, viewing.relname), {column}::text as value "
        "from pg_depend "
        "join pg_rewrite on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid "
        "join pg_class as viewing on ev_class = viewing.oid "
        "join pg_namespace as readers on viewing.relnamespace = readers.oid "
        "join pg_class as read on refclassid = 'pg_class'::regclass and refobjid = read.oid "
        "join pg_namespace as owners on read.relnamespace = owners.oid "
        f"where owners.nspname in ({SCHEMA_LIST}) and readers.nspname not in ({SCHEMA_LIST}) "
        f"and readers.nspname not similar to '%({NEW}|{OLD})' order by 1"
    )


def carry_history(cursor: Any) -> bool:
    """Copy the snapshots of the last warehouse into a new schema, where dbt adds to them.

    They are not copied if the new results are of another championship, because every result would look
    revised.

    Returns:
        Whether there is a history that was not copied.
    """
    tables = [name for (name,) in query_rows(cursor, tables_query("snapshots"))]
    if HISTORY in tables:
        [counts] = query_rows(
            cursor,
            "select count(*) as current, count(now.result_id) as known, "
            "count(*) filter (where was.race_id = now.race_id and was.driver_id = now.driver_id) as same "
            f"from snapshots.{HISTORY} as was left join raw{NEW}.results as now using (result_id) "
            "where was.dbt_valid_to is null",
        )
        if is_of_other_results(*counts):
            return True
        check_history(cursor)
    cursor.execute(f"create schema snapshots{NEW}")
    for table in map(identifier, tables):
        cursor.execute(f"create table snapshots{NEW}.{table} as table snapshots.{table}")
    return False


def check_history(cursor: Any) -> None:
    """Raise PlainError if the history has a time in the future."""
    [(latest, now)] = query_rows(
        cursor,
        "select max(greatest(dbt_valid_from, dbt_valid_to)) as latest, current_timestamp as now "
        f"from snapshots.{HISTORY}",
    )
    check_clock(latest, now, database_name(), "the server")


def swap_schemas(cursor: Any, kept: str) -> None:
    """Replace the last schemas with the new ones, in one transaction.

    Args:
        cursor: of the connection that holds the lock.
        kept: the new name of the last snapshots if they were not copied; "" if they were.
    """
    with transaction(cursor):
        views = query_rows(cursor, views_query("pg_get_viewdef(viewing.oid)"))
        rights = query_rows(cursor, rights_query())
        for name in our_schemas(cursor):
            last = kept if kept and name == "snapshots" else f"{name}{OLD}"
            cursor.execute(f"alter schema {name} rename to {last}")
        for name in SCHEMAS:
            if query_rows(cursor, f"select to_regnamespace('{name}{NEW}') is not null") == [(True,)]:
                cursor.execute(f"alter schema {name}{NEW} rename to {name}")
        for (grant,) in rights:
            cursor.execute(grant)
        for view, query in views:
            cursor.execute(f"create or replace view {view} as {query}")


def rights_query() -> str:
    """A query for the statements that grant other users the same rights on the new schemas and tables."""
    to_whom = "case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end"
    option = "case when is_grantable then ' with grant option' else '' end"
    return (
        f"select format('grant %s on schema %I to %s%s', privilege_type, nspname, {to_whom}, {option}) "
        "from pg_namespace, aclexplode(nspacl) "
        f"where nspname in ({SCHEMA_LIST}) and grantee <> nspowner "
        f"and to_regnamespace(nspname || '{NEW}') is not null "
        "union all "
        f"select format('grant %s on %I.%I to %s%s', privilege_type, nspname, relname, {to_whom}, {option}) "
        "from pg_class join pg_namespace on relnamespace = pg_namespace.oid, aclexplode(relacl) "
        f"where nspname in ({SCHEMA_LIST}) and relkind in ('r', 'v') and grantee <> relowner "
        f"and to_regclass(format('%I.%I', nspname || '{NEW}', relname)) is not null"
    )


def drop_old(cursor: Any) -> None:
    """Drop the replaced schemas. One that somebody still reads is dropped by the next build."""
    from adbc_driver_manager import Error

    cursor.execute("set lock_timeout = '3s'")
    for name in SCHEMAS:
        with suppress(Error):
            cursor.execute(f"drop schema if exists {name}{OLD} cascade")


def export_table(cursor: Any, schema: str, table: str, path: Path) -> None:
    """Write a table as Parquet. A decimal becomes text, which has all of its digits."""
    relation = f"{identifier(schema)}.{identifier(table)}"
    columns = query_rows(
        cursor,
        "select attname::text, atttypid = 'numeric'::regtype from pg_attribute "
        f"where attrelid = {literal(relation)}::regclass and attnum > 0 and not attisdropped order by attnum",
    )
    chosen = [
        f"{identifier(name)}::text as {identifier(name)}" if is_decimal else identifier(name)
        for name, is_decimal in columns
    ]
    cursor.execute(f"select {', '.join(chosen)} from {relation}")
    pl.DataFrame(cursor.fetch_arrow()).write_parquet(path)
