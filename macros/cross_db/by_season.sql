{#- What a model is materialized as whose rows follow from the raw data of their own season. Elsewhere than on DuckDB
    a build starts from an empty place. -#}
{% macro by_season() %}
    {% do return('incremental' if target is defined and target.type == 'duckdb' else 'table') %}
{% endmacro %}
