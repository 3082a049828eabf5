with

driver_standings as (

    select * from {{ ref('stg_ergast__driver_standings') }}

),

constructor_standings as (

    select * from {{ ref('stg_ergast__constructor_standings') }}

),

final as (

    select
        'drivers' as championship,
        race_id,
        driver_id as competitor_id,
        points as official_points,
        position as official_position,
        wins as official_wins
    from driver_standings

    union all

    select
        'constructors' as championship,
        race_id,
        constructor_id as competitor_id,
        points as official_points,
        position as official_position,
        wins as official_wins
    from constructor_standings

)

select * from final
