{#- A table whose rows each depend on the raw data of their own season alone. DuckDB fills it some seasons at a time
    and can replace single seasons; every other engine builds it in full, as the `table` of its adapter.

    The model reads other such tables `where {{ in_changed_seasons() }}`. On DuckDB that filter follows the variable
    `seasons`, which is set around each insert: DuckDB replaces a variable by its value when it plans a query, so it
    skips all other seasons as if the list stood in the text. A variable belongs to the connection, and dbt-duckdb
    opens one for each model and closes it afterwards, also after an error: the next model starts without it. -#}


{% materialization by_season, default %}
    {% do return(context.get('materialization_table_' ~ adapter.type(), materialization_table_default)()) %}
{% endmaterialization %}


{#- dbt's `table` in one statement, and so in one transaction: if any part fails, the last table stays as it was. -#}
{% materialization by_season, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set is_incremental_run = changed_seasons() is not none -%}
    {% if is_incremental_run and not (existing_relation and existing_relation.is_table) %}
        {% do exceptions.raise_compiler_error(
            this ~ ' does not exist, so that none of its seasons can be replaced. Build in full: `make build FULL=1`.'
        ) %}
    {% endif %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') %}
        {{ duckdb__replace_seasons(target_relation) if is_incremental_run
            else duckdb__create_by_season(target_relation, existing_relation) }}
    {% endcall %}

    {% do create_indexes(target_relation) if not is_incremental_run %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% set should_revoke = should_revoke(existing_relation, full_refresh_mode=not is_incremental_run) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}

    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}


{% macro duckdb__create_by_season(relation, existing_relation) %}
    {{ get_drop_sql(existing_relation) ~ ';' if existing_relation }}
    {% for seasons in season_blocks() %}
        {% if seasons %}
    set variable seasons = {{ seasons }};
        {% endif %}
        {% if loop.first %}
    {{ create_table_as(False, relation, compiled_code) }};
        {% else %}
    insert into {{ relation }} by name (
        {{ compiled_code }}
    );
        {% endif %}
    {% endfor %}
    reset variable seasons
{% endmacro %}


{#- A row without a season can come from any raw row, so all of them are replaced as well. -#}
{% macro duckdb__replace_seasons(relation) %}
    {{ get_assert_columns_equivalent(compiled_code) if config.get('contract').enforced }}
    {% for seasons in season_blocks() %}
    set variable seasons = {{ seasons }};
    delete from {{ relation }} where {{ in_changed_seasons() }} or season is null;
    insert into {{ relation }} by name
    select *
    from (
        {{ compiled_code }}
    ) as new_rows
    where {{ in_changed_seasons() }} or season is null;
    {% endfor %}
    reset variable seasons
{% endmacro %}


{#- The seasons to build, as lists of at most `meta: {seasons_in_block: …}`. One block of all of them without that;
    it is none in a full build, since a model may have rows of no season. -#}
{% macro season_blocks() %}
    {% set seasons = changed_seasons() %}
    {% set size = config.meta_get('seasons_in_block') %}
    {% if size is none %}
        {% do return([seasons]) %}
    {% endif %}
    {% if seasons is none %}
        {% set years = run_query('select min(year), max(year) from ' ~ source('ergast', 'races')).rows[0] %}
        {% set seasons = range(years[0] or 0, (years[1] or 0) + 1) | list %}
    {% endif %}
    {% do return(seasons | batch(size) | list) %}
{% endmacro %}
