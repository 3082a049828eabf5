{% macro is_distinct(this_one, that_one) -%}
    {{ adapter.dispatch('is_distinct')(this_one, that_one) }}
{%- endmacro %}


{% macro default__is_distinct(this_one, that_one) -%}
    {{ this_one }} is distinct from {{ that_one }}
{%- endmacro %}


{#- Redshift has no `is distinct from`. -#}
{% macro redshift__is_distinct(this_one, that_one) -%}
    coalesce({{ this_one }} <> {{ that_one }}, not ({{ this_one }} is null and {{ that_one }} is null))
{%- endmacro %}
