-- Which teams won the most races, whatever the engine in their name, and which lineages under all their names?
--
-- | place | kind | team | first_season | last_season | constructors | starts | wins | titles |
-- |---|---|---|---|---|---|---|---|---|
-- | 1 | team | Ferrari | 1950 | 2025 | 1 | 1116 | 248 | 16 |
-- | 2 | team | McLaren | 1966 | 2025 | 5 | 988 | 201 | 9 |
-- | 3 | team | Mercedes | 1954 | 2025 | 1 | 335 | 131 | 8 |
-- | 4 | team | Red Bull | 2005 | 2025 | 1 | 411 | 126 | 6 |
-- | 5 | team | Williams | 1975 | 2025 | 1 | 857 | 114 | 9 |
-- | 6 | team | Team Lotus | 1958 | 1994 | 7 | 491 | 79 | 7 |
-- | 7 | team | Brabham | 1962 | 1992 | 6 | 394 | 35 | 2 |
-- | 7 | team | Renault | 1977 | 2020 | 1 | 400 | 35 | 2 |
-- | 1 | lineage | Ferrari | 1950 | 2025 | 1 | 1116 | 248 | 16 |
-- | 2 | lineage | McLaren | 1966 | 2025 | 5 | 988 | 201 | 9 |
-- | 3 | lineage | Tyrrell to Mercedes | 1970 | 2025 | 5 | 940 | 154 | 10 |
-- | 4 | lineage | Stewart to Red Bull | 1997 | 2025 | 3 | 545 | 127 | 6 |
-- | 5 | lineage | Williams | 1975 | 2025 | 1 | 857 | 114 | 9 |
-- | 6 | lineage | Team Lotus | 1958 | 1994 | 7 | 491 | 79 | 7 |
-- | 7 | lineage | Toleman to Alpine | 1981 | 2025 | 5 | 779 | 50 | 3 |
-- | 8 | lineage | Brabham | 1962 | 1992 | 6 | 394 | 35 | 2 |
with

teams as (

    select * from {{ ref('team_careers') }}

),

lineages as (

    select * from {{ ref('lineage_careers') }}

),

careers as (

    select
        'team' as kind,
        team_name as team,
        first_season,
        last_season,
        constructors,
        starts,
        wins,
        titles
    from teams

    union all

    select
        'lineage' as kind,
        lineage_name as team,
        first_season,
        last_season,
        constructors,
        starts,
        wins,
        titles
    from lineages

),

ranked as (

    select
        rank() over (partition by kind order by wins desc) as place,
        kind,
        team,
        first_season,
        last_season,
        constructors,
        starts,
        wins,
        titles
    from careers

)

select * from ranked
where place <= 8
order by kind desc, place asc, team asc
