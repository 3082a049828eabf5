{#- A rate of weighted cars, drawn a little towards the rate of the field, and that rate itself if there are no cars. The
    weights are in thousandths. -#}
{% macro smoothed_rate(times, cars, field_rate) -%}
    {%- set field_cars = 1000 * var('baseline_field_cars') -%}
    {{ ratio(
        times ~ ' + ' ~ field_cars ~ ' * ' ~ field_rate,
        cars ~ ' + ' ~ field_cars,
        'decimal(8, 6)'
    ) }}
{%- endmacro %}
