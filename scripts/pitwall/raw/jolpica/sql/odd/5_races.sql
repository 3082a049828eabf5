-- Races that the known data lack, and races on another date than there.
with

earlier as (

    select count(*) as races from known.races

)

select
    case
        when races.race_id is null
            then
                'round ' || rounds.number || ' of ' || rounds.year || ', ' || rounds.name
                || ', is new: the known data lack it'
        else
            'round ' || rounds.number || ' of ' || rounds.year || ', ' || rounds.name || ', is on ' || rounds.date
            || ' in the dump and on ' || races.date || ' in the known data'
    end
from rounds
inner join race_ids
    on rounds.id = race_ids.dump_id
left join known.races
    on race_ids.race_id = races.race_id
cross join earlier
where
    earlier.races > 0
    and coalesce(rounds.is_cancelled, 'f') = 'f'
    and cast(races.date as varchar) is distinct from rounds.date
order by rounds.year, try_cast(rounds.number as integer)
