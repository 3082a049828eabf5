with

statuses as (

    select * from {{ ref('stg_ergast__status') }}

),

status_groups as (

    select * from {{ ref('status_groups') }}

),

grouped as (

    select
        statuses.status_id,
        statuses.status,
        case
            when status_groups.status_group is not null then status_groups.status_group
            when statuses.status like '+% Lap%' then 'lapped'
            else 'unknown'
        end as status_group,
        case
            when status_groups.status_category is not null then status_groups.status_category
            when statuses.status like '+% Lap%' then 'running'
            else 'unknown'
        end as status_category
    from statuses
    left join status_groups
        on statuses.status = status_groups.status

)

select * from grouped
