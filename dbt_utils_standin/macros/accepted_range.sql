{#- Fails with the rows whose value lies below `min_value` or above `max_value`, or on them unless `inclusive`.
    A bound is any SQL expression, another column included; a null lies in every range. -#}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}

{%- set or_equal = '' if inclusive else '=' -%}
{%- set outside = [] -%}
{%- if min_value is not none %}{% do outside.append(column_name ~ ' <' ~ or_equal ~ ' ' ~ min_value) %}{% endif -%}
{%- if max_value is not none %}{% do outside.append(column_name ~ ' >' ~ or_equal ~ ' ' ~ max_value) %}{% endif %}

select *
from {{ model }}
where {{ outside | join(' or ') or 'false' }}

{% endtest %}
