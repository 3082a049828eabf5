{#- Warn of each season without rules in the seed. Only a test that runs has a table to read. -#}
{% macro warn_of_assumed_rules(rules) -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set query -%}
            select distinct
                season,
                rules_of_season
            from {{ rules }}
            where is_assumed
            order by season
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- set message = 'Season %s has no rules in seeds/championship_periods.csv: those of %s are assumed.' -%}
            {%- do exceptions.warn(message | format(row[0], row[1])) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
