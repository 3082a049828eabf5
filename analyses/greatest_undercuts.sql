-- Which undercuts gained the most time, where both stops took equally long, to half a second?
--
-- | place | season | race_name | driver_name | passed | laps_earlier | gap_before_ms | early_gain_ms |
-- |---|---|---|---|---|---|---|---|
-- | 1 | 2018 | Russian Grand Prix | Fernando Alonso | Sergey Sirotkin | 5 | 974 | 26348 |
-- | 2 | 2013 | Singapore Grand Prix | Adrian Sutil | Pastor Maldonado | 4 | 1258 | 15228 |
-- | 3 | 2012 | European Grand Prix | Nico Rosberg | Paul di Resta | 3 | 2428 | 13386 |
-- | 4 | 2011 | Chinese Grand Prix | Michael Schumacher | Adrian Sutil | 5 | 902 | 12859 |
-- | 5 | 2019 | Chinese Grand Prix | Max Verstappen | Charles Leclerc | 5 | 1988 | 12827 |
with

undercuts as (

    select * from {{ ref('fct_undercuts') }}
    where outcome = 'undercut' and abs(lane_gain_ms) <= 500 and not has_unusual_stop

),

ranked as (

    select
        rank() over (order by early_gain_ms desc) as place,
        season,
        race_name,
        early_driver_name as driver_name,
        late_driver_name as passed,
        late_stop_lap - early_stop_lap as laps_earlier,
        gap_before_ms,
        early_gain_ms
    from undercuts

)

select * from ranked
where place <= 5
order by place asc, season asc
