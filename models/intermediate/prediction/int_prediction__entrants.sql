with

races as (

    select * from {{ ref('int_championship__races') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers'

),

entries as (

    select * from {{ ref('int_prediction__entries') }}

),

-- A race held has its number in the order of all races held. A race to come has the number of the next one.
numbered as (

    select
        races.race_id,
        races.is_held,
        rules.points_places,
        cast(
            1 + coalesce(
                sum(case when races.is_held then 1 else 0 end) over (
                    order by races.season, races.round
                    rows between unbounded preceding and 1 preceding
                ), 0
            ) as integer
        ) as race_number
    from races
    left join rules
        on races.season = rules.season

),

last_race as (

    select max(race_number) as race_number from numbered
    where is_held

),

-- A race that was cancelled is before the last race held, and has no entrants.
races_with_entrants as (

    select
        numbered.race_id,
        numbered.is_held,
        numbered.race_number,
        numbered.points_places
    from numbered
    inner join last_race
        on numbered.is_held or numbered.race_number > last_race.race_number

),

of_their_race as (

    select
        races_with_entrants.race_id,
        races_with_entrants.race_number,
        races_with_entrants.is_held,
        races_with_entrants.points_places,
        entries.driver_id,
        entries.constructor_id,
        entries.grid,
        entries.finishing_order,
        entries.points,
        entries.is_classified,
        entries.is_qualified
    from races_with_entrants
    inner join entries
        on races_with_entrants.race_id = entries.race_id

),

of_the_last_race as (

    select
        of_their_race.driver_id,
        of_their_race.constructor_id
    from of_their_race
    inner join last_race
        on of_their_race.race_number = last_race.race_number
    where of_their_race.is_held

),

races_with_entries as (

    select distinct race_id from entries

),

races_without_entries as (

    select
        races_with_entrants.race_id,
        races_with_entrants.race_number,
        races_with_entrants.points_places
    from races_with_entrants
    left join races_with_entries
        on races_with_entrants.race_id = races_with_entries.race_id
    where races_with_entries.race_id is null

),

entrants as (

    select * from of_their_race

    union all

    select
        races_without_entries.race_id,
        races_without_entries.race_number,
        false as is_held,
        races_without_entries.points_places,
        of_the_last_race.driver_id,
        of_the_last_race.constructor_id,
        cast(null as integer) as grid,
        cast(null as integer) as finishing_order,
        cast(null as integer) as points,
        cast(null as boolean) as is_classified,
        false as is_qualified
    from races_without_entries
    cross join of_the_last_race

)

select * from entrants
