{#- The moment of a snapshot, UTC: on PostgreSQL dbt's own takes the time zone of the server. -#}
{% macro postgres__snapshot_get_time() -%}
    cast(current_timestamp at time zone 'UTC' as timestamp)
{%- endmacro %}
