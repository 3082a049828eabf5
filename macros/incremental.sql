{#- An incremental run, which scripts/build.py asks for where the code is that of the last warehouse and little of the
    data changed: it starts from a copy of that warehouse, PITWALL_SEASONS names the seasons that changed and
    PITWALL_RACES their races. The raw views then show those races alone, so that all that is worked out from them,
    tests included, is of the changed seasons; models that are `by_season()` replace these seasons, and all other
    tables are made anew from whole tables. Without the variables, as in plain `dbt build`, everything is made anew. -#}


{#- The changed seasons as a list, or none if this run makes everything anew. -#}
{% macro changed_seasons() %}
    {% if execute and env_var('PITWALL_SEASONS', '') %}
        {% do return(env_var('PITWALL_SEASONS').split(',') | map('int') | list) %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}


{#- The ids of all races of these seasons, also of those that are gone. -#}
{% macro changed_races() %}
    {% do return(env_var('PITWALL_RACES').split(',') | map('int') | join(', ')) %}
{% endmacro %}


{#- A condition for a model by season that reads a table: literals, so that the engine skips all other seasons. -#}
{% macro in_changed_seasons(season='season') %}
    {%- set seasons = changed_seasons() -%}
    {%- if seasons is none -%} {{ all_seasons(season) }} {%- else -%} {{ season }} in ({{ seasons | join(', ') }}) {%- endif -%}
{% endmacro %}


{#- What it is where everything is made anew: true, in words by which macros/cross_db/create_table_as.sql finds it. -#}
{% macro all_seasons(season) %}
    {%- do return('true /* all of ' ~ season ~ ' */') -%}
{% endmacro %}


{#- The first of the seasons with such data. scripts/build.py makes everything anew if one changed that comes no
    later, so that in an incremental run any number below will do. -#}
{% macro first_season() %}
    {%- if changed_seasons() is none -%} min(season) {%- else -%} coalesce(min(0), 0) {%- endif -%}
{% endmacro %}


{#- Replace the changed seasons, and what is of no season. A season that is gone has no new rows to tell it by, as the
    strategy `delete+insert` would need. -#}
{% macro get_incremental_changed_seasons_sql(arguments) %}
    {% set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') %}
    {% set changed = '(' ~ in_changed_seasons() ~ ' or season is null)' %}
    delete from {{ arguments['target_relation'] }} where {{ changed }};
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }} where {{ changed }}
{% endmacro %}


{#- dbt's own, but that a model by season is made anew unless it is known what changed. -#}
{% macro should_full_refresh() %}
    {% if model.config.materialized == 'incremental' and changed_seasons() is none %}
        {% do return(true) %}
    {% endif %}
    {% set asked = config.get('full_refresh') %}
    {% do return(flags.FULL_REFRESH if asked is none else asked) %}
{% endmacro %}


{#- What a data test looks at of a relation: of a table by season, and of a view that tells the season, the changed
    seasons; the others passed with the same code and the same data. -#}
{% macro changed_seasons_of(relation) %}
    {% if changed_seasons() is not none %}
        {% for node in graph.nodes.values() if node.relation_name == relation | string %}
            {% if 'season' in node.columns and node.config.materialized in ('incremental', 'view') %}
                {% do return('(select * from ' ~ relation ~ ' where ' ~ in_changed_seasons() ~ ' or season is null)') %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% do return(relation) %}
{% endmacro %}


{#- dbt's own, of which generic tests get their model. -#}
{% macro get_where_subquery(relation) %}
    {% if config.get('where') or changed_seasons() is none %}
        {% do return(default__get_where_subquery(relation)) %}
    {% endif %}
    {% set part = changed_seasons_of(relation) %}
    {% do return(relation if part == relation else part ~ ' as dbt_subquery') %}
{% endmacro %}


{#- dbt's own; in an incremental run the history, as the raw view, is that of the changed races. -#}
{% macro snapshot_staging_table(strategy, source_sql, target_relation) %}
    {% if changed_seasons() is none %}
        {{ default__snapshot_staging_table(strategy, source_sql, target_relation) }}
    {% else %}
        {{ default__snapshot_staging_table(
            strategy, source_sql, '(select * from ' ~ target_relation ~ ' where race_id in (' ~ changed_races() ~ '))'
        ) }}
    {% endif %}
{% endmacro %}
