{#- Fails with one row for each combination of values that occurs more than once; nulls count as equal. -#}
{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}

{%- set key = [] -%}
{%- for column in combination_of_columns -%}
    {%- do key.append(adapter.quote(column) if quote_columns else column) -%}
{%- endfor %}

select {{ key | join(', ') }}
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1

{% endtest %}
