{#- dbt-duckdb would load a seed by its path, which it does not quote: an apostrophe in the project's path would end it.
    dbt's own way inserts the rows. -#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {% do return(dbt.default__load_csv_rows(model, agate_table)) %}
{% endmacro %}


{#- dbt-spark quotes values without escaping them: a quote inside a value ends it, and NULL becomes the word None. It
    also makes whole numbers bigint, where the seeds declare integer. -#}
{% macro spark__create_csv_table(model, agate_table) %}
    {% set sql %}
        create table {{ this }} (
            {%- for column in agate_table.column_names %}
            {{ adapter.quote(column) }} {{ model['columns'][column]['data_type'] }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    {% endset %}
    {% do run_query(sql) %}
    {% do return(sql) %}
{% endmacro %}


{% macro spark__load_csv_rows(model, agate_table) %}
    {% set sql %}
        insert into {{ this }} values
        {%- for row in agate_table.rows %}
        (
            {%- for column in agate_table.column_names %}
            {%- set value = row[column] %}
            {%- if value is none -%} null {%- else -%}
            cast('{{ value | string | replace("\\", "\\\\") | replace("'", "\\'") }}' as {{ model['columns'][column]['data_type'] }})
            {%- endif -%}
            {{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {% endset %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {% do return(sql) %}
{% endmacro %}
