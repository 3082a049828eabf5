{#- Hooks for the planner of PostgreSQL; nothing on other engines.
    - Behind window functions and aggregates it expects few rows, joins them first, by nested loops or by a merge
      along one of four keys, and needs minutes where others need a second. So models are built with hash joins, in
      the order in which they are written.
    - Just-in-time compilation of a query with many CTEs takes longer than the query.
    - A new table has no statistics until it is analyzed. -#}
{% macro before_model() %}
    {{- adapter.dispatch('before_model')() -}}
{% endmacro %}


{% macro default__before_model() %}{% endmacro %}


{% macro postgres__before_model() %}
    {%- if model.config.materialized != 'view' -%}
        set local enable_nestloop = off; set local enable_mergejoin = off; set local join_collapse_limit = 1;
        set local jit = off
    {%- endif -%}
{% endmacro %}


{% macro after_model() %}
    {{- adapter.dispatch('after_model')() -}}
{% endmacro %}


{% macro default__after_model() %}{% endmacro %}


{% macro postgres__after_model() %}
    {%- if model.config.materialized != 'view' %}analyze {{ this }}{% endif -%}
{% endmacro %}


{#- Without these, dbt would use those of PostgreSQL, whose planner Redshift does not have. -#}
{% macro redshift__before_model() %}{% endmacro %}


{% macro redshift__after_model() %}{% endmacro %}
