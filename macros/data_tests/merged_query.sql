{#- The unique id of the model, seed or snapshot that the running test is attached to. -#}
{% macro attached_node() %}
    {% do return(model.attached_node) %}
{% endmacro %}


{#- The native tests of a node that are run in one query, as nodes of dbt's graph. A test is found by its name, in which the
    node's name is: to convert all nodes of the graph takes dbt longer than to run the tests. -#}
{% macro merged_tests(node_id) %}
    {% set name = node_id.split('.')[2] %}
    {% set tests = [] %}
    {% for id in graph.nodes if id.startswith('test.') and name in id %}
        {% set test = graph.nodes[id] %}
        {% if test.attached_node == node_id and test.config.meta.get('merged') %}
            {% do tests.append(test) %}
        {% endif %}
    {% endfor %}
    {% do return(tests) %}
{% endmacro %}


{#- Stop with a message if a test cannot be merged: it would not run as its YAML says. -#}
{% macro check_mergeable(test) %}
    {% set own = [] %}
    {% do own.append('severity') if test.config.severity | lower != 'error' %}
    {% for setting in ['where', 'limit', 'store_failures'] %}
        {% do own.append(setting) if test.config[setting] is not none %}
    {% endfor %}
    {% for setting in ['error_if', 'warn_if'] %}
        {% do own.append(setting) if test.config[setting] != '!= 0' %}
    {% endfor %}
    {% set kind = test.test_metadata.name %}
    {% if row_condition(test) is none and key_columns_of(test) is none and kind != 'equal_rowcount' %}
        {% do own.append('kind ' ~ kind) %}
    {% endif %}
    {% if own %}
        {% do exceptions.raise_compiler_error(
            test.name ~ ' cannot be merged with other tests because of its ' ~ own | join(', ')
            ~ '. Run it on its own: add `config: {meta: {merged: false}}` to it.'
        ) %}
    {% endif %}
{% endmacro %}


{#- The arguments of a native test with variables and the like rendered, without those that name a relation. -#}
{% macro test_arguments(test) %}
    {% set arguments = {} %}
    {% for name, value in test.test_metadata.kwargs.items() if name not in ('model', 'to', 'compare_model') %}
        {% do arguments.update({name: render(value) if value is string and '{{' in value else value}) %}
    {% endfor %}
    {% do return(arguments) %}
{% endmacro %}


{#- What is true of a row that fails a test, for the tests that look at one row at a time; otherwise none. A row whose value is
    NULL fails `not_null` alone, as in the tests themselves. For `relationships` the parent is joined as `parent`. -#}
{% macro row_condition(test, parent='parent') %}
    {% set kind = test.test_metadata.name %}
    {% set arguments = test_arguments(test) %}
    {% set column = test.column_name or '' %}
    {% if kind == 'not_null' %}
        {% do return(column ~ ' is null') %}
    {% elif kind == 'accepted_values' %}
        {% set values = [] %}
        {% for value in arguments['values'] %}
            {% do values.append(dbt.string_literal(dbt.escape_single_quotes(value)) if arguments.get('quote', true) else value) %}
        {% endfor %}
        {% do return(column ~ ' not in (' ~ values | join(', ') ~ ')') %}
    {% elif kind == 'accepted_range' %}
        {% set inside = [] %}
        {% set equal = '=' if arguments.get('inclusive', true) else '' %}
        {% do inside.append(column ~ ' >' ~ equal ~ ' ' ~ arguments['min_value']) if arguments.get('min_value') is not none %}
        {% do inside.append(column ~ ' <' ~ equal ~ ' ' ~ arguments['max_value']) if arguments.get('max_value') is not none %}
        {% do return('not (' ~ inside | join(' and ') ~ ')') %}
    {% elif kind == 'relationships' %}
        {% do return(column ~ ' is not null and ' ~ parent ~ '.parent_key is null') %}
    {% elif kind == 'expression_is_true' %}
        {% do return('not (' ~ column ~ ' ' ~ arguments['expression'] ~ ')') %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}


{#- The columns that a test of uniqueness is about, otherwise none. -#}
{% macro key_columns_of(test) %}
    {% set kind = test.test_metadata.name %}
    {% if kind == 'unique' %}
        {% do return([test.column_name]) %}
    {% elif kind == 'unique_combination_of_columns' %}
        {% do return(test.test_metadata.kwargs['combination_of_columns']) %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}


{#- The other node that a test refers to: the parent of `relationships`, the model of `equal_rowcount`; its own if it refers to
    itself. -#}
{% macro other_node(test) %}
    {% set others = test.depends_on.nodes | reject('equalto', test.attached_node) | list %}
    {% do return(graph_node(others[0] if others else test.attached_node)) %}
{% endmacro %}


{#- A model, seed, snapshot or source of the graph. -#}
{% macro graph_node(id) %}
    {% do return(graph.sources[id] if id.startswith('source.') else graph.nodes[id]) %}
{% endmacro %}


{#- What a test reads of a node. In an incremental run this is the changed seasons of a table by season, or of a view that has a
    season: the other seasons passed with the same code and the same data. -#}
{% macro tested_rows(node) %}
    {% set seasons = changed_seasons() %}
    {% if seasons is not none and 'season' in node.columns and node.config.materialized in ('by_season', 'view') %}
        {% do return('(select * from ' ~ node.relation_name ~ ' where season in (' ~ seasons | join(', ') ~ ') or season is null)') %}
    {% endif %}
    {% do return(node.relation_name) %}
{% endmacro %}


{#- One query that runs several tests of a node: a row per failing test, with its unique id and the number of failures, of
    `unique` tests the number of keys. The rows of the node are read once for all tests that look at one row at a time. -#}
{% macro merged_query(tests) %}
    {%- if not tests -%}
        {%- do exceptions.raise_compiler_error('There is no native test to merge.') -%}
    {%- endif -%}
    {%- set parents, rows, keys, counts = [], [], [], [] -%}
    {%- for test in tests -%}
        {%- do check_mergeable(test) -%}
        {%- if test.test_metadata.name == 'relationships' -%}
            {%- set alias = 'parent_' ~ (parents | length + 1) -%}
            {%- do check_is_built(other_node(test)) -%}
            {%- do parents.append((alias, test)) -%}
            {%- do rows.append((test, row_condition(test, alias))) -%}
        {%- elif row_condition(test) is not none -%}
            {%- do rows.append((test, row_condition(test))) -%}
        {%- elif key_columns_of(test) is not none -%}
            {%- do keys.append(test) -%}
        {%- else -%}
            {%- do check_is_built(other_node(test)) -%}
            {%- do counts.append(test) -%}
        {%- endif -%}
    {%- endfor -%}
with tested as (
    select * from {{ tested_rows(graph_node(tests[0].attached_node)) }} as all_rows
),

totals as (
    select
        {%- for test, condition in rows %}
        sum(case when {{ condition }} then 1 else 0 end) as row_failures_{{ loop.index }},
        {%- endfor %}
        count(*) as row_count
    from tested
    {%- for alias, test in parents %}
    {%- set field = test_arguments(test)['field'] %}
    left join (select distinct {{ field }} as parent_key from {{ other_node(test).relation_name }}) as {{ alias }}
        on tested.{{ test.column_name }} = {{ alias }}.parent_key
    {%- endfor %}
),
{% for test in keys %}
key_{{ loop.index }} as (
    select count(*) as repeated
    from (
        select {{ key_columns_of(test) | join(', ') }}
        from tested
        {{ 'where ' ~ test.column_name ~ ' is not null' if test.column_name }}
        group by {{ key_columns_of(test) | join(', ') }}
        having count(*) > 1
    ) as repeated_keys
),
{% endfor -%}
{% for test in counts %}
other_{{ loop.index }} as (
    select count(*) as row_count from {{ tested_rows(other_node(test)) }} as other_rows
),
{% endfor %}
{#- One reference to the totals: Spark would read the node once for each. #}
failures_of_tests as (
    select
        names.test_id,
        case names.place
            {%- for test, condition in rows %}
            when {{ loop.index }} then totals.row_failures_{{ loop.index }}
            {%- endfor %}
            {%- for test in keys %}
            when {{ rows | length + loop.index }} then key_{{ loop.index }}.repeated
            {%- endfor %}
            {%- for test in counts %}
            when {{ rows | length + keys | length + loop.index }} then abs(totals.row_count - other_{{ loop.index }}.row_count)
            {%- endfor %}
        end as failures
    from (
        {%- for test in rows | map('first') | list + keys + counts %}
        select {{ loop.index }} as place, '{{ test.unique_id }}' as test_id
        {{- ' union all' if not loop.last }}
        {%- endfor %}
    ) as names
    cross join totals
    {%- for test in keys %}
    cross join key_{{ loop.index }}
    {%- endfor %}
    {%- for test in counts %}
    cross join other_{{ loop.index }}
    {%- endfor %}
)

select
    test_id,
    failures
from failures_of_tests
where failures > 0
{%- endmacro %}


{#- Stop with a message if the running test does not wait for a table that it reads. -#}
{% macro check_is_built(node) %}
    {% if node.unique_id not in model.depends_on.nodes %}
        {% do exceptions.raise_compiler_error(
            "A native test refers to " ~ node.name ~ ", so the model's test `merged` has to wait for it: add "
            ~ "ref('" ~ node.name ~ "') to its `parents`."
        ) %}
    {% endif %}
{% endmacro %}
