-- The reference does the winner's average green lap on every lap. It does the winner's own where the field or all of
-- the first three are slow, and where the pace of the field is not known, as on the first lap and around red flags.
-- Before a restart the leaders follow the safety car while the lapped cars drive around it.
with

cars as (
    select
        results.driver_id,
        results.driver_name,
        results.constructor_id,
        results.constructor_name,
        results.position_order,
        results.position_text,
        not results.is_finished as is_out,
        coalesce(dim_drivers.driver_code, upper(left(dim_drivers.family_name, 3))) as code,
        row_number() over (
            order by results.grid_position asc nulls last, results.position_order asc
        ) as start_position
    from marts.fct_race_results as results
    inner join marts.dim_drivers on results.driver_id = dim_drivers.driver_id
    where results.race_id = :race and results.is_started and results.driver_entry_number = 1
),

laps as (
    select
        driver_id,
        lap_number,
        lap_time_ms,
        elapsed_ms,
        is_green,
        is_field_slow,
        lap_class
    from marts.fct_race_laps
    where race_id = :race
),

leaders as (
    select
        laps.lap_number,
        bool_and(laps.lap_class in ('slow', 'safety car', 'virtual safety car')) as are_slow
    from laps
    inner join cars on laps.driver_id = cars.driver_id
    where cars.position_order <= 3
    group by laps.lap_number
),

winner as (
    select
        laps.lap_number,
        laps.elapsed_ms,
        case
            when coalesce(laps.is_field_slow, true) or leaders.are_slow then laps.lap_time_ms
            else cast(round(avg(case when laps.is_green then laps.lap_time_ms end) over ()) as bigint)
        end as reference_ms
    from laps
    inner join marts.fct_race_results as results
        on laps.driver_id = results.driver_id
        and results.race_id = :race
        and results.is_win
    left join leaders on laps.lap_number = leaders.lap_number
),

reference as (
    select
        lap_number,
        elapsed_ms as winner_ms,
        sum(reference_ms) over (order by lap_number rows unbounded preceding) as reference_ms
    from winner
),

gaps as (
    select
        laps.driver_id,
        laps.lap_number,
        cast((reference.reference_ms - laps.elapsed_ms) / 1000.0 as decimal(9, 3)) as ahead_s,
        cast((laps.elapsed_ms - reference.winner_ms) / 1000.0 as decimal(9, 3)) as behind_winner_s
    from laps
    inner join reference on laps.lap_number = reference.lap_number
    where laps.elapsed_ms is not null
),

ends as (
    select
        driver_id,
        min(ahead_s) <= -:cut as is_cut
    from gaps
    group by driver_id
)

select
    gaps.lap_number,
    case when gaps.ahead_s > -:cut then gaps.ahead_s end as ahead_s,
    gaps.behind_winner_s,
    cars.driver_name,
    cars.code,
    cars.constructor_id,
    cars.constructor_name,
    cars.position_text,
    cars.is_out or ends.is_cut as is_out
from gaps
inner join cars on gaps.driver_id = cars.driver_id
inner join ends on gaps.driver_id = ends.driver_id
order by cars.position_order, gaps.lap_number
