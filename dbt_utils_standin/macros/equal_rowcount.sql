{#- Returns one row with the numbers of rows of two relations and their difference, which is the number of failures. -#}
{% test equal_rowcount(model, compare_model) %}

{{ config(fail_calc='sum(coalesce(diff_count, 0))') }}

with counts as (
    select
        (select count(*) from {{ model }}) as count_a,
        (select count(*) from {{ compare_model }}) as count_b
)

select
    count_a,
    count_b,
    abs(count_a - count_b) as diff_count
from counts

{% endtest %}
