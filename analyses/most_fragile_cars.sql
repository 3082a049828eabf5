-- Which cars failed most often per start, in seasons with at least twenty starts, and for which cause?
--
-- | season | constructor_name | race_starts | all_failures | most_frequent_cause | of_that_cause |
-- |---|---|---|---|---|---|
-- | 1991 | Lola | 21 | 19 | transmission | 8 |
-- | 1986 | Minardi | 30 | 27 | engine | 8 |
-- | 1987 | Minardi | 31 | 27 | engine | 13 |
-- | 1980 | Alfa Romeo | 26 | 22 | accident | 7 |
-- | 1985 | RAM | 23 | 19 | engine | 10 |
with

reliability as (

    select * from {{ ref('constructor_reliability') }}
    where cause <> 'disqualified'

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

totals as (

    select
        *,
        sum(failures) over (partition by season, constructor_id) as all_failures,
        row_number() over (partition by season, constructor_id order by failures desc, cause asc) as cause_rank
    from reliability

),

fragile as (

    select
        totals.season,
        constructors.constructor_name,
        totals.race_starts,
        totals.all_failures,
        totals.cause as most_frequent_cause,
        totals.failures as of_that_cause
    from totals
    inner join constructors
        on totals.constructor_id = constructors.constructor_id
    where
        totals.cause_rank = 1
        and totals.race_starts >= 20

)

select * from fragile
order by cast(all_failures as decimal(20, 9)) / race_starts desc, season asc
limit 5
