{#- Timestamp in UTC, without a zone, of a date and a text `hh:mm:ss` or `hh:mm:ssZ`; NULL where either is. -#}
{% macro utc_timestamp(date, time) -%}
    cast(cast({{ date }} as {{ dbt.type_string() }}) || ' ' || replace({{ time }}, 'Z', '') as timestamp)
{%- endmacro %}
