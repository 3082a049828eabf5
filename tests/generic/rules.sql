{#- What must hold of a model, all of it in one query: a test of its own for each rule costs dbt more time than it
    costs the engine. Fails with a row per broken rule: its words, and how many rows (of `unique`, keys) break it.
    dbt prints their sum alone, so `name_broken_rules` prints the rest at the end of the run.

    The arguments are named after the standard tests and mean the same:
    not_null            columns
    unique              columns, and lists of columns that are unique together
    accepted_values     column: its values
    accepted_range      column: {min_value, max_value}; either may be missing
    relationships       column: {to, field}
    equal_rowcount      a relation that has as many rows
    expression_is_true  name: what is true of every row

    A null breaks no rule but `not_null`, and counts as a value in columns that are unique together. -#}
{% test rules(
    model,
    not_null=[],
    unique=[],
    accepted_values={},
    accepted_range={},
    relationships={},
    equal_rowcount=none,
    expression_is_true={}
) %}
{{ config(fail_calc='cast(coalesce(sum(failures), 0) as bigint)') }}

{#- The words of each rule and what counts its failures; what is counted row by row is told by its condition. -#}
{%- set rules, conditions, single_rows = [], [], ['names', 'counts'] -%}

{%- for column in not_null -%}
    {%- do conditions.append([column ~ ' is not null', column ~ ' is null']) -%}
{%- endfor -%}

{%- for column, values in accepted_values.items() -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(value)) if value is string else value) -%}
    {%- endfor -%}
    {%- set listed = literals | join(', ') -%}
    {%- do conditions.append([column ~ ' is one of ' ~ listed, column ~ ' not in (' ~ listed ~ ')']) -%}
{%- endfor -%}

{%- for column, bounds in accepted_range.items() -%}
    {%- set words, outside = [], [] -%}
    {%- if 'min_value' in bounds -%}
        {%- do words.append('at least ' ~ bounds.min_value) -%}
        {%- do outside.append(column ~ ' < ' ~ bounds.min_value) -%}
    {%- endif -%}
    {%- if 'max_value' in bounds -%}
        {%- do words.append('at most ' ~ bounds.max_value) -%}
        {%- do outside.append(column ~ ' > ' ~ bounds.max_value) -%}
    {%- endif -%}
    {%- do conditions.append([column ~ ' is ' ~ words | join(' and '), outside | join(' or ')]) -%}
{%- endfor -%}

{%- for column, parent in relationships.items() -%}
    {%- set missing = 'parent_' ~ loop.index ~ '.parent_key is null' -%}
    {%- do conditions.append([
        column ~ ' is in ' ~ parent.field ~ ' of ' ~ parent.to.identifier,
        column ~ ' is not null and ' ~ missing,
    ]) -%}
{%- endfor -%}

{%- for name, expression in expression_is_true.items() -%}
    {%- do conditions.append([name, 'not (' ~ expression ~ ')']) -%}
{%- endfor -%}

{%- for words, condition in conditions -%}
    {%- do rules.append([words, 'counts.broken_' ~ loop.index]) -%}
{%- endfor -%}
{%- for key in unique -%}
    {%- set columns = key if key is string else key | join(', ') -%}
    {%- do rules.append([columns ~ ' is unique', 'key_' ~ loop.index ~ '.repeated']) -%}
    {%- do single_rows.append('key_' ~ loop.index) -%}
{%- endfor -%}
{%- if equal_rowcount is not none -%}
    {%- do rules.append(['as many rows as ' ~ equal_rowcount.identifier, 'abs(counts.all_rows - other.all_rows)']) -%}
    {%- do single_rows.append('other') -%}
{%- endif -%}

with checked as (
    select * from {{ changed_seasons_of(model) }} as checked_rows
),

{% if equal_rowcount is not none -%}
other as (
    select count(*) as all_rows from {{ changed_seasons_of(equal_rowcount) }} as other_rows
),

{% endif -%}
counts as (
    select
        {% for words, condition in conditions %}
        sum(case when {{ condition }} then 1 else 0 end) as broken_{{ loop.index }},
        {% endfor %}
        count(*) as all_rows
    from checked
    {% for column, parent in relationships.items() %}
    left join (select distinct {{ parent.field }} as parent_key from {{ parent.to }}) as parent_{{ loop.index }}
        on checked.{{ column }} = parent_{{ loop.index }}.parent_key
    {% endfor %}
),

{% for key in unique -%}
{%- set columns = key if key is string else key | join(', ') -%}
key_{{ loop.index }} as (
    select count(*) as repeated
    from (
        select {{ columns }}
        from checked
        {{ 'where ' ~ key ~ ' is not null' if key is string }}
        group by {{ columns }}
        having count(*) > 1
    ) as repeated_keys
),

{% endfor -%}
names as (
    {% for words, failures in rules %}
    select
        {{ loop.index }} as place,
        {{ dbt.string_literal(dbt.escape_single_quotes(words)) }} as rule
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{# One reference to the counts: Spark would scan the model once for each. -#}
results as (
    select
        names.rule,
        case names.place
            {% for words, failures in rules %}
            when {{ loop.index }} then {{ failures }}
            {% endfor %}
        end as failures
    from {{ single_rows | join(' cross join ') }}
)

select
    rule,
    failures
from results
where failures > 0

{% endtest %}
