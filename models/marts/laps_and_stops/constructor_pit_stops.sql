{{ config(materialized='by_season') }}

with

pit_stops as (

    select * from {{ ref('fct_pit_stop_times') }}
    where stop_kind = 'stop' and {{ in_changed_seasons() }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

-- Repairs and penalties are no work of the crew that can be compared.
compared as (

    select
        *,
        case when coalesce(unusual_reason, '') <> 'long stop' then duration_to_race_median_ms end as compared_ms
    from pit_stops

),

seasons as (

    select
        season,
        constructor_id,
        cast(count(*) as integer) as stops,
        cast(count(compared_ms) as integer) as usual_stops,
        min(duration_ms) as fastest_ms,
        {{ percentile_ms('compared_ms') }} as median_to_race_median_ms,
        {{ percentile_ms('compared_ms', 0.75) }}
        - {{ percentile_ms('compared_ms', 0.25) }} as interquartile_range_ms
    from compared
    group by season, constructor_id

),

final as (

    select
        seasons.season,
        seasons.constructor_id,
        constructors.constructor_name,
        seasons.stops,
        seasons.usual_stops,
        seasons.fastest_ms,
        seasons.median_to_race_median_ms,
        seasons.interquartile_range_ms,
        cast(
            rank() over (partition by seasons.season order by seasons.median_to_race_median_ms nulls last) as integer
        ) as season_rank
    from seasons
    left join constructors
        on seasons.constructor_id = constructors.constructor_id

)

select * from final
