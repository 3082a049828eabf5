{#- An incremental run. scripts/build.py asks for one if the code is that of the last warehouse and little of the data
    changed: it starts from a copy of that warehouse, PITWALL_SEASONS lists the seasons that changed, PITWALL_RACES
    their races. In such a run:
    - the raw views show only those races;
    - models of materialization `by_season` replace those seasons;
    - all other tables are rebuilt from whole tables;
    - tests look at those seasons.
    Without the variables, as in plain `dbt build`, and with `--full-refresh`, every run is a full build. -#}


{% macro changed_seasons() %}
    {% if execute and env_var('PITWALL_SEASONS', '') and not flags.FULL_REFRESH %}
        {% do return(env_var('PITWALL_SEASONS').split(',') | map('int') | list) %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}


{% macro changed_races() %}
    {% do return(env_var('PITWALL_RACES').split(',') | map('int') | join(', ')) %}
{% endmacro %}


{% macro in_changed_seasons(season='season') %}
    {%- if model is defined and model.config.materialized == 'by_season' -%}
        {{ in_block(season) }}
    {%- elif changed_seasons() is none -%}
        true
    {%- else -%}
        {{ season }} in ({{ changed_seasons() | join(', ') }})
    {%- endif -%}
{% endmacro %}


{#- If a changed season is at or before the first one, scripts/build.py does a full build, so that any lower number is
    safe in an incremental run. -#}
{% macro first_season() %}
    {%- if changed_seasons() is none -%} min(season) {%- else -%} coalesce(min(0), 0) {%- endif -%}
{% endmacro %}
