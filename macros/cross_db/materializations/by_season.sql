{#- A table whose rows each depend on the raw data of their own season alone. DuckDB fills it some seasons at a time
    and can replace single seasons; every other engine builds it in full, as the `table` of its adapter.

    The model reads other such tables `where {{ in_changed_seasons() }}`. On DuckDB that filter follows the variable
    `seasons`, which is set around each insert: DuckDB replaces a variable by its value when it plans a query, so it
    skips all other seasons as if the list stood in the text. A variable belongs to the connection, and dbt-duckdb
    opens one for each model and closes it afterwards, also after an error: the next model starts without it.

    With `meta: {key_has_index: false}` DuckDB keeps no index of the primary key. One query checks the key before the
    commit: at ten million rows the index takes most of the time, the memory and the file. -#}


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
        {% if loop.first and duckdb__key_has_index() %}
    {{ create_table_as(False, relation, compiled_code) }};
        {% else %}
            {% if loop.first %}
    {{ get_assert_columns_equivalent(compiled_code) }}
    create table {{ relation }} ({{ adapter.render_raw_columns_constraints(raw_columns=model.columns) | join(', ') }});
            {% endif %}
    insert into {{ relation }} by name (
        {{ compiled_code }}
    );
        {% endif %}
    {% endfor %}
    reset variable seasons;
    {{ duckdb__check_key(relation) }}
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
    reset variable seasons;
    {{ duckdb__check_key(relation) }}
{% endmacro %}


{% macro duckdb__key_has_index() %}
    {% do return(config.meta_get('key_has_index', true)) %}
{% endmacro %}


{#- An error that names the first repeated keys, if there are any. The last column of the key is a whole number, such as
    the lap: each group has a bit for each of 62 numbers, and fewer bits than rows if a key is repeated. A plain count
    needs a group per row and ten times as long; it runs only for the groups in which a key is repeated. A race belongs
    to one season, so an incremental run need not look at the other seasons. -#}
{% macro duckdb__check_key(relation) %}
    {% if not duckdb__key_has_index() %}
        {% set key = (model.constraints | selectattr('type', 'equalto', 'primary_key') | first).columns | list %}
        {% set groups = key[:-1] | join(', ') %}
        {% set seasons = changed_seasons() %}
    with

    new_rows as (

        select {{ key | join(', ') }} from {{ relation }}
        {% if seasons is not none %}
        where season in ({{ seasons | join(', ') }}) or season is null
        {% endif %}

    ),

    groups_with_repeated_keys as (

        select {{ groups }} from new_rows
        group by {{ groups }}, {{ key[-1] }} // 62
        having count(*) <> bit_count(bit_or(1::bigint << abs({{ key[-1] }} % 62)))

    ),

    repeated_keys as (

        select {{ key | join(', ') }} from new_rows
        semi join groups_with_repeated_keys using ({{ groups }})
        group by {{ key | join(', ') }}
        having count(*) > 1

    )

    select error(
        '{{ relation.schema }}.{{ relation.identifier }}: the primary key ({{ key | join(', ') }}) must be unique. '
        || 'Repeated keys: ' || count(*) || ', the first: '
        || string_agg({% for column in key %}'{{ column }} ' || {{ column }}{{ " || ', ' || " if not loop.last }}{% endfor %}, '; '
            order by {{ key | join(', ') }}) filter (where place <= 3)
    )
    from (select *, row_number() over (order by {{ key | join(', ') }}) as place from repeated_keys) as placed
    having count(*) > 0
    {% endif %}
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
