{#- dbt-spark's snapshot merges into its table, which Spark can do only in formats whose jars it does not include. This
    one writes a new history from the last one. dbt's own query finds the changes, and the table has the same rows as
    on other engines: one per version.
    - The last history is the table itself, or in a new warehouse the files that PITWALL_HISTORY names.
    - It stays as `<name>__last` until the new one is written, so that the next run can continue after a failed one. -#}
{% materialization snapshot, adapter='spark' %}
    {%- set target = api.Relation.create(schema=model.schema, identifier=model.alias, type='table') -%}
    {%- set last = target.incorporate(path={'identifier': model.alias ~ '__last'}) -%}
    {%- set is_last = load_cached_relation(last) is not none -%}

    {{ run_hooks(pre_hooks) }}

    {% if load_cached_relation(target) %}
        {% do adapter.drop_relation(last) if is_last %}
        {% do run_query('create table ' ~ last ~ ' as select * from ' ~ target) %}
        {% do adapter.drop_relation(target) %}
        {% set is_last = true %}
    {% elif env_var('PITWALL_HISTORY', '') and not is_last %}
        {% do run_query(
            'create table ' ~ last ~ " using parquet location '" ~ env_var('PITWALL_HISTORY') | replace("'", "\\'") ~ "'"
        ) %}
        {% set is_last = true %}
    {% endif %}
    {% do adapter.cache_added(last) if is_last %}
    {% do keep_history(last) if is_last %}

    {#- dbt finds the columns of the last history by its name. -#}
    {% set strategy = strategy_dispatch(config.get('strategy'))(
        dict(model, alias=last.identifier), 'snapshotted_data', 'source_data', config, is_last
    ) %}
    {% call statement('main') %}
        {{ create_table_as(
            False, target, spark__new_history(strategy, last) if is_last else build_snapshot_table(strategy, compiled_code)
        ) }}
    {% endcall %}
    {% do adapter.drop_relation(last) if is_last %}

    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{#- All versions of the last history, with an end if they changed or disappeared, and the new versions. -#}
{% macro spark__new_history(strategy, last) %}
    {%- set was = adapter.get_columns_in_relation(last) | map(attribute='name') | list -%}
    {%- set now = get_columns_in_query(compiled_code) -%}
    {%- set added = now | reject('in', was) | list -%}
    {%- set own = ['dbt_scd_id', 'dbt_updated_at', 'dbt_valid_from', 'dbt_valid_to'] -%}
    with

    last_history as (

        select * from {{ last }}

    ),

    changes as (

        {{ snapshot_staging_table(strategy, compiled_code, last) }}

    )

    select
        {% for column in was + added %}
        {% if column == 'dbt_valid_to' %}
        coalesce(last_history.dbt_valid_to, changes.dbt_valid_to) as dbt_valid_to
        {%- elif column in was %}
        last_history.{{ adapter.quote(column) }}
        {%- else %}
        null as {{ adapter.quote(column) }}
        {%- endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from last_history
    left join changes
        on last_history.dbt_scd_id = changes.dbt_scd_id
        and changes.dbt_change_type in ('update', 'delete')

    union all

    select
        {% for column in was + added %}
        {{ adapter.quote(column) if column in now + own else 'null' }}{{ ',' if not loop.last }}
        {% endfor %}
    from changes
    where dbt_change_type = 'insert'
{% endmacro %}
