{#- dbt-postgres would use the time zone of the server; the history is in UTC. -#}
{% macro postgres__snapshot_get_time() -%}
    cast(current_timestamp at time zone 'UTC' as timestamp)
{%- endmacro %}
