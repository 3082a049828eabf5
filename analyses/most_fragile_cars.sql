-- Which cars failed most often per start, in seasons with at least twenty starts, and for which cause?
--
-- | place | season | constructor_name | race_starts | all_failures | most_frequent_cause | of_that_cause |
-- |---|---|---|---|---|---|---|
-- | 1 | 1991 | Lola | 21 | 19 | transmission | 8 |
-- | 2 | 1986 | Minardi | 29 | 26 | engine | 8 |
-- | 3 | 1987 | Minardi | 31 | 27 | engine | 13 |
-- | 4 | 1980 | Alfa Romeo | 26 | 22 | accident | 7 |
-- | 5 | 1985 | RAM | 23 | 19 | engine | 10 |
with

reliability as (

    select * from {{ ref('constructor_reliability') }}
    where cause <> 'disqualified' and race_starts >= 20

),

totals as (

    select
        *,
        sum(failures) over (partition by season, constructor_id) as all_failures,
        max(failures) over (partition by season, constructor_id) as most_failures
    from reliability

),

-- Causes that are equally frequent are all named.
fragile as (

    select
        season,
        constructor_name,
        race_starts,
        all_failures,
        string_agg(cause, ', ' order by cause) as most_frequent_cause,
        most_failures as of_that_cause
    from totals
    where failures = most_failures
    group by season, constructor_id, constructor_name, race_starts, all_failures, most_failures

),

ranked as (

    select
        rank() over (order by cast(all_failures as decimal(20, 9)) / race_starts desc) as place,
        season,
        constructor_name,
        race_starts,
        all_failures,
        most_frequent_cause,
        of_that_cause
    from fragile

)

select * from ranked
where place <= 5
order by place asc, season asc
