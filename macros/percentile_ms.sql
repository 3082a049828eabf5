{#- A percentile of a column of milliseconds, rounded to a whole one. -#}
{% macro percentile_ms(column, fraction=0.5) -%}
    {{ rounded_ms('percentile_cont(' ~ fraction ~ ') within group (order by ' ~ column ~ ')') }}
{%- endmacro %}


{#- Whole milliseconds. The decimal makes every engine round a half away from zero. -#}
{% macro rounded_ms(value) -%}
    cast(round(cast({{ value }} as decimal(20, 3))) as integer)
{%- endmacro %}
