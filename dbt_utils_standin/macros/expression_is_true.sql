{#- Fails with the rows for which the expression is false; null is not false. On a column, the expression
    continues the column's name: `expression: '>= 1'`. -#}
{% test expression_is_true(model, expression, column_name=none) %}

select *
from {{ model }}
where not ({{ column_name or '' }} {{ expression }})

{% endtest %}
