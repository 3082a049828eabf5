{#- Returns the combinations of the columns that more than one row has. NULL counts as a value. -#}
{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}

{%- set columns = [] %}
{%- for column in combination_of_columns %}
    {%- do columns.append(adapter.quote(column) if quote_columns else column) %}
{%- endfor %}

select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
