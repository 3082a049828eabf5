{%- set columns = [
    'driver_id', 'constructor_id', 'car_number', 'source_grid', 'position_text', 'position_order', 'points',
    'laps_completed', 'time_ms', 'status'
] -%}

with

history as (

    select * from {{ ref('race_results_history') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

statuses as (

    select * from {{ ref('dim_statuses') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

versions as (

    select
        history.*,
        statuses.status,
        row_number() over (partition by history.result_id order by history.dbt_valid_from) as version_number,
        lead(history.dbt_valid_from) over (
            partition by history.result_id order by history.dbt_valid_from
        ) as next_valid_from
    from history
    left join statuses
        on history.status_id = statuses.status_id

),

revisions as (

    {% for column in columns %}
    select
        after_revision.result_id,
        after_revision.dbt_valid_from as revised_at,
        '{{ column }}' as revised_column,
        cast(before_revision.{{ column }} as {{ dbt.type_string() }}) as value_before,
        cast(after_revision.{{ column }} as {{ dbt.type_string() }}) as value_after
    from versions as before_revision
    inner join versions as after_revision
        on before_revision.result_id = after_revision.result_id
        and before_revision.version_number + 1 = after_revision.version_number
    where {{ is_distinct('before_revision.' ~ column, 'after_revision.' ~ column) }}

    union all

    {% endfor -%}
    select
        result_id,
        dbt_valid_to as revised_at,
        'result' as revised_column,
        'present' as value_before,
        'removed' as value_after
    from versions
    where dbt_valid_to < coalesce(next_valid_from, timestamp '9999-12-31 00:00:00')

),

-- The race and the people of the latest version.
latest as (

    select
        result_id,
        race_id,
        driver_id,
        constructor_id
    from versions
    where next_valid_from is null

),

final as (

    select
        revisions.result_id,
        cast(revisions.revised_at as timestamp) as revised_at,
        revisions.revised_column,
        latest.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        latest.driver_id,
        drivers.driver_name,
        latest.constructor_id,
        constructors.constructor_name,
        revisions.value_before,
        revisions.value_after
    from revisions
    inner join latest
        on revisions.result_id = latest.result_id
    -- A race that left the source took its results with it: they are in the snapshot only.
    inner join races
        on latest.race_id = races.race_id
    left join drivers
        on latest.driver_id = drivers.driver_id
    left join constructors
        on latest.constructor_id = constructors.constructor_id

)

select * from final
