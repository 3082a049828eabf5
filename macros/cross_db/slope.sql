{% macro slope(column, over_column) -%}
    {{ adapter.dispatch('slope')(column, over_column) }}
{%- endmacro %}


{% macro default__slope(column, over_column) -%}
    regr_slope({{ column }}, {{ over_column }})
{%- endmacro %}


{#- Redshift has no regression functions. Both columns are NULL in the same rows. -#}
{% macro redshift__slope(column, over_column) -%}
    (
        count({{ over_column }}) * sum(cast({{ column }} as double precision) * {{ over_column }})
        - sum(cast({{ column }} as double precision)) * sum({{ over_column }})
    )
    / nullif(
        count({{ over_column }}) * sum(cast({{ over_column }} as double precision) * {{ over_column }})
        - sum(cast({{ over_column }} as double precision)) * sum({{ over_column }}),
        0
    )
{%- endmacro %}
