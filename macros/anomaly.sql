{#- The columns of an anomaly, to select from the rows that have it. `source_key` is a list of columns; it becomes
    `race_id=18, driver_id=1`. The other texts may hold columns: `{laps} laps`. An anomaly that is not of a race has
    NULL as race and season. -#}
{% macro anomaly(anomaly_kind, source_table, source_key, seen, expected, is_of_race=true) -%}
    {%- set key = [] -%}
    {%- for column in source_key -%}
        {%- do key.append(column ~ '={' ~ column ~ '}') -%}
    {%- endfor -%}
    '{{ anomaly_kind }}' as anomaly_kind,
    {{ text_with_columns(source_table) }} as source_table,
    {{ text_with_columns(key | join(', ')) }} as source_key,
    {{ 'race_id' if is_of_race else 'cast(null as integer) as race_id' }},
    {{ 'season' if is_of_race else 'cast(null as integer) as season' }},
    {{ text_with_columns(seen) }} as seen,
    {{ text_with_columns(expected) }} as expected
{%- endmacro %}


{#- SQL of a text in which `{column}` stands for the value of a column. NULL if one of the values is NULL. -#}
{% macro text_with_columns(text) -%}
    {%- set parts = [] -%}
    {%- for part in text.replace('}', '{').split('{') -%}
        {%- if loop.index is even -%}
            {%- do parts.append('cast(' ~ part ~ ' as ' ~ dbt.type_string() ~ ')') -%}
        {%- elif part -%}
            {%- do parts.append("'" ~ part ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {{ parts | join(' || ') }}
{%- endmacro %}
