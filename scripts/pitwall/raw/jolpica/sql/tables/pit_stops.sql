select
    race_ids.race_id,
    coalesce(cast(driver_ids.driver_id as varchar), 'no driver of round entry ' || entries.round_entry_id) as driver_id,
    pitstop.number as stop,
    coalesce(lap.number, 'no lap ' || pitstop.lap_id) as lap,
    pitstop.local_timestamp as time,
    case
        when as_milliseconds(pitstop.duration) < 60000
            then
                printf(
                    '%d.%03d', as_milliseconds(pitstop.duration) // 1000, as_milliseconds(pitstop.duration) % 1000
                )
        else clock_or_text(pitstop.duration)
    end as duration,
    milliseconds_or_text(pitstop.duration) as milliseconds
from dump.pitstop
left join entries
    on pitstop.session_entry_id = entries.id
left join dump.lap
    on pitstop.lap_id = lap.id
left join race_ids
    on entries.round_id = race_ids.dump_id
left join driver_ids
    on entries.driver_id = driver_ids.dump_id
where entries.type = 'R' or entries.type is null
order by race_ids.race_id, driver_ids.driver_id, try_cast(pitstop.number as integer), pitstop.id
