{#- Spark enforces no constraint on a Parquet table, and dbt-spark ignores the constraints of a contract. One query
    counts the rows that break them after the table is written, so that the model fails as on the other engines. -#}
{% macro spark__persist_constraints(relation, model) %}
    {% set keys = model.constraints | selectattr('type', 'in', ['primary_key', 'unique']) | map(attribute='columns') | list %}
    {% set not_null = [] %}
    {% for column in model.columns.values() %}
        {% for constraint in column.constraints %}
            {% if constraint.type in ['primary_key', 'unique'] %}
                {% do keys.append([column.name]) %}
            {% elif constraint.type == 'not_null' %}
                {% do not_null.append(column.name) %}
            {% else %}
                {% do exceptions.raise_compiler_error('No check on Spark for a constraint of type ' ~ constraint.type) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% if config.get('contract').enforced and (keys or not_null) %}
        {% set query %}
            select
                {% for column in not_null %}
                count(*) - count({{ column }}) as `{{ column }}: not null`{{ ',' if keys or not loop.last }}
                {% endfor %}
                {% for key in keys %}
                count(*) - count(distinct struct({{ key | join(', ') }})) as `{{ key | join(', ') }}: unique`{{ ',' if not loop.last }}
                {% endfor %}
            from {{ relation }}
        {% endset %}
        {% set found = run_query(query) %}
        {% for constraint in found.column_names if found.rows[0][constraint] %}
            {% do exceptions.raise_compiler_error(
                'Constraint violated in ' ~ relation ~ ', ' ~ found.rows[0][constraint] ~ ' rows: ' ~ constraint
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
