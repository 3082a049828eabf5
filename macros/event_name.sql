{#- The season and the name in a text such as `1973 Canadian Grand Prix`. NULL if the text does not begin with a year. -#}
{% macro event_season(event) -%}
    case
        when {{ begins_with_year(event) }} then cast(substring({{ event }}, 1, 4) as integer)
    end
{%- endmacro %}


{% macro event_name(event) -%}
    case
        when {{ begins_with_year(event) }} then trim(substring({{ event }}, 6))
    end
{%- endmacro %}


{% macro begins_with_year(text) -%}
    length({{ text }}) > 5
    and translate(substring({{ text }}, 1, 4), '0123456789', '') = ''
    and substring({{ text }}, 5, 1) = ' '
{%- endmacro %}
