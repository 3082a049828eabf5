{#- An ended version cannot be brought back, and no file has the history. -#}
{% macro keep_history(history) %}
    {% if execute and load_relation(history) %}
        {% set counts = run_query(history_counts_query(history)).rows[0] %}
        {% if 2 * counts[1] > counts[0] %}
            {% do exceptions.raise_compiler_error(
                'This would end ' ~ counts[1] ~ ' of ' ~ counts[0] ~ ' results in the history of revised results for good, '
                ~ ('because of --empty. Add `--exclude resource_type:snapshot`.' if flags.EMPTY else
                'because they are not in these data. Build other data in another folder, which PITWALL_DATA names.')
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{#- How many results are current, and how many of these the new results lack: the id is gone, or is another result's. -#}
{% macro history_counts_query(history) %}
    select
        count(*) as current_results,
        count(case when results.result_id is null
            {{ 'and history.race_id in (' ~ changed_races() ~ ')' if changed_seasons() is not none }} then 1 end
        ) as ended_results
    from {{ history }} as history
    left join {{ ref('stg_ergast__results') }} as results
        on history.result_id = results.result_id
        and history.race_id = results.race_id
        and history.driver_id = results.driver_id
    where history.dbt_valid_to is null
{% endmacro %}
