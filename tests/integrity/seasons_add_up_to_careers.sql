-- Careers that are not the sum of their seasons, and seasons or careers without the other.
{% set additive = [
    'entries', 'starts', 'classified_finishes', 'finishes', 'retirements', 'accident_retirements',
    'mechanical_retirements', 'disqualifications', 'wins', 'podiums', 'poles', 'fastest_laps_at_least',
    'races_with_fastest_lap', 'sprint_starts', 'sprint_wins', 'points', 'points_gross', 'laps_completed',
    'laps_led_at_least', 'races_with_laps',
    'indianapolis_500_starts', 'indianapolis_500_wins', 'indianapolis_500_podiums', 'indianapolis_500_poles',
] -%}
{% set of_cars = ['car_entries', 'car_starts', 'podium_places'] -%}
with

driver_seasons as (

    select * from {{ ref('driver_seasons') }}

),

driver_careers as (

    select * from {{ ref('driver_careers') }}

),

constructor_seasons as (

    select * from {{ ref('constructor_seasons') }}

),

constructor_careers as (

    select * from {{ ref('constructor_careers') }}

),

{% for kind in ['driver', 'constructor'] %}
{%- set columns = additive + (of_cars if kind == 'constructor' else []) -%}
{{ kind }}_sums as (

    select
        {{ kind }}_id,
        {% for column in columns -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        count(*) as seasons,
        count(*) filter (where is_champion) as titles
    from {{ kind }}_seasons
    group by {{ kind }}_id

),

{{ kind }}_differences as (

    select
        '{{ kind }}' as kind,
        coalesce({{ kind }}_sums.{{ kind }}_id, {{ kind }}_careers.{{ kind }}_id) as id
    from {{ kind }}_sums
    full outer join {{ kind }}_careers
        on {{ kind }}_sums.{{ kind }}_id = {{ kind }}_careers.{{ kind }}_id
    where
        {{ kind }}_sums.seasons is distinct from {{ kind }}_careers.seasons
        or {{ kind }}_sums.titles is distinct from {{ kind }}_careers.titles
        {%- for column in columns %}
        or {{ kind }}_sums.{{ column }} is distinct from {{ kind }}_careers.{{ column }}
        {%- endfor %}

),

{% endfor -%}
final as (

    select * from driver_differences

    union all

    select * from constructor_differences

)

select * from final
