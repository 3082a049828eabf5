{#- Timestamp in UTC, without a time zone, from a date and a text `hh:mm:ss` or `hh:mm:ssZ`. -#}
{% macro utc_timestamp(date, time) -%}
    cast(cast({{ date }} as {{ dbt.type_string() }}) || ' ' || replace({{ time }}, 'Z', '') as timestamp)
{%- endmacro %}
