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

-- A driver with two cars is one row, with the better of each.
entries as (

    select
        race_id,
        driver_id,
        min(grid_position) as grid_position,
        min(finishing_position) as finishing_position,
        bool_or(is_classified) as is_classified,
        bool_or(grid_position is not null or is_started) as is_counted
    from results
    group by race_id, driver_id

),

final as (

    select
        races.season,
        entries.race_id,
        entries.driver_id,
        entries.grid_position,
        entries.is_counted,
        case when entries.finishing_position = 1 then 1 else 0 end as wins,
        case when entries.finishing_position <= 3 then 1 else 0 end as podiums,
        case when entries.finishing_position <= rules.points_places then 1 else 0 end as scores,
        case when entries.is_classified then 1 else 0 end as classified,
        rules.points_of_win
    from entries
    inner join races
        on entries.race_id = races.race_id
    inner join rules
        on races.season = rules.season

)

select * from final
