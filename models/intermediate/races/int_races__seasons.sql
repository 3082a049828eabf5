with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

weekends as (

    select * from {{ ref('int_races__weekends') }}

),

final as (

    select
        races.season,
        cast(count(*) as integer) as races_scheduled,
        cast(count(*) filter (where weekends.is_held) as integer) as races_held,
        bool_and(weekends.is_held) as is_complete,
        cast(count(*) filter (where weekends.is_sprint_weekend) as integer) as sprint_weekends,
        min(races.race_date) as first_race_date,
        max(races.race_date) as last_race_date
    from races
    inner join weekends
        on races.race_id = weekends.race_id
    group by races.season

)

select * from final
