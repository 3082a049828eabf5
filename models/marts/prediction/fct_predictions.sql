with

ledger as (

    select * from {{ ref('stg_predictions__ledger') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

circuits as (

    select * from {{ ref('dim_circuits') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

baselines as (

    select * from {{ ref('fct_baseline_predictions') }}

),

backtests as (

    select
        model,
        target,
        model_version,
        row_number() over (partition by model, target order by max(predicted_at) desc, model_version desc) as age
    from ledger
    where is_backtest
    group by model, target, model_version

),

-- All forecasts, and the newest backtest of each model.
counted as (

    select ledger.*
    from ledger
    left join backtests
        on ledger.model = backtests.model
        and ledger.target = backtests.target
        and ledger.model_version = backtests.model_version
        and ledger.is_backtest
    where not ledger.is_backtest or backtests.age = 1

),

-- A race is found by its round and its circuit, so that a moved calendar finds no other race.
matched as (

    select
        counted.*,
        races.race_id,
        races.race_name,
        races.race_date,
        drivers.driver_id,
        drivers.driver_name,
        baselines.baseline,
        baselines.probability as baseline_probability,
        baselines.outcome,
        coalesce(
            case
                when counted.is_backtest then counted.trained_through < races.race_date
                else counted.predicted_at < coalesce(races.race_starts_at, cast(races.race_date as timestamp))
            end,
            false
        ) as is_before_race
    from counted
    left join circuits
        on counted.circuit_ref = circuits.circuit_ref
    left join races
        on counted.season = races.season
        and counted.round = races.round
        and circuits.circuit_id = races.circuit_id
    left join drivers
        on counted.driver_ref = drivers.driver_ref
    left join baselines
        on races.race_id = baselines.race_id
        and drivers.driver_id = baselines.driver_id
        and counted.known_at = baselines.known_at
        and counted.target = baselines.target

),

ranked as (

    select
        *,
        row_number() over (
            partition by race_id, driver_id, known_at, target, model, is_backtest, is_before_race
            order by predicted_at desc, model_version desc
        ) as age
    from matched

),

final as (

    select
        season,
        round,
        circuit_ref,
        driver_ref,
        known_at,
        target,
        model,
        model_version,
        predicted_at,
        is_backtest,
        race_id,
        race_name,
        race_date,
        driver_id,
        driver_name,
        trained_through,
        probability,
        baseline,
        baseline_probability,
        outcome,
        is_before_race,
        is_before_race and age = 1 and outcome is not null as is_scored
    from ranked

)

select * from final
