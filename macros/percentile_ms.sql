{#- A percentile of a column of milliseconds, rounded to a whole one. The decimal makes every engine round a half away
    from zero. -#}
{% macro percentile_ms(column, fraction=0.5) -%}
    cast(round(cast(percentile_cont({{ fraction }}) within group (order by {{ column }}) as decimal(20, 3))) as integer)
{%- endmacro %}
