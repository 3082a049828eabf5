{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

races as (

    select * from {{ ref('int_championship__races') }}
    where {{ in_changed_seasons() }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers' and {{ in_changed_seasons() }}

),

targets as (

    select 'win' as target
    union all
    select 'podium' as target
    union all
    select 'points' as target
    union all
    select 'classified' as target

),

-- A driver with two cars is one row, with the better result.
drivers_of_races as (

    select
        race_id,
        driver_id,
        min(finishing_position) as finishing_position,
        bool_or(is_classified) as is_classified
    from results
    group by race_id, driver_id
    having bool_or(grid_position is not null or is_started)

),

final as (

    select
        races.season,
        drivers_of_races.race_id,
        drivers_of_races.driver_id,
        targets.target,
        case
            when targets.target = 'win' and drivers_of_races.finishing_position = 1 then 1
            when targets.target = 'podium' and drivers_of_races.finishing_position <= 3 then 1
            when targets.target = 'points' and drivers_of_races.finishing_position <= rules.points_places then 1
            when targets.target = 'classified' and drivers_of_races.is_classified then 1
            else 0
        end as outcome
    from drivers_of_races
    inner join races
        on drivers_of_races.race_id = races.race_id
    inner join rules
        on races.season = rules.season
    cross join targets

)

select * from final
