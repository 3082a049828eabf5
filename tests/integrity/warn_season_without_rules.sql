{{ config(severity='warn') }}
-- Seasons after those of the seed `championship_periods`: the latest rules are assumed for them.
{%- set rules = ref('int_championship__rules') %}
{%- if execute and flags.WHICH in ('build', 'test') %}
{%- set query %}
    select distinct
        season,
        rules_of_season
    from {{ rules }}
    where is_assumed
    order by season
{%- endset %}
{%- for row in run_query(query) %}
{%- do log(
    'Season ' ~ row[0] ~ ' has no rules in seeds/championship_periods.csv: those of ' ~ row[1] ~ ' are assumed.',
    info=true
) %}
{%- endfor %}
{%- endif %}
select distinct
    season,
    rules_of_season
from {{ rules }}
where is_assumed
