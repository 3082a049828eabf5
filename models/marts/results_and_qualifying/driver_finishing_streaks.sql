with

race_results as (

    select * from {{ ref('fct_race_results') }}
    where is_started

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

-- A driver with several cars in a race finished if one of them did.
drives as (

    select
        driver_id,
        race_id,
        season,
        round,
        bool_or(is_finished) as is_finished,
        min(reason_out_group) as reason_out_group
    from race_results
    group by
        driver_id,
        race_id,
        season,
        round

),

-- Retirements so far are the same for all races of a streak.
numbered as (

    select
        *,
        row_number() over (partition by driver_id order by season, round) as drive_number,
        sum(case when is_finished then 0 else 1 end) over (
            partition by driver_id order by season, round
            rows between unbounded preceding and current row
        ) as retirements_so_far,
        lead(race_id) over (partition by driver_id order by season, round) as next_race_id,
        lead(reason_out_group) over (partition by driver_id order by season, round) as next_reason_out_group
    from drives

),

islands as (

    select
        driver_id,
        retirements_so_far,
        min(drive_number) as first_drive_number,
        max(drive_number) as last_drive_number,
        cast(count(*) as integer) as races
    from numbered
    where is_finished
    group by
        driver_id,
        retirements_so_far

),

final as (

    select
        islands.driver_id,
        drivers.driver_name,
        cast(
            row_number() over (partition by islands.driver_id order by islands.first_drive_number) as integer
        ) as streak_number,
        firsts.race_id as first_race_id,
        first_races.race_name as first_race_name,
        first_races.race_date as first_race_date,
        lasts.race_id as last_race_id,
        last_races.race_name as last_race_name,
        last_races.race_date as last_race_date,
        firsts.season as first_season,
        lasts.season as last_season,
        islands.races,
        lasts.next_race_id is null as is_unbroken,
        lasts.next_reason_out_group as reason_ended
    from islands
    inner join numbered as firsts
        on islands.driver_id = firsts.driver_id
        and islands.first_drive_number = firsts.drive_number
    inner join numbered as lasts
        on islands.driver_id = lasts.driver_id
        and islands.last_drive_number = lasts.drive_number
    left join drivers
        on islands.driver_id = drivers.driver_id
    left join races as first_races
        on firsts.race_id = first_races.race_id
    left join races as last_races
        on lasts.race_id = last_races.race_id

)

select * from final
