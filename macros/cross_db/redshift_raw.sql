{#- Nothing to do: Redshift's `copy` fills the tables of schema `raw` from the lake before dbt runs. -#}
{% macro redshift__create_raw_views() %}
{% endmacro %}


{% macro redshift__check_raw_tables(what_to_do) %}
{% endmacro %}
