{#- Whether a season is one of those that a model of materialization `by_season` is building. -#}
{% macro in_block(season) -%}
    {{ adapter.dispatch('in_block')(season) }}
{%- endmacro %}


{#- Other engines build all seasons at once. -#}
{% macro default__in_block(season) -%}
    true
{%- endmacro %}


{#- Without the variable, as in `dbt show`, all seasons. -#}
{% macro duckdb__in_block(season) -%}
    (getvariable('seasons') is null or {{ season }} in getvariable('seasons'))
{%- endmacro %}
