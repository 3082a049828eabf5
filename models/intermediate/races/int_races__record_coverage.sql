with

safety_cars as (

    select * from {{ ref('stg_racedata__safety_cars') }}

),

red_flags as (

    select * from {{ ref('stg_racedata__red_flags') }}

),

virtual_safety_cars as (

    select * from {{ ref('stg_racedata__virtual_safety_car_estimates') }}

),

unioned as (

    select
        season,
        'safety cars' as recorded
    from safety_cars

    union all

    select
        season,
        'red flags' as recorded
    from red_flags

    union all

    select
        season,
        'virtual safety cars' as recorded
    from virtual_safety_cars

),

red_flag_file as (

    select count(*) as red_flags
    from red_flags

),

seasons as (

    select
        season,
        count(case when recorded = 'safety cars' then 1 end) > 0 as has_safety_cars,
        count(case when recorded = 'virtual safety cars' then 1 end) > 0 as has_virtual_safety_cars
    from unioned
    where season is not null
    group by season

),

-- Many seasons had no red flag. Their record is complete if the file is there and another file has the season.
final as (

    select
        seasons.season,
        seasons.has_safety_cars,
        seasons.has_virtual_safety_cars,
        red_flag_file.red_flags > 0 as has_red_flags
    from seasons
    cross join red_flag_file

)

select * from final
