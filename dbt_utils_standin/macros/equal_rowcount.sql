{#- Fails with the number of rows by which two relations differ, summed over the groups if `group_by_columns` is
    given. Stricter than the real one, which lets an empty relation, and a group that only one side has, pass. -#}
{% test equal_rowcount(model, compare_model, group_by_columns=[]) %}
{{ config(fail_calc='coalesce(sum(row_difference), 0)') }}

{%- set group_key = group_by_columns | join(', ') %}

with rows_of_both as (
    select {{ group_key ~ ',' if group_key }} 1 as one_row from {{ model }}
    union all
    select {{ group_key ~ ',' if group_key }} -1 as one_row from {{ compare_model }}
)

select abs(sum(one_row)) as row_difference
from rows_of_both
{{ 'group by ' ~ group_key if group_key }}
having sum(one_row) <> 0

{% endtest %}
