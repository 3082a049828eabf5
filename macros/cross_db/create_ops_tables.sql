{#- The tables of source `ops`, which scripts/build.py fills. Here they are only created, without rows, so that the models that
    read them can be built. One of an earlier version of the project gets the columns that it lacks. The commands that only read
    run it too (`docs generate` and `compile` because they compile the hook): they change nothing. -#}
{% macro create_ops_tables() %}
    {% if execute and flags.WHICH not in ['compile', 'freshness', 'generate', 'test'] %}
        {% for table in ops_tables() %}
            {% do run_query('create schema if not exists ' ~ table.schema) %}
            {% set columns = [] %}
            {% for column in table.columns.values() %}
                {% do columns.append(column.name ~ ' ' ~ api.Column.translate_type(column.data_type)) %}
            {% endfor %}
            {% do adapter.dispatch('create_ops_table')(table.schema ~ '.' ~ table.identifier, columns) %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{#- The sources that scripts/build.py writes. -#}
{% macro ops_tables() %}
    {% do return(project_sources() | selectattr('source_name', 'equalto', 'ops') | list) %}
{% endmacro %}


{% macro default__create_ops_table(name, columns) %}
    {% do run_query('create table if not exists ' ~ name ~ ' (' ~ columns | join(', ') ~ ')') %}
    {% for column in columns %}
        {% do run_query('alter table ' ~ name ~ ' add column if not exists ' ~ column) %}
    {% endfor %}
{% endmacro %}


{#- A build creates a new catalog, so there is no table of an earlier version. -#}
{% macro spark__create_ops_table(name, columns) %}
    {% do run_query('create table if not exists ' ~ name ~ ' (' ~ columns | join(', ') ~ ') using parquet') %}
{% endmacro %}
