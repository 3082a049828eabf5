-- The fastest laps of the entries are laps too. Alone they are no lap chart, and one without a position beside others
-- with positions is not part of it.
with

charted as (

    select
        lap.*,
        entries.round_id,
        entries.round_entry_id,
        entries.driver_id,
        bool_or(coalesce(lap.is_entry_fastest_lap, 'f') = 'f') over (partition by entries.session_id) as has_chart,
        bool_or(lap.position is not null) over (partition by entries.session_id) as has_positions
    from dump.lap
    inner join entries
        on lap.session_entry_id = entries.id
    where entries.type = 'R' and lap.number is not null

)

select
    race_ids.race_id,
    coalesce(cast(driver_ids.driver_id as varchar), 'no driver of round entry ' || charted.round_entry_id) as driver_id,
    charted.number as lap,
    charted.position,
    clock_or_text(charted.time) as time,
    milliseconds_or_text(charted.time) as milliseconds
from charted
left join race_ids
    on charted.round_id = race_ids.dump_id
left join driver_ids
    on charted.driver_id = driver_ids.dump_id
where charted.has_chart and (charted.position is not null or not charted.has_positions)
order by race_ids.race_id, driver_ids.driver_id, try_cast(charted.number as integer), charted.id
