{#- A percentile of a column of milliseconds, rounded to a whole one. The decimal in between makes every engine round
    a half away from zero; the median is the 0.5. -#}
{% macro percentile_ms(column, fraction=0.5) -%}
    cast(round(cast(percentile_cont({{ fraction }}) within group (order by {{ column }}) as decimal(20, 3))) as integer)
{%- endmacro %}
