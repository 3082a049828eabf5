{#- Several percentiles of a column as one array, for which the engine collects and orders the values once. Read them by
    `percentile_of`, which rounds as `percentile_ms` does. -#}
{% macro percentiles(column, fractions) -%}
    {{ adapter.dispatch('percentiles')(column, fractions) }}
{%- endmacro %}


{% macro default__percentiles(column, fractions) -%}
    percentile_cont(array[{{ fractions | join(', ') }}]) within group (order by {{ column }})
{%- endmacro %}


{% macro duckdb__percentiles(column, fractions) -%}
    quantile_cont({{ column }}, [{{ fractions | join(', ') }}])
{%- endmacro %}


{% macro spark__percentiles(column, fractions) -%}
    percentile({{ column }}, array({{ fractions | join(', ') }}))
{%- endmacro %}


{% macro redshift__percentiles(column, fractions) -%}
    array({% for fraction in fractions %}percentile_cont({{ fraction }}) within group (order by {{ column }}){{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}


{#- The percentile at a place of the array, counted from 1. -#}
{% macro percentile_of(percentiles, place) -%}
    {{ rounded_ms(adapter.dispatch('array_item')(percentiles, place)) }}
{%- endmacro %}


{% macro default__array_item(array, place) -%}
    {{ array }}[{{ place }}]
{%- endmacro %}


{% macro spark__array_item(array, place) -%}
    {{ array }}[{{ place - 1 }}]
{%- endmacro %}


{% macro redshift__array_item(array, place) -%}
    cast({{ array }}[{{ place - 1 }}] as double precision)
{%- endmacro %}
