with

places as (

    select * from {{ ref('int_championship__places') }}

),

races as (

    select * from {{ ref('int_championship__races') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers'

),

points_systems as (

    select * from {{ ref('points_systems') }}

),

points_by_position as (

    select * from {{ ref('points_by_position') }}

),

scoring as (

    select
        places.*,
        races.is_fastest_lap_scored,
        case when places.session_type = 'race' then races.points_factor else 1 end as points_factor,
        -- Drivers who share a place share its points, or lose them.
        case
            when places.drivers_of_place = 1 then 1
            when rules.shared_drives = 'split' then places.drivers_of_place
        end as sharing_drivers
    from places
    inner join races
        on places.race_id = races.race_id
    inner join rules
        on places.season = rules.season

),

points_of_places as (

    select
        points_by_position.points_system,
        scoring.session_type,
        scoring.result_id,
        scoring.race_id,
        scoring.season,
        scoring.round,
        scoring.driver_id,
        cast(
            round(points_by_position.points * scoring.points_factor / scoring.sharing_drivers, 2) as decimal(8, 2)
        ) as points
    from scoring
    inner join points_by_position
        on scoring.session_type = points_by_position.session_type
        and scoring.scoring_position = points_by_position.position
    where scoring.sharing_drivers is not null

),

points_of_fastest_laps as (

    select
        points_systems.points_system,
        scoring.session_type,
        scoring.result_id,
        scoring.race_id,
        scoring.season,
        scoring.round,
        scoring.driver_id,
        cast(points_systems.fastest_lap_points * scoring.fastest_lap_share as decimal(8, 2)) as points
    from scoring
    inner join points_systems
        on points_systems.fastest_lap_within_position is null
        or scoring.scoring_position <= points_systems.fastest_lap_within_position
    where
        scoring.fastest_lap_share > 0
        and scoring.is_fastest_lap_scored
        and points_systems.fastest_lap_points > 0

),

all_points as (

    select * from points_of_places

    union all

    select * from points_of_fastest_laps

),

final as (

    select
        points_system,
        session_type,
        result_id,
        race_id,
        season,
        round,
        driver_id,
        cast(sum(points) as decimal(8, 2)) as points
    from all_points
    group by points_system, session_type, result_id, race_id, season, round, driver_id

)

select * from final
