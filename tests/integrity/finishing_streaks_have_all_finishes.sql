-- Drivers whose streaks do not add up to the races that they finished, each counted once.
with

streaks as (

    select * from {{ ref('driver_finishing_streaks') }}

),

race_results as (

    select * from {{ ref('fct_race_results') }}
    where is_started and is_finished

),

in_streaks as (

    select
        driver_id,
        sum(races) as races
    from streaks
    group by driver_id

),

finished as (

    select
        driver_id,
        count(distinct race_id) as races
    from race_results
    group by driver_id

)

select finished.driver_id
from finished
full outer join in_streaks
    on finished.driver_id = in_streaks.driver_id
where finished.races is distinct from in_streaks.races
