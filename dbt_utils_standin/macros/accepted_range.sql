{#- Returns the rows whose value is outside of the range; NULL is inside. Either bound may be left out, and either may be an
    expression over other columns. `inclusive: false` leaves the bounds themselves outside. -#}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}

{%- set equal = '=' if inclusive else '' %}

select *
from {{ model }}
where
    false
    {%- if min_value is not none %}
    or not ({{ column_name }} >{{ equal }} {{ min_value }})
    {%- endif %}
    {%- if max_value is not none %}
    or not ({{ column_name }} <{{ equal }} {{ max_value }})
    {%- endif %}

{% endtest %}
