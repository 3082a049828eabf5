{#- An md5 over the fields as text, joined by hyphens. A null stands apart from an empty string, unless the
    variable `surrogate_key_treat_nulls_as_empty_strings` is set. -#}
{% macro generate_surrogate_key(field_list) %}

{%- set null_text = '' if var('surrogate_key_treat_nulls_as_empty_strings', false) else '_dbt_utils_surrogate_key_null_' -%}
{%- set parts = [] -%}
{%- for field in field_list -%}
    {%- do parts.append("coalesce(cast(" ~ field ~ " as " ~ dbt.type_string() ~ "), '" ~ null_text ~ "')") -%}
{%- endfor -%}
{{ dbt.hash(parts | join(" || '-' || ")) }}

{%- endmacro %}
