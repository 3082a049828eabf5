{#- Whether a car started from the pit lane; NULL if it is not known. In other seasons than these the source gives such
    cars the last slots of the grid. `outcomes` and `races` are relations of the query. -#}
{% macro pit_lane_start(outcomes='outcomes', races='races') -%}
    case
        when {{ outcomes }}.is_pit_lane_start then true
        when
            not {{ outcomes }}.is_started
            or {{ races }}.season between {{ var('first_pit_lane_season') }} and {{ var('last_pit_lane_season') }}
            then false
    end
{%- endmacro %}
