{{ config(severity='warn') }}
-- Seasons without rules in the seed `championship_periods`, for which the latest rules are assumed.
{{ warn_of_assumed_rules(ref('int_championship__rules')) }}
select distinct
    season,
    rules_of_season
from {{ ref('int_championship__rules') }}
where is_assumed
