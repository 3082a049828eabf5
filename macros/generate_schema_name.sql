{#- The schema is the layer's own name on every engine, without the target's prefix. With
    PITWALL_SCHEMA_SUFFIX, scripts/build.py builds into new schemas of a database and then swaps all of them. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}{{ env_var('PITWALL_SCHEMA_SUFFIX', '') if custom_schema_name }}
{%- endmacro %}
