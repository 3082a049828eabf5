{#- Hooks for the planner of PostgreSQL, nothing elsewhere. It guesses few rows behind window functions and
    aggregates, takes them first and joins them by nested loops, or by a merge along the first of four keys, and then
    needs minutes for what others do in a second: models are built with hash joins in the order in which they are
    written. Compiling a query of many CTEs takes longer than to run it. And a table that was just made has no
    statistics until it is analyzed. -#}
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


{#- Redshift takes its macros from PostgreSQL where it has none, but has another planner. -#}
{% macro redshift__before_model() %}{% endmacro %}


{% macro redshift__after_model() %}{% endmacro %}
