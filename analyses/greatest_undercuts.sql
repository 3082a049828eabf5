-- Which undercuts gained the most time, where both stops took equally long, to half a second?
--
-- | season | race_name | driver_name | passed | laps_earlier | gap_before_ms | early_gain_ms |
-- |---|---|---|---|---|---|---|
-- | 2018 | Russian Grand Prix | Fernando Alonso | Sergey Sirotkin | 5 | 974 | 26348 |
-- | 2011 | Malaysian Grand Prix | Mark Webber | Michael Schumacher | 4 | 2697 | 19523 |
-- | 2013 | Singapore Grand Prix | Adrian Sutil | Pastor Maldonado | 4 | 1258 | 15228 |
-- | 2012 | European Grand Prix | Nico Rosberg | Paul di Resta | 3 | 2428 | 13386 |
-- | 2011 | Chinese Grand Prix | Michael Schumacher | Adrian Sutil | 5 | 902 | 12859 |
with

undercuts as (

    select * from {{ ref('fct_undercuts') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

named_undercuts as (

    select
        undercuts.season,
        races.race_name,
        early_drivers.driver_name,
        late_drivers.driver_name as passed,
        undercuts.late_stop_lap - undercuts.early_stop_lap as laps_earlier,
        undercuts.gap_before_ms,
        undercuts.early_gain_ms
    from undercuts
    inner join races
        on undercuts.race_id = races.race_id
    inner join drivers as early_drivers
        on undercuts.early_driver_id = early_drivers.driver_id
    inner join drivers as late_drivers
        on undercuts.late_driver_id = late_drivers.driver_id
    where
        undercuts.outcome = 'undercut'
        and abs(undercuts.lane_gain_ms) <= 500

)

select * from named_undercuts
order by early_gain_ms desc
limit 5
