with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

calendar as (

    select
        {{ day_of_year('min(season)', 1, 1) }} as first_day,
        {{ day_of_year('max(season)', 12, 31) }} as last_day
    from races

),

digits as (

    {% for digit in range(10) %}
    select {{ digit }} as digit
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- 0 to 999,999: days enough for 2,700 years, on engines that count in different ways.
numbers as (

    select
        ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit
        + 10000 * ten_thousands.digit + 100000 * hundred_thousands.digit as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as ten_thousands
    cross join digits as hundred_thousands

),

final as (

    select cast(calendar.first_day + numbers.number as date) as date_day
    from calendar
    cross join numbers
    where calendar.first_day + numbers.number <= calendar.last_day

)

select * from final
