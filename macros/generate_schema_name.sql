{#- The schema is the layer's own name on every engine, without the target's prefix. PITWALL_SCHEMA_SUFFIX lets
    scripts/build.py build aside in a database and swap the schemas in whole. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}{{ env_var('PITWALL_SCHEMA_SUFFIX', '') if custom_schema_name }}
{%- endmacro %}
