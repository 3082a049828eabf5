with

team_mates as (

    select * from {{ ref('int_results__team_mates') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

careers as (

    select
        driver_id,
        team_mate_driver_id,
        min(season) as first_season,
        max(season) as last_season,
        cast(count(distinct constructor_id) as integer) as constructors,
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
        driver_id,
        team_mate_driver_id

),

final as (

    select
        careers.driver_id,
        drivers.driver_name,
        careers.team_mate_driver_id,
        team_mate_drivers.driver_name as team_mate_driver_name,
        careers.first_season,
        careers.last_season,
        careers.constructors,
        careers.races_together,
        careers.races_ahead,
        careers.races_behind,
        careers.qualifyings_ahead,
        careers.qualifyings_behind,
        careers.qualifying_gaps,
        careers.median_qualifying_gap_percent,
        careers.points,
        careers.team_mate_points
    from careers
    left join drivers
        on careers.driver_id = drivers.driver_id
    left join drivers as team_mate_drivers
        on careers.team_mate_driver_id = team_mate_drivers.driver_id

)

select * from final
