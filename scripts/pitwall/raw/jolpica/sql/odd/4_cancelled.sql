select 'round ' || coalesce(number, '(no number)') || ' of ' || year || ', ' || name || ', is cancelled and left out'
from rounds
where is_cancelled = 't'
order by year, number
