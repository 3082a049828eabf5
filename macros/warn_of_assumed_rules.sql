{#- Warn of seasons without rules in the seed. Only a test that runs has a table to read. -#}
{% macro warn_of_assumed_rules(rules) -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set query -%}
            select
                rules_of_season,
                min(season) as first_season,
                max(season) as last_season
            from {{ rules }}
            where is_assumed
            group by rules_of_season
            order by rules_of_season
        {%- endset -%}
        {%- for rules_of_season, first_season, last_season in run_query(query) -%}
            {%- if first_season == last_season -%}
                {%- set seasons = 'Season %s has' | format(first_season) -%}
            {%- else -%}
                {%- set seasons = 'Seasons %s to %s have' | format(first_season, last_season) -%}
            {%- endif -%}
            {%- set message = '%s no rules in seeds/championship_periods.csv: those of %s are assumed.' -%}
            {%- do exceptions.warn(message | format(seasons, rules_of_season)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
