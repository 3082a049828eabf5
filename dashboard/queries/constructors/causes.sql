-- Why cars were out, by season or decade, in per cent of the cars that started. The six most frequent causes have a name of
-- their own. Constructor 0 is the whole field.
with

started as (

    select
        case when :by = 'decade' then season - season % 10 else season end as period,
        sum(car_starts) as cars
    from marts.constructor_seasons
    where :constructor in (0, constructor_id)
    group by case when :by = 'decade' then season - season % 10 else season end

),

failures as (

    select
        case when :by = 'decade' then season - season % 10 else season end as period,
        cause,
        sum(failures) as failures
    from marts.constructor_reliability
    where
        :constructor in (0, constructor_id)
        and failures > 0
    group by
        case when :by = 'decade' then season - season % 10 else season end,
        cause

),

ranked as (

    select
        cause,
        row_number() over (order by sum(failures) desc, cause asc) as cause_rank
    from failures
    where cause <> 'unknown'
    group by cause

),

named as (

    select
        failures.period,
        case when ranked.cause_rank <= 6 then failures.cause else 'other' end as cause,
        sum(failures.failures) as failures
    from failures
    left join ranked
        on failures.cause = ranked.cause
    group by
        failures.period,
        case when ranked.cause_rank <= 6 then failures.cause else 'other' end

),

cause_ranks as (

    select
        cause,
        row_number()
            over (order by case when cause = 'other' then 1 else 0 end, sum(failures) desc, cause)
            as cause_rank
    from named
    group by cause

)

select
    named.period,
    named.cause,
    cause_ranks.cause_rank,
    cast(named.failures as integer) as failures,
    cast(started.cars as integer) as cars,
    cast(round(100.0 * named.failures / started.cars, 2) as decimal(6, 2)) as failures_percent,
    cast(
        round(100.0 * sum(named.failures) over (partition by named.period) / started.cars, 1) as decimal(6, 1)
    ) as out_percent
from named
inner join started
    on named.period = started.period
inner join cause_ranks
    on named.cause = cause_ranks.cause
order by named.period, cause_ranks.cause_rank
