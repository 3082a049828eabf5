{{ config(severity='warn') }}
-- Seasons after those of the seed `championship_periods`: the latest rules are assumed for them.
{{ warn_of_assumed_rules(ref('int_championship__rules')) }}
select distinct
    season,
    rules_of_season
from {{ ref('int_championship__rules') }}
where is_assumed
