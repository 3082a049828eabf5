with

places as (

    select * from {{ ref('int_championship__places') }}
    where session_type = 'race'

),

entrants as (

    select * from {{ ref('int_championship__entrants') }}

),

entries as (

    select * from {{ ref('int_championship__entries') }}
    where session_type = 'race'

),

listing_periods as (

    select * from {{ ref('listing_periods') }}

),

places_of_competitors as (

    select
        'drivers' as championship,
        driver_id as competitor_id,
        season,
        round,
        finishing_position,
        countback_position,
        table_place,
        listing_order
    from places

    union all

    select
        'constructors' as championship,
        constructor_id as competitor_id,
        season,
        round,
        finishing_position,
        countback_position,
        table_place,
        listing_order
    from places

    union all

    select
        'entries' as championship,
        entries.entry_id as competitor_id,
        places.season,
        places.round,
        places.finishing_position,
        places.countback_position,
        places.table_place,
        places.listing_order
    from places
    inner join entries
        on places.result_id = entries.result_id

),

-- A place is a one with two digits for each worse place behind it. Sums of them are the numbers of firsts, seconds and
-- so on, side by side, and compare as countback does. A decimal has room for 18 places.
weighed as (

    select
        places_of_competitors.championship,
        places_of_competitors.competitor_id,
        places_of_competitors.season,
        places_of_competitors.round,
        case when places_of_competitors.finishing_position = 1 then 1 else 0 end as wins,
        {{ place_weight('places_of_competitors.countback_position', 1) }} as places_1_to_18,
        {{ place_weight('places_of_competitors.countback_position', 19) }} as places_19_to_36,
        {{ place_weight('places_of_competitors.table_place', 1) }} as table_places_1_to_18,
        {{ place_weight('places_of_competitors.table_place', 19) }} as table_places_19_to_36,
        {{ place_weight('places_of_competitors.listing_order', 1) }} as listed_1_to_18,
        {{ place_weight('places_of_competitors.listing_order', 19) }} as listed_19_to_36,
        {{ place_weight('places_of_competitors.listing_order', 37) }} as listed_37_to_54,
        listing_periods.first_season is null as is_listed_by_order
    from places_of_competitors
    left join listing_periods
        on places_of_competitors.season between listing_periods.first_season and listing_periods.last_season

),

races_of_competitors as (

    select
        championship,
        competitor_id,
        season,
        round,
        max(wins) as wins,
        sum(places_1_to_18) as places_1_to_18,
        sum(places_19_to_36) as places_19_to_36,
        sum(table_places_1_to_18) as table_places_1_to_18,
        sum(table_places_19_to_36) as table_places_19_to_36,
        sum(case when is_listed_by_order then listed_1_to_18 end) as listed_1_to_18,
        sum(case when is_listed_by_order then listed_19_to_36 end) as listed_19_to_36,
        sum(case when is_listed_by_order then listed_37_to_54 end) as listed_37_to_54
    from weighed
    group by championship, competitor_id, season, round

),

final as (

    select
        entrants.championship,
        entrants.race_id,
        entrants.season,
        entrants.round,
        entrants.competitor_id,
        cast(sum(races_of_competitors.wins) as integer) as wins,
        cast(coalesce(sum(races_of_competitors.places_1_to_18), 0) as decimal(38, 0)) as places_1_to_18,
        cast(coalesce(sum(races_of_competitors.places_19_to_36), 0) as decimal(38, 0)) as places_19_to_36,
        cast(coalesce(sum(races_of_competitors.table_places_1_to_18), 0) as decimal(38, 0)) as table_places_1_to_18,
        cast(coalesce(sum(races_of_competitors.table_places_19_to_36), 0) as decimal(38, 0)) as table_places_19_to_36,
        cast(coalesce(sum(races_of_competitors.listed_1_to_18), 0) as decimal(38, 0)) as listed_1_to_18,
        cast(coalesce(sum(races_of_competitors.listed_19_to_36), 0) as decimal(38, 0)) as listed_19_to_36,
        cast(coalesce(sum(races_of_competitors.listed_37_to_54), 0) as decimal(38, 0)) as listed_37_to_54
    from entrants
    inner join races_of_competitors
        on entrants.championship = races_of_competitors.championship
        and entrants.competitor_id = races_of_competitors.competitor_id
        and entrants.season = races_of_competitors.season
        and entrants.round >= races_of_competitors.round
    group by
        entrants.championship, entrants.race_id, entrants.season, entrants.round, entrants.competitor_id

)

select * from final
