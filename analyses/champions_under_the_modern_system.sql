-- Who would have been champion in each season under the points of the latest season, if every result counted?
-- Seven titles change hands: 1964 Hill, 1976 Lauda, 1983, 1984 and 1988 Prost, 1994 Damon Hill, 1999 Irvine.
--
-- | season | points_system | modern_champion | modern_points | actual_champion | is_another |
-- |---|---|---|---|---|---|
-- | 1950 | points_2025 | Nino Farina | 93.00 | Nino Farina | False |
-- | 1951 | points_2025 | Juan Fangio | 100.50 | Juan Fangio | False |
-- | 1952 | points_2025 | Alberto Ascari | 150.00 | Alberto Ascari | False |
-- | 1953 | points_2025 | Alberto Ascari | 139.00 | Alberto Ascari | False |
-- | 1954 | points_2025 | Juan Fangio | 177.00 | Juan Fangio | False |
-- | 1955 | points_2025 | Juan Fangio | 118.00 | Juan Fangio | False |
-- | 1956 | points_2025 | Juan Fangio | 100.50 | Juan Fangio | False |
-- | 1957 | points_2025 | Juan Fangio | 136.00 | Juan Fangio | False |
-- | 1958 | points_2025 | Mike Hawthorn | 140.00 | Mike Hawthorn | False |
-- | 1959 | points_2025 | Jack Brabham | 110.00 | Jack Brabham | False |
-- | 1960 | points_2025 | Jack Brabham | 137.00 | Jack Brabham | False |
-- | 1961 | points_2025 | Phil Hill | 118.00 | Phil Hill | False |
-- | 1962 | points_2025 | Graham Hill | 158.00 | Graham Hill | False |
-- | 1963 | points_2025 | Jim Clark | 212.00 | Jim Clark | False |
-- | 1964 | points_2025 | Graham Hill | 126.00 | John Surtees | True |
-- | 1965 | points_2025 | Jim Clark | 151.00 | Jim Clark | False |
-- | 1966 | points_2025 | Jack Brabham | 130.00 | Jack Brabham | False |
-- | 1967 | points_2025 | Denny Hulme | 161.00 | Denny Hulme | False |
-- | 1968 | points_2025 | Graham Hill | 143.00 | Graham Hill | False |
-- | 1969 | points_2025 | Jackie Stewart | 180.00 | Jackie Stewart | False |
-- | 1970 | points_2025 | Jochen Rindt | 125.00 | Jochen Rindt | False |
-- | 1971 | points_2025 | Jackie Stewart | 178.00 | Jackie Stewart | False |
-- | 1972 | points_2025 | Emerson Fittipaldi | 176.00 | Emerson Fittipaldi | False |
-- | 1973 | points_2025 | Jackie Stewart | 221.00 | Jackie Stewart | False |
-- | 1974 | points_2025 | Emerson Fittipaldi | 182.00 | Emerson Fittipaldi | False |
-- | 1975 | points_2025 | Niki Lauda | 209.00 | Niki Lauda | False |
-- | 1976 | points_2025 | Niki Lauda | 207.00 | James Hunt | True |
-- | 1977 | points_2025 | Niki Lauda | 220.00 | Niki Lauda | False |
-- | 1978 | points_2025 | Mario Andretti | 195.00 | Mario Andretti | False |
-- | 1979 | points_2025 | Jody Scheckter | 201.00 | Jody Scheckter | False |
-- | 1980 | points_2025 | Alan Jones | 209.00 | Alan Jones | False |
-- | 1981 | points_2025 | Nelson Piquet | 166.00 | Nelson Piquet | False |
-- | 1982 | points_2025 | Keke Rosberg | 155.00 | Keke Rosberg | False |
-- | 1983 | points_2025 | Alain Prost | 183.00 | Nelson Piquet | True |
-- | 1984 | points_2025 | Alain Prost | 213.50 | Niki Lauda | True |
-- | 1985 | points_2025 | Alain Prost | 233.00 | Alain Prost | False |
-- | 1986 | points_2025 | Alain Prost | 233.00 | Alain Prost | False |
-- | 1987 | points_2025 | Nelson Piquet | 228.00 | Nelson Piquet | False |
-- | 1988 | points_2025 | Alain Prost | 301.00 | Ayrton Senna | True |
-- | 1989 | points_2025 | Alain Prost | 245.00 | Alain Prost | False |
-- | 1990 | points_2025 | Ayrton Senna | 231.00 | Ayrton Senna | False |
-- | 1991 | points_2025 | Ayrton Senna | 274.50 | Ayrton Senna | False |
-- | 1992 | points_2025 | Nigel Mansell | 279.00 | Nigel Mansell | False |
-- | 1993 | points_2025 | Alain Prost | 271.00 | Alain Prost | False |
-- | 1994 | points_2025 | Damon Hill | 252.00 | Michael Schumacher | True |
-- | 1995 | points_2025 | Michael Schumacher | 268.00 | Michael Schumacher | False |
-- | 1996 | points_2025 | Damon Hill | 258.00 | Damon Hill | False |
-- | 1997 | points_2025 | Jacques Villeneuve | 222.00 | Jacques Villeneuve | False |
-- | 1998 | points_2025 | Mika Häkkinen | 271.00 | Mika Häkkinen | False |
-- | 1999 | points_2025 | Eddie Irvine | 237.00 | Mika Häkkinen | True |
-- | 2000 | points_2025 | Michael Schumacher | 286.00 | Michael Schumacher | False |
-- | 2001 | points_2025 | Michael Schumacher | 327.00 | Michael Schumacher | False |
-- | 2002 | points_2025 | Michael Schumacher | 380.00 | Michael Schumacher | False |
-- | 2003 | points_2025 | Michael Schumacher | 236.00 | Michael Schumacher | False |
-- | 2004 | points_2025 | Michael Schumacher | 367.00 | Michael Schumacher | False |
-- | 2005 | points_2025 | Fernando Alonso | 322.00 | Fernando Alonso | False |
-- | 2006 | points_2025 | Fernando Alonso | 321.00 | Fernando Alonso | False |
-- | 2007 | points_2025 | Kimi Räikkönen | 272.00 | Kimi Räikkönen | False |
-- | 2008 | points_2025 | Lewis Hamilton | 243.00 | Lewis Hamilton | False |
-- | 2009 | points_2025 | Jenson Button | 239.50 | Jenson Button | False |
-- | 2010 | points_2025 | Sebastian Vettel | 256.00 | Sebastian Vettel | False |
-- | 2011 | points_2025 | Sebastian Vettel | 392.00 | Sebastian Vettel | False |
-- | 2012 | points_2025 | Sebastian Vettel | 281.00 | Sebastian Vettel | False |
-- | 2013 | points_2025 | Sebastian Vettel | 397.00 | Sebastian Vettel | False |
-- | 2014 | points_2025 | Lewis Hamilton | 384.00 | Lewis Hamilton | False |
-- | 2015 | points_2025 | Lewis Hamilton | 381.00 | Lewis Hamilton | False |
-- | 2016 | points_2025 | Nico Rosberg | 385.00 | Nico Rosberg | False |
-- | 2017 | points_2025 | Lewis Hamilton | 363.00 | Lewis Hamilton | False |
-- | 2018 | points_2025 | Lewis Hamilton | 408.00 | Lewis Hamilton | False |
-- | 2019 | points_2025 | Lewis Hamilton | 407.00 | Lewis Hamilton | False |
-- | 2020 | points_2025 | Lewis Hamilton | 341.00 | Lewis Hamilton | False |
-- | 2021 | points_2025 | Max Verstappen | 405.50 | Max Verstappen | False |
-- | 2022 | points_2025 | Max Verstappen | 449.00 | Max Verstappen | False |
-- | 2023 | points_2025 | Max Verstappen | 566.00 | Max Verstappen | False |
-- | 2024 | points_2025 | Max Verstappen | 434.00 | Max Verstappen | False |
with

what_if as (

    select * from {{ ref('championship_what_if') }}

),

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}
    where is_latest_of_season and is_champion

),

latest_season as (

    select max(season) as season
    from what_if

),

modern_system as (

    select distinct what_if.points_system
    from what_if
    inner join latest_season
        on what_if.season = latest_season.season
    where what_if.is_system_of_season

)

select
    what_if.season,
    what_if.points_system,
    what_if.driver_name as modern_champion,
    what_if.points as modern_points,
    drivers_championship.driver_name as actual_champion,
    what_if.driver_id <> drivers_championship.driver_id as is_another
from what_if
inner join modern_system
    on what_if.points_system = modern_system.points_system
inner join drivers_championship
    on what_if.season = drivers_championship.season
where what_if.position = 1
order by what_if.season asc
