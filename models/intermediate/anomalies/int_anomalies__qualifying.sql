with

qualifying as (

    select * from {{ ref('stg_ergast__qualifying') }}

),

positions as (

    select * from {{ ref('int_qualifying__positions') }}

),

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and driver_entry_number = 1

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

season_qualifying as (

    select
        qualifying.*,
        races.season
    from qualifying
    inner join races
        on qualifying.race_id = races.race_id

),

first_qualifying_season as (

    select {{ first_season() }} as season from season_qualifying

),

races_with_qualifying as (

    select distinct race_id from qualifying

),

races_without_qualifying as (

    select distinct
        results.race_id,
        races.season
    from results
    inner join races
        on results.race_id = races.race_id
    inner join first_qualifying_season
        on races.season >= first_qualifying_season.season
    left join races_with_qualifying
        on results.race_id = races_with_qualifying.race_id
    where races_with_qualifying.race_id is null

),

repeated_positions as (

    select
        race_id,
        qualifying_position,
        season,
        count(*) as results_in_position
    from season_qualifying
    group by race_id, qualifying_position, season
    having count(*) > 1

),

other_constructors as (

    select
        season_qualifying.qualifying_result_id,
        season_qualifying.race_id,
        season_qualifying.season,
        qualifying_constructors.constructor_name as qualifying_constructor_name,
        race_constructors.constructor_name as race_constructor_name
    from season_qualifying
    inner join results
        on season_qualifying.race_id = results.race_id
        and season_qualifying.driver_id = results.driver_id
    inner join constructors as qualifying_constructors
        on season_qualifying.constructor_id = qualifying_constructors.constructor_id
    inner join constructors as race_constructors
        on results.constructor_id = race_constructors.constructor_id
    where season_qualifying.constructor_id <> results.constructor_id

),

unioned as (

    select
        {{ anomaly(
            'qualifying_missing', 'qualifying', ['race_id'],
            seen='no qualifying results',
            expected='the results of qualifying'
        ) }}
    from races_without_qualifying

    union all

    select
        {{ anomaly(
            'qualifying_time_above_ten_minutes', 'qualifying', ['qualifying_result_id'],
            seen='{coalesce(q3_ms, q2_ms, q1_ms)} ms',
            expected='no qualifying lap takes this long'
        ) }}
    from season_qualifying
    where
        q1_ms > {{ var('red_flag_ms') }}
        or q2_ms > {{ var('red_flag_ms') }}
        or q3_ms > {{ var('red_flag_ms') }}

    union all

    select
        {{ anomaly(
            'qualifying_position_repeated', 'qualifying', ['race_id', 'qualifying_position'],
            seen='{results_in_position} results',
            expected='one result'
        ) }}
    from repeated_positions

    union all

    select
        {{ anomaly(
            'qualifying_constructor_differs', 'qualifying', ['qualifying_result_id'],
            seen='{qualifying_constructor_name}',
            expected='{race_constructor_name} by the race result'
        ) }}
    from other_constructors

    union all

    select
        {{ anomaly(
            'qualifying_position_is_grid', 'qualifying', ['qualifying_result_id'],
            seen='position {source_qualifying_position}, which is the grid slot',
            expected='position {qualifying_position} by the times'
        ) }}
    from positions
    where qualifying_position_basis = 'times' and qualifying_position <> source_qualifying_position

    union all

    select
        {{ anomaly(
            'qualifying_exclusion_ignored', 'qualifying', ['qualifying_result_id'],
            seen='position {source_qualifying_position}, with times',
            expected='no times. {exclusion_reason}'
        ) }}
    from positions
    where is_excluded_from_qualifying

)

select * from unioned
