{#- The piece of a text at a place counted from the right, from 1. Empty where there are fewer pieces. -#}
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
