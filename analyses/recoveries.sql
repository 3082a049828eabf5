-- Which drivers gained the most places in a race, compared with what cars from that slot usually gain?
--
-- | season | race_name | driver_name | start_position | finishing_position | usual_gain | above_usual |
-- |---|---|---|---|---|---|---|
-- | 2012 | Abu Dhabi Grand Prix | Sebastian Vettel | 24 | 3 | 7.402 | 13.598 |
-- | 2011 | Chinese Grand Prix | Mark Webber | 18 | 3 | 1.809 | 13.191 |
-- | 2014 | Hungarian Grand Prix | Lewis Hamilton | 22 | 3 | 5.913 | 13.087 |
-- | 2012 | European Grand Prix | Mark Webber | 19 | 4 | 2.018 | 12.982 |
-- | 2016 | Belgian Grand Prix | Lewis Hamilton | 21 | 3 | 5.600 | 12.400 |
with

places as (

    select * from {{ ref('fct_places_gained') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

recoveries as (

    select
        places.season,
        races.race_name,
        drivers.driver_name,
        places.start_position,
        places.finishing_position,
        places.expected_places_gained as usual_gain,
        places.places_above_expected as above_usual
    from places
    inner join races
        on places.race_id = races.race_id
    inner join drivers
        on places.driver_id = drivers.driver_id

)

select * from recoveries
order by above_usual desc nulls last, season asc
limit 5
