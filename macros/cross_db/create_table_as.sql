{#- dbt-duckdb's own, but that a model with `meta: {in_blocks: true}` is filled some seasons at a time. Such a model is by
    season, has a contract, and goes through all laps more than once: in one statement DuckDB would hold them all several
    times over, 125 bytes a lap each time, or write them to disk and read them back. Dozens of seasons fit in memory, however
    many there are. -#}
{% macro create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) %}
    {% if target.type != 'duckdb' %}
        {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
    {% elif temporary or not in_blocks() %}
        {{ duckdb__create_table_as(temporary, relation, compiled_code, language, partitioned_by, sorted_by) }}
    {% else %}
        {{ create_table_in_blocks(relation, compiled_code) }}
    {% endif %}
{% endmacro %}


{% macro create_table_in_blocks(relation, compiled_code) %}
    {{ get_assert_columns_equivalent(compiled_code) }}
    create table {{ relation }} {{ get_table_columns_and_constraints() }};
    {% for first, last in season_blocks() %}
        insert into {{ relation }} {{ get_column_names() }} (
            {{ get_select_subquery(modules.re.sub(
                all_seasons('([a-z_.]+)') | replace('*', '\\*'), '\\1 between ' ~ first ~ ' and ' ~ last, compiled_code
            )) }}
        );
    {% endfor %}
{% endmacro %}


{#- Whether the model is one of those. -#}
{% macro in_blocks() %}
    {% do return(config.get('meta', {}).get('in_blocks', false) and config.get('materialized') == 'incremental') %}
{% endmacro %}


{#- The first and the last season of each block. -#}
{% macro season_blocks() %}
    {% set years = run_query('select min(year), max(year) from ' ~ source('ergast', 'races')).rows[0] %}
    {% set blocks = [] %}
    {% for first in range(years[0] or 0, (years[1] or 0) + 1, var('seasons_in_block')) %}
        {% do blocks.append((first, first + var('seasons_in_block') - 1)) %}
    {% endfor %}
    {% do return(blocks) %}
{% endmacro %}
