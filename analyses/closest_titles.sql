-- Which titles were the closest?
-- Lauda beat Prost by half a point in 1984. Twelve more drivers' titles were won by a point or two, the latest in 2008.
with

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

final_tables as (

    select
        drivers_championship.*,
        drivers.family_name
    from drivers_championship
    inner join drivers
        on drivers_championship.driver_id = drivers.driver_id
    where drivers_championship.is_latest_of_season

),

titles as (

    select
        champions.season,
        champions.family_name as champion,
        champions.points_counted as champion_points,
        runners_up.family_name as runner_up,
        runners_up.points_counted as runner_up_points,
        runners_up.gap_to_leader as margin,
        champions.title_decided_in_round,
        champions.round as rounds
    from final_tables as champions
    inner join final_tables as runners_up
        on champions.season = runners_up.season
        and runners_up.championship_position = 2
    where champions.is_champion

)

select
    *,
    -- Points were worth less before 2010: a share of the champion's compares better.
    cast(100 * margin / champion_points as decimal(5, 2)) as margin_percent
from titles
order by margin asc, season asc
limit 15
