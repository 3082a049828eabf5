{#- Puts the Parquet files into schema `raw`, a view per source table. Runs before every dbt command that runs
    SQL, so that `dbt build` needs nothing but the files. PostgreSQL cannot read Parquet: there scripts/load_postgres.py
    has filled tables, and all that is left is to say so where it has not. -#}
{% macro create_raw_views() %}
    {% if execute %}
        {% do adapter.dispatch('create_raw_views')() %}
    {% endif %}
{% endmacro %}


{% macro default__create_raw_views(all_races=false) %}
    {% if changed_seasons() is none %}
        {#- What scripts/build.py built from: no longer true of the tables. -#}
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


{#- Spark has no glob() and no read_parquet(). A table that names the file and not a view, since a view has Spark read
    the columns from the file anew for each query; and the whole path, since the catalog outlives the folder it was made in. -#}
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


{#- After an incremental run, which looked at the races of the changed seasons alone. -#}
{% macro show_all_races() %}
    {% if execute and changed_seasons() is not none %}
        {% do default__create_raw_views(all_races=true) %}
    {% endif %}
{% endmacro %}
