{#- dbt runs it before `run`, `build`, `seed` and `snapshot`, so that `dbt build` needs only the Parquet files. The commands
    that only read run it too (`docs generate` and `compile` because they compile the hook): they change nothing. -#}
{% macro create_raw_views() %}
    {% if execute %}
        {% if flags.WHICH in ['compile', 'freshness', 'generate', 'test'] %}
            {% do check_raw_tables('Run `make build` first.') %}
        {% else %}
            {% do adapter.dispatch('create_raw_views')() %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro project_sources() %}
    {% do return(graph.sources.values() | selectattr('package_name', 'equalto', 'pitwall') | list) %}
{% endmacro %}


{% macro raw_tables() %}
    {% do return(project_sources() | rejectattr('source_name', 'equalto', 'ops') | list) %}
{% endmacro %}


{#- The raw tables that a conversion writes, one Parquet file each. -#}
{% macro converted_tables() %}
    {% do return(raw_tables() | rejectattr('source_name', 'equalto', 'predictions') | list) %}
{% endmacro %}


{#- The file of an optional table may be missing, if an older version of Pitwall converted. -#}
{% macro is_optional(table) %}
    {% do return(table.config.get('meta', {}).get('is_optional', false)) %}
{% endmacro %}


{#- A query with the columns of a table and no rows. -#}
{% macro no_rows(table) %}
    {% set columns = [] %}
    {% for column in table.columns.values() %}
        {% do columns.append('cast(null as ' ~ column.data_type ~ ') as ' ~ column.name) %}
    {% endfor %}
    {% do return('select ' ~ columns | join(', ') ~ ' where false') %}
{% endmacro %}


{#- The ledger of forecasts: any number of Parquet files in a folder of the data folder, also with a lake. -#}
{% macro ledger_tables() %}
    {% do return(raw_tables() | selectattr('source_name', 'equalto', 'predictions') | list) %}
{% endmacro %}


{% macro check_raw_tables(what_to_do) %}
    {% do adapter.dispatch('check_raw_tables')(what_to_do) %}
{% endmacro %}


{% macro default__check_raw_tables(what_to_do) %}
    {% set missing = [] %}
    {% for table in raw_tables() if not adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% do missing.append(table.identifier) %}
    {% endfor %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(
            'No table in schema raw for ' ~ missing | sort | join(', ') ~ '. ' ~ what_to_do
        ) %}
    {% endif %}
{% endmacro %}


{% macro default__create_raw_views(all_races=false) %}
    {% set tables = converted_tables() %}
    {% set lake = env_var('PITWALL_LAKE', '') %}
    {% set folder = '' if lake else duckdb__glob_pattern(data_folder() ~ '/parquet') %}
    {% set absent = [] %}
    {% if not lake %}
        {% set found = run_query('select parse_filename(file, true) from glob(' ~ dbt.string_literal(dbt.escape_single_quotes(folder ~ '/*.parquet')) ~ ')') %}
        {% set missing = [] %}
        {% for table in tables if table.identifier not in found.columns[0].values() %}
            {% do (absent if is_optional(table) else missing).append(table.identifier) %}
        {% endfor %}
        {% if missing %}
            {% do exceptions.raise_compiler_error(
                'No Parquet file in ' ~ data_folder() ~ '/parquet for ' ~ missing | sort | join(', ') ~ '. Run `make build` first.'
            ) %}
        {% endif %}
    {% endif %}
    {% if changed_seasons() is none %}
        {#- The record of what the tables were built from is about to become wrong. -#}
        {% do run_query('drop schema if exists build cascade') %}
    {% endif %}
    {% for schema in tables | map(attribute='schema') | unique %}
        {% do run_query('create schema if not exists ' ~ schema) %}
    {% endfor %}
    {% if lake %}
        {% do duckdb__copy_lake(tables) %}
        {% do return(duckdb__create_ledger_views()) %}
    {% endif %}
    {% do duckdb__drop_raw('BASE TABLE') %}
    {% do duckdb__create_ledger_views() %}
    {% for table in tables %}
        {% set limited = changed_seasons() is not none and not all_races and 'race_id' in table.columns and table.name != 'races' %}
        {% do run_query(
            'create or replace view ' ~ table.schema ~ '.' ~ table.identifier
            ~ ' as ' ~ (
                no_rows(table) if table.identifier in absent
                else 'select * from read_parquet(' ~ dbt.string_literal(dbt.escape_single_quotes(folder ~ '/' ~ table.identifier ~ '.parquet')) ~ ')'
            )
            ~ (' where race_id in (' ~ changed_races() ~ ')' if limited else '')
        ) %}
    {% endfor %}
{% endmacro %}


{#- Before the first forecast there is no file to read the columns from. -#}
{% macro duckdb__create_ledger_views() %}
    {% set files = dbt.string_literal(dbt.escape_single_quotes(duckdb__glob_pattern(data_folder() ~ '/predictions') ~ '/*.parquet')) %}
    {% for table in ledger_tables() %}
        {% set is_empty = run_query('select count(*) from glob(' ~ files ~ ')').rows[0][0] == 0 %}
        {% set columns = [] %}
        {% for column in table.columns.values() %}
            {% do columns.append('cast(' ~ ('null' if is_empty else column.name) ~ ' as ' ~ column.data_type ~ ') as ' ~ column.name) %}
        {% endfor %}
        {% do run_query(
            'create or replace view ' ~ table.schema ~ '.' ~ table.identifier ~ ' as select ' ~ columns | join(', ')
            ~ (' where false' if is_empty else ' from read_parquet(' ~ files ~ ')')
        ) %}
    {% endfor %}
{% endmacro %}


{#- PostgreSQL cannot read Parquet: scripts/load_postgres.py fills the tables, and this checks that it has. -#}
{% macro postgres__create_raw_views() %}
    {% do check_raw_tables('Run `.venv/bin/python scripts/load_postgres.py` first.') %}
{% endmacro %}


{#- Spark has no glob() and no read_parquet(). A table on the file and not a view, because Spark reads the columns of a
    view's file again for each query. -#}
{% macro spark__create_raw_views() %}
    {% for schema in raw_tables() | map(attribute='schema') | unique %}
        {% do run_query('create schema if not exists ' ~ schema) %}
    {% endfor %}
    {% for table in converted_tables() %}
        {% set columns = [] %}
        {% for column in table.columns.values() if is_optional(table) %}
            {% do columns.append(column.name ~ ' ' ~ column.data_type) %}
        {% endfor %}
        {% do run_query('drop table if exists ' ~ table.schema ~ '.' ~ table.identifier) %}
        {% do run_query(
            'create table ' ~ table.schema ~ '.' ~ table.identifier
            ~ (' (' ~ columns | join(', ') ~ ')' if columns else '')
            ~ ' using parquet location ' ~ dbt.string_literal(dbt.escape_single_quotes(data_folder() ~ '/parquet/' ~ table.identifier ~ '.parquet'))
        ) %}
    {% endfor %}
    {% for table in ledger_tables() %}
        {#- With its columns, because before the first forecast there is no folder. -#}
        {% set columns = [] %}
        {% for column in table.columns.values() %}
            {% do columns.append(column.name ~ ' ' ~ column.data_type) %}
        {% endfor %}
        {% do run_query('drop table if exists ' ~ table.schema ~ '.' ~ table.identifier) %}
        {% do run_query(
            'create table ' ~ table.schema ~ '.' ~ table.identifier ~ ' (' ~ columns | join(', ')
            ~ ") using parquet options (pathGlobFilter '*.parquet') location " ~ dbt.string_literal(dbt.escape_single_quotes(data_folder() ~ '/predictions'))
        ) %}
    {% endfor %}
{% endmacro %}


{#- A relative path in a view or a catalog would mean another file as soon as someone reads it from another folder. -#}
{% macro data_folder() %}
    {% set folder = env_var('PITWALL_DATA', '') or 'data' %}
    {% do return(folder if folder.startswith('/') else adapter.dispatch('absolute_data_folder')(folder)) %}
{% endmacro %}


{#- Only the path of the warehouse says in which folder dbt was started. It is in the data folder. -#}
{% macro default__absolute_data_folder(folder) %}
    {% if env_var('PITWALL_WAREHOUSE', '') %}
        {% do exceptions.raise_compiler_error('PITWALL_DATA must be an absolute path if PITWALL_WAREHOUSE is set.') %}
    {% endif %}
    {% do return(
        run_query('select parse_dirpath(path) from duckdb_databases() where database_name = current_database()').rows[0][0]
    ) %}
{% endmacro %}


{% macro spark__absolute_data_folder(folder) %}
    {% do return(run_query("select java_method('java.lang.System', 'getProperty', 'user.dir')").rows[0][0] ~ '/' ~ folder) %}
{% endmacro %}


{#- DuckDB reads `*`, `?` and `[` in a path as wildcards; in brackets each means itself. -#}
{% macro duckdb__glob_pattern(path) %}
    {% do return(modules.re.sub('[\\[*?]', '[\\g<0>]', path)) %}
{% endmacro %}


{#- An incremental run limited the raw views to the races of the changed seasons. -#}
{% macro show_all_races() %}
    {% if execute and changed_seasons() is not none %}
        {% do default__create_raw_views(all_races=true) %}
    {% endif %}
{% endmacro %}
