-- Which drivers gained the most places in a race, compared with what cars from that slot usually gain?
--
-- | place | season | race_name | driver_name | start_position | finishing_position | usual_gain | above_usual |
-- |---|---|---|---|---|---|---|---|
-- | 1 | 2012 | Abu Dhabi Grand Prix | Sebastian Vettel | 24 | 3 | 7.385 | 13.615 |
-- | 2 | 2011 | Chinese Grand Prix | Mark Webber | 18 | 3 | 1.821 | 13.179 |
-- | 3 | 2014 | Hungarian Grand Prix | Lewis Hamilton | 22 | 3 | 5.949 | 13.051 |
-- | 4 | 2012 | European Grand Prix | Mark Webber | 19 | 4 | 2.018 | 12.982 |
-- | 5 | 2016 | Belgian Grand Prix | Lewis Hamilton | 21 | 3 | 5.600 | 12.400 |
with

places as (

    select * from {{ ref('fct_places_gained') }}

),

ranked as (

    select
        rank() over (order by places_above_expected desc nulls last) as place,
        season,
        race_name,
        driver_name,
        start_position,
        finishing_position,
        expected_places_gained as usual_gain,
        places_above_expected as above_usual
    from places

)

select * from ranked
where place <= 5
order by place asc, season asc
