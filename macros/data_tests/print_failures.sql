{#- Print the first failing rows of each test that failed or warned, under the name of the native test. dbt itself prints only
    how many there are. Runs at the end of each dbt command. -#}
{% macro print_failures(results) %}
    {% for result in results if result.status in ('fail', 'warn') and result.node.resource_type == 'test' %}
        {% set test = graph.nodes[result.node.unique_id] %}
        {% if test.test_metadata and test.test_metadata.name == 'merged' %}
            {% for row in run_query(result.node.compiled_code).rows %}
                {% do print_failing_rows(graph.nodes[row[0]], row[1], result.status) %}
            {% endfor %}
        {% else %}
            {% do print_failing_rows(test, result.failures, result.status, result.node.compiled_code) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{#- Print one failing test: its name, how many failures dbt counts, and the first three. -#}
{% macro print_failing_rows(test, failures, status, compiled_code=none) %}
    {% do print(('Warning: ' if status == 'warn' else 'Failed: ') ~ test.name ~ ' (dbt counts ' ~ failures ~ '). The first rows:') %}
    {% for row in run_query(failing_rows_query(test, compiled_code)).rows %}
        {% set cells = [] %}
        {% for name, value in row.items() %}
            {% do cells.append(name ~ '=' ~ ('NULL' if value is none else value | string | truncate(60))) %}
        {% endfor %}
        {% do print('    ' ~ cells | join(', ')) %}
    {% endfor %}
{% endmacro %}


{#- A query for the first failing rows of a test: the primary key and the tested column of a row, the key of `unique` tests, or
    what the test itself returns. -#}
{% macro failing_rows_query(test, compiled_code=none) %}
    {%- set condition = row_condition(test) if test.test_metadata else none -%}
    {%- set key = key_columns_of(test) if test.test_metadata else none -%}
    {%- if condition is not none -%}
        {%- set node = graph_node(test.attached_node) -%}
        {%- set columns = primary_key_of(node) -%}
        {%- do columns.append(test.column_name) if test.column_name and test.column_name not in columns -%}
        select {{ columns | join(', ') or '*' }}
        from {{ tested_rows(node) }} as tested
        {%- if test.test_metadata.name == 'relationships' %}
        {%- set field = test_arguments(test)['field'] %}
        left join (select distinct {{ field }} as parent_key from {{ other_node(test).relation_name }}) as parent
            on tested.{{ test.column_name }} = parent.parent_key
        {%- endif %}
        where {{ condition }} {{ 'and (' ~ test.config.where ~ ')' if test.config.where }}
        order by {{ columns | join(', ') or 1 }}
        limit 3
    {%- elif key is not none -%}
        select
            {{ key | join(', ') }},
            count(*) as row_count
        from {{ tested_rows(graph_node(test.attached_node)) }} as tested
        where {{ test.config.where or 'true' }} {{ 'and ' ~ key[0] ~ ' is not null' if test.column_name }}
        group by {{ key | join(', ') }}
        having count(*) > 1
        order by {{ key | join(', ') }}
        limit 3
    {%- elif test.test_metadata and test.test_metadata.name == 'equal_rowcount' -%}
        select
            (select count(*) from {{ tested_rows(graph_node(test.attached_node)) }} as tested) as {{ graph_node(test.attached_node).name }},
            (select count(*) from {{ tested_rows(other_node(test)) }} as other_rows) as {{ other_node(test).name }}
    {%- else -%}
        select * from ({{ compiled_code }}) as failing_rows limit 3
    {%- endif -%}
{% endmacro %}


{#- The columns by which a row of a node is found: its primary key, or the key that its tests say is unique. A new list. -#}
{% macro primary_key_of(node) %}
    {% for constraint in node.constraints if constraint.type == 'primary_key' %}
        {% do return(constraint.columns | list) %}
    {% endfor %}
    {% for column in node.columns.values() %}
        {% for constraint in column.constraints if constraint.type == 'primary_key' %}
            {% do return([column.name]) %}
        {% endfor %}
    {% endfor %}
    {% for test in merged_tests(node.unique_id) if key_columns_of(test) is not none %}
        {% do return(key_columns_of(test) | list) %}
    {% endfor %}
    {% do return([]) %}
{% endmacro %}
