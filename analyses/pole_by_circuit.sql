-- At which circuits does pole win most often, and at which least, among those with at least fifteen races?
--
-- | circuit_name | races | pole_to_win_rate | mean_places_changed |
-- |---|---|---|---|
-- | Circuit de Barcelona-Catalunya | 35 | 0.7143 | 3.227 |
-- | Yas Marina Circuit | 16 | 0.6875 | 2.688 |
-- | Marina Bay Street Circuit | 16 | 0.6875 | 3.283 |
-- | Circuit de Nevers Magny-Cours | 18 | 0.2778 | 3.248 |
-- | Indianapolis Motor Speedway | 19 | 0.2632 | 7.468 |
-- | Kyalami | 20 | 0.2000 | 6.099 |
with

statistics as (

    select * from {{ ref('circuit_statistics') }}
    where races >= 15

),

circuits as (

    select * from {{ ref('dim_circuits') }}

),

ranked as (

    select
        circuits.circuit_name,
        statistics.races,
        statistics.pole_to_win_rate,
        statistics.mean_places_changed,
        row_number() over (order by statistics.pole_to_win_rate desc, statistics.races desc) as rank_from_top,
        row_number() over (order by statistics.pole_to_win_rate asc, statistics.races desc) as rank_from_bottom
    from statistics
    inner join circuits
        on statistics.circuit_id = circuits.circuit_id

)

select
    circuit_name,
    races,
    pole_to_win_rate,
    mean_places_changed
from ranked
where rank_from_top <= 3 or rank_from_bottom <= 3
order by rank_from_top
