{#- A ratio of two whole numbers as a decimal of the given type; NULL if the denominator is 0. The decimals in between
    make every engine round a half away from zero. -#}
{% macro ratio(numerator, denominator, data_type, times=1) -%}
    cast(
        cast(
            cast({{ numerator }} as decimal(20, 9)){{ ' * ' ~ times if times != 1 }} / nullif({{ denominator }}, 0)
            as decimal(20, 9)
        ) as {{ data_type }}
    )
{%- endmacro %}


{#- The same in per cent. -#}
{% macro percent(part, whole, data_type) -%}
    {{ ratio(part, whole, data_type, times=100) }}
{%- endmacro %}
