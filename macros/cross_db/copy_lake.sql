{#- Tables and not views: each object is then fetched once per run, however many models read it, and the warehouse
    answers without the lake. The manifest is read once, and the objects that it names never change: a load that
    arrives during the run is left for the next run. -#}
{% macro duckdb__copy_lake(tables) %}
    {% set lake = env_var('PITWALL_LAKE').rstrip('/') %}
    {# The same as in scripts/pitwall/raw/lake.py: no quote and no wildcard reaches SQL. #}
    {% if not modules.re.fullmatch('s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*', lake) %}
        {% do exceptions.raise_compiler_error('PITWALL_LAKE is no plain address like s3://bucket/prefix.') %}
    {% endif %}
    {% do duckdb__drop_raw('VIEW') %}
    {% do run_query(
        "create or replace table raw.load_manifest as select * from read_parquet('" ~ lake ~ "/load_manifest.parquet')"
    ) %}
    {% set named = run_query('select table_name, parquet_sha256 from raw.load_manifest').columns %}
    {% set objects = dict(zip(named[0].values(), named[1].values())) %}
    {% for table in tables | rejectattr('identifier', 'equalto', 'load_manifest') %}
        {% set sha = objects.get(table.identifier, '') %}
        {% set is_absent = not sha and is_optional(table) %}
        {% if not is_absent and not modules.re.fullmatch('[0-9a-f]{64}', sha) %}
            {% do exceptions.raise_compiler_error(
                lake ~ ' has no ' ~ table.identifier ~ '. Put it there with `make build RAW=path`.'
            ) %}
        {% endif %}
        {% do run_query(
            'create or replace table ' ~ table.schema ~ '.' ~ table.identifier
            ~ ' as ' ~ (
                no_rows(table) if is_absent
                else "select * from read_parquet('" ~ lake ~ '/' ~ table.identifier ~ '/' ~ sha ~ ".parquet')"
            )
        ) %}
    {% endfor %}
{% endmacro %}


{#- DuckDB replaces a view only by a view, so what a run with the other kind of source left must go first. -#}
{% macro duckdb__drop_raw(kind) %}
    {% set query = "select table_name from information_schema.tables where table_schema = 'raw' and table_type = '" ~ kind ~ "'
        and table_catalog = current_database()" %}
    {% for name in run_query(query).columns[0].values() %}
        {% do run_query('drop ' ~ kind | replace('BASE ', '') ~ ' raw."' ~ name ~ '"') %}
    {% endfor %}
{% endmacro %}
