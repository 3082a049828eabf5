{#- In an incremental run the snapshot reads the changed races alone, so dbt would end all other results as if they had
    left the source. It compares with the history of the same races instead. -#}
{% macro duckdb__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {% set history = target_relation if changed_seasons() is none
        else '(select * from ' ~ target_relation ~ ' where race_id in (' ~ changed_races() ~ '))' %}
    {{ default__snapshot_staging_table(strategy, source_sql, history) }}
{% endmacro %}
