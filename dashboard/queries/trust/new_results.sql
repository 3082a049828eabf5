-- The builds that brought new or revised results, by the time at which they recorded them, newest first.
with

new_versions as (

    select
        dbt_valid_from as recorded_at,
        race_id,
        row_number() over (partition by result_id order by dbt_valid_from) as version_number
    from snapshots.race_results_history

),

builds as (

    select
        recorded_at,
        count(*) filter (where version_number = 1) as new_results,
        count(distinct race_id) filter (where version_number = 1) as races_with_new_results,
        count(*) filter (where version_number > 1) as revised_results
    from new_versions
    group by recorded_at

)

select
    recorded_at,
    cast(new_results as integer) as new_results,
    cast(races_with_new_results as integer) as races_with_new_results,
    cast(revised_results as integer) as revised_results
from builds
order by recorded_at desc
