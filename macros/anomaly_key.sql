{#- The key of an anomaly as text: `race_id=18, driver_id=1`. -#}
{% macro anomaly_key(columns) -%}
    {%- for column in columns -%}
        '{{ column }}=' || cast({{ column }} as {{ dbt.type_string() }})
        {%- if not loop.last %} || ', ' || {% endif -%}
    {%- endfor -%}
{%- endmacro %}
