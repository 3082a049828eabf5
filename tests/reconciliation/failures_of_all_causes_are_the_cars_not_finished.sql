-- Seasons of constructors whose failures, over all causes, are not their cars that started and were not running at the
-- flag, or whose starts differ.
with

reliability as (

    select * from {{ ref('constructor_reliability') }}

),

race_results as (

    select * from {{ ref('fct_race_results') }}
    where is_started

),

failures as (

    select
        season,
        constructor_id,
        sum(failures) as failures,
        max(race_starts) as race_starts
    from reliability
    group by
        season,
        constructor_id

),

-- A shared car is one car: its drivers have the same number and result.
cars as (

    select distinct
        season,
        race_id,
        constructor_id,
        case when is_shared_drive then car_number else -result_id end as car,
        is_finished
    from race_results

),

retirements as (

    select
        season,
        constructor_id,
        count(*) as race_starts,
        count(*) filter (where not is_finished) as retirements
    from cars
    group by
        season,
        constructor_id

)

select
    retirements.season,
    retirements.constructor_id,
    retirements.retirements,
    failures.failures
from retirements
left join failures
    on retirements.season = failures.season
    and retirements.constructor_id = failures.constructor_id
where
    retirements.retirements is distinct from coalesce(failures.failures, 0)
    or retirements.race_starts is distinct from coalesce(failures.race_starts, retirements.race_starts)
