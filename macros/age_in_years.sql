{#- Completed years on a day. A person born on 29 February has their birthday on 1 March in a common year. -#}
{% macro age_in_years(date_of_birth, on_date) -%}
    cast(
        extract(year from {{ on_date }}) - extract(year from {{ date_of_birth }})
        - case
            when
                extract(month from {{ on_date }}) * 100 + extract(day from {{ on_date }})
                < extract(month from {{ date_of_birth }}) * 100 + extract(day from {{ date_of_birth }})
                then 1
            else 0
        end
        as integer
    )
{%- endmacro %}
