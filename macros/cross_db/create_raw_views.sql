{#- dbt runs it before every command that runs SQL, so that `dbt build` needs only the Parquet files. -#}
{% macro create_raw_views() %}
    {% if execute %}
        {% do adapter.dispatch('create_raw_views')() %}
    {% endif %}
{% endmacro %}


{% macro default__create_raw_views(all_races=false) %}
    {% if changed_seasons() is none %}
        {#- The record of what the tables were built from is about to become wrong. -#}
        {% do run_query('drop schema if exists build cascade') %}
    {% endif %}
    {% set tables = graph.sources.values() | selectattr('package_name', 'equalto', 'pitwall') | list %}
    {% for schema in tables | map(attribute='schema') | unique %}
        {% do run_query('create schema if not exists ' ~ schema) %}
    {% endfor %}
    {% if env_var('PITWALL_LAKE', '') %}
        {% do return(duckdb__copy_lake(tables)) %}
    {% endif %}
    {% set folder = env_var('PITWALL_DATA', 'data') ~ '/parquet' %}
    {% set found = run_query("select parse_filename(file, true) from glob('" ~ folder | replace("'", "''") ~ "/*.parquet')") %}
    {% set missing = tables | map(attribute='identifier') | reject('in', found.columns[0].values()) | sort %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(
            'No Parquet file in ' ~ folder ~ ' for ' ~ missing | join(', ') ~ '. Run `make build` first.'
        ) %}
    {% endif %}
    {% do duckdb__drop_raw('BASE TABLE') %}
    {% for table in tables %}
        {% set limited = changed_seasons() is not none and not all_races and 'race_id' in table.columns and table.name != 'races' %}
        {% do run_query(
            'create or replace view ' ~ table.schema ~ '.' ~ table.identifier
            ~ " as select * from read_parquet('" ~ folder | replace("'", "''") ~ '/' ~ table.identifier ~ ".parquet')"
            ~ (' where race_id in (' ~ changed_races() ~ ')' if limited else '')
        ) %}
    {% endfor %}
{% endmacro %}


{#- PostgreSQL cannot read Parquet: scripts/load_postgres.py fills the tables, and this checks that it has. -#}
{% macro postgres__create_raw_views() %}
    {% set tables = graph.sources.values() | selectattr('package_name', 'equalto', 'pitwall') | list %}
    {% set missing = [] %}
    {% for table in tables %}
        {% set found = run_query("select to_regclass('" ~ table.schema ~ '.' ~ table.identifier ~ "') is not null") %}
        {% do missing.append(table.identifier) if not found.rows[0][0] %}
    {% endfor %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(
            'No table in schema raw for ' ~ missing | sort | join(', ') ~ '. Run `.venv/bin/python scripts/load_postgres.py` first.'
        ) %}
    {% endif %}
{% endmacro %}


{#- Spark has no glob() and no read_parquet(). A table on the file and not a view, because Spark reads the columns of a
    view's file again for each query. The path is absolute, because the catalog outlives the working folder. -#}
{% macro spark__create_raw_views() %}
    {% set folder = env_var('PITWALL_DATA', 'data') ~ '/parquet' %}
    {% for schema in graph.sources.values() | map(attribute='schema') | unique %}
        {% do run_query('create schema if not exists ' ~ schema) %}
    {% endfor %}
    {% for table in graph.sources.values() | selectattr('package_name', 'equalto', 'pitwall') %}
        {% do run_query('drop table if exists ' ~ table.schema ~ '.' ~ table.identifier) %}
        {% do run_query(
            'create table ' ~ table.schema ~ '.' ~ table.identifier
            ~ " using parquet location '" ~ folder | replace("'", "\\'") ~ '/' ~ table.identifier ~ ".parquet'"
        ) %}
    {% endfor %}
{% endmacro %}


{#- An incremental run limited the raw views to the races of the changed seasons. -#}
{% macro show_all_races() %}
    {% if execute and changed_seasons() is not none %}
        {% do default__create_raw_views(all_races=true) %}
    {% endif %}
{% endmacro %}
