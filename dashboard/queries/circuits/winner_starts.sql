-- From which slot the winners started, at a circuit and at all circuits. Of a shared car, the driver with the better slot.
with

wins as (

    select
        fct_race_results.race_id,
        dim_races.circuit_id = :circuit as is_here,
        min(fct_race_results.grid_position) as grid_position
    from marts.fct_race_results
    inner join marts.dim_races
        on fct_race_results.race_id = dim_races.race_id
    where fct_race_results.is_win
    group by fct_race_results.race_id, dim_races.circuit_id

),

slots as (

    select
        grid_position,
        count(*) filter (where is_here) as wins,
        count(*) as wins_everywhere
    from wins
    group by grid_position

)

select
    grid_position,
    coalesce(cast(grid_position as varchar), 'no slot') as grid,
    cast(wins as integer) as wins,
    cast(sum(wins) over () as integer) as races,
    cast(wins_everywhere as integer) as wins_everywhere,
    cast(round(100.0 * wins / nullif(sum(wins) over (), 0), 1) as decimal(5, 1)) as wins_percent,
    cast(round(100.0 * wins_everywhere / sum(wins_everywhere) over (), 1) as decimal(5, 1)) as everywhere_percent
from slots
order by grid_position asc nulls last
