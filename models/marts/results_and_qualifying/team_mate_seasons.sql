{{ config(materialized='by_season') }}

with

team_mates as (

    select * from {{ ref('int_results__team_mates') }}
    where {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

seasons as (

    select
        season,
        constructor_id,
        driver_id,
        team_mate_driver_id,
        cast(count(*) filter (where is_race_together) as integer) as races_together,
        cast(count(*) filter (where is_ahead_in_race) as integer) as races_ahead,
        cast(count(*) filter (where is_behind_in_race) as integer) as races_behind,
        cast(count(*) filter (where is_ahead_in_qualifying) as integer) as qualifyings_ahead,
        cast(count(*) filter (where is_behind_in_qualifying) as integer) as qualifyings_behind,
        cast(count(*) filter (where is_qualifying_gap_usual) as integer) as qualifying_gaps,
        cast(
            cast(
                percentile_cont(0.5) within group (
                    order by case when is_qualifying_gap_usual then qualifying_gap_percent end
                ) as decimal(20, 9)
            ) as decimal(8, 3)
        ) as median_qualifying_gap_percent,
        cast(sum(points) as decimal(8, 2)) as points,
        cast(sum(team_mate_points) as decimal(8, 2)) as team_mate_points
    from team_mates
    group by
        season,
        constructor_id,
        driver_id,
        team_mate_driver_id

),

final as (

    select
        seasons.season,
        seasons.constructor_id,
        constructors.constructor_name,
        seasons.driver_id,
        drivers.driver_name,
        seasons.team_mate_driver_id,
        team_mate_drivers.driver_name as team_mate_driver_name,
        seasons.races_together,
        seasons.races_ahead,
        seasons.races_behind,
        seasons.qualifyings_ahead,
        seasons.qualifyings_behind,
        seasons.qualifying_gaps,
        seasons.median_qualifying_gap_percent,
        seasons.points,
        seasons.team_mate_points
    from seasons
    left join constructors
        on seasons.constructor_id = constructors.constructor_id
    left join drivers
        on seasons.driver_id = drivers.driver_id
    left join drivers as team_mate_drivers
        on seasons.team_mate_driver_id = team_mate_drivers.driver_id

)

select * from final
