{{ config(materialized='by_season') }}

with

red_flags as (

    select * from {{ ref('int_races__red_flags') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

final as (

    select
        red_flags.race_id,
        races.race_name,
        races.race_date,
        red_flags.red_flag_number,
        races.season,
        races.round,
        red_flags.lap_number,
        red_flags.resumption,
        red_flags.incident,
        red_flags.excluded_drivers
    from red_flags
    inner join races
        on red_flags.race_id = races.race_id

)

select * from final
