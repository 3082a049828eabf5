{#- A place as a number to be summed, with two digits for each of the 18 places from `first_place` on: 10^34 for the
    first of them, 1 for the last. -#}
{% macro place_weight(place, first_place) -%}
    case
        when {{ place }} between {{ first_place }} and {{ first_place + 17 }}
            then cast(rpad('1', 1 + 2 * ({{ first_place + 17 }} - {{ place }}), '0') as decimal(38, 0))
    end
{%- endmacro %}
