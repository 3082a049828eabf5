{% macro split_part_from_right(text, separator, place) -%}
    {{ adapter.dispatch('split_part_from_right')(text, separator, place) }}
{%- endmacro %}


{% macro default__split_part_from_right(text, separator, place) -%}
    split_part({{ text }}, {{ separator }}, -{{ place }})
{%- endmacro %}


{#- Redshift counts from the left only. -#}
{% macro redshift__split_part_from_right(text, separator, place) -%}
    reverse(split_part(reverse({{ text }}), {{ separator }}, {{ place }}))
{%- endmacro %}
