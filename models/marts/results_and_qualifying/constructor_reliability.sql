{{ config(materialized='by_season') }}

with

cars as (

    select * from {{ ref('int_results__cars') }}
    where {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

starts as (

    select
        races.season,
        cars.constructor_id,
        cast(count(*) as integer) as race_starts
    from cars
    inner join races
        on cars.race_id = races.race_id
    group by
        races.season,
        cars.constructor_id

),

failures as (

    select
        races.season,
        cars.constructor_id,
        cars.reason_out_group as cause,
        cast(count(*) as integer) as failures
    from cars
    inner join races
        on cars.race_id = races.race_id
    where not cars.is_finished
    group by
        races.season,
        cars.constructor_id,
        cars.reason_out_group

),

causes_of_season as (

    select distinct
        season,
        cause
    from failures

),

final as (

    select
        starts.season,
        starts.constructor_id,
        constructors.constructor_name,
        causes_of_season.cause,
        coalesce(failures.failures, 0) as failures,
        starts.race_starts,
        {{ ratio('coalesce(failures.failures, 0)', 'starts.race_starts', 'decimal(8, 4)') }} as failures_per_start
    from starts
    inner join causes_of_season
        on starts.season = causes_of_season.season
    left join failures
        on starts.season = failures.season
        and starts.constructor_id = failures.constructor_id
        and causes_of_season.cause = failures.cause
    left join constructors
        on starts.constructor_id = constructors.constructor_id

)

select * from final
