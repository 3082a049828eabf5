-- At which circuits does pole win most often, and at which least, among those with at least fifteen races?
--
-- | circuit_name | races | pole_to_win_rate | mean_places_changed |
-- |---|---|---|---|
-- | Circuit de Barcelona-Catalunya | 35 | 0.7143 | 3.218 |
-- | Marina Bay Street Circuit | 16 | 0.6875 | 3.279 |
-- | Yas Marina Circuit | 16 | 0.6875 | 2.688 |
-- | Circuit de Nevers Magny-Cours | 18 | 0.2778 | 3.248 |
-- | Indianapolis Motor Speedway | 19 | 0.2632 | 7.468 |
-- | Kyalami | 20 | 0.2000 | 6.099 |
with

statistics as (

    select * from {{ ref('circuit_statistics') }}
    where races >= 15

),

ranked as (

    select
        *,
        rank() over (order by pole_to_win_rate desc) as rank_from_top,
        rank() over (order by pole_to_win_rate asc) as rank_from_bottom
    from statistics

)

select
    circuit_name,
    races,
    pole_to_win_rate,
    mean_places_changed
from ranked
where rank_from_top <= 3 or rank_from_bottom <= 3
order by rank_from_top asc, races desc, circuit_name asc
