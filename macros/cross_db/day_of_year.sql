{% macro day_of_year(year, month, day) -%}
    {{ adapter.dispatch('day_of_year')(year, month, day) }}
{%- endmacro %}


{% macro default__day_of_year(year, month, day) -%}
    make_date({{ year }}, {{ month }}, {{ day }})
{%- endmacro %}


{#- Redshift has no make_date. -#}
{% macro redshift__day_of_year(year, month, day) -%}
    cast(cast({{ year }} as varchar(4)) || '-{{ '%02d-%02d' | format(month, day) }}' as date)
{%- endmacro %}
