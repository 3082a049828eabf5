with

build_tables as (

    select * from {{ ref('stg_ops__build_tables') }}

),

builds as (

    select distinct built_at from build_tables

),

pairs as (

    select
        built_at,
        lag(built_at) over (order by built_at) as previous_built_at
    from builds

),

-- Every table that either build of a pair has.
tables_of_pairs as (

    select distinct
        pairs.built_at,
        pairs.previous_built_at,
        build_tables.table_schema,
        build_tables.table_name
    from pairs
    inner join build_tables
        on build_tables.built_at in (pairs.built_at, pairs.previous_built_at)
    where pairs.previous_built_at is not null

),

compared as (

    select
        tables_of_pairs.built_at,
        tables_of_pairs.previous_built_at,
        tables_of_pairs.table_schema,
        tables_of_pairs.table_name,
        tables_before.row_count as rows_before,
        tables_after.row_count as rows_after,
        coalesce(tables_after.row_count, 0) - coalesce(tables_before.row_count, 0) as rows_added
    from tables_of_pairs
    left join build_tables as tables_before
        on tables_of_pairs.previous_built_at = tables_before.built_at
        and tables_of_pairs.table_schema = tables_before.table_schema
        and tables_of_pairs.table_name = tables_before.table_name
    left join build_tables as tables_after
        on tables_of_pairs.built_at = tables_after.built_at
        and tables_of_pairs.table_schema = tables_after.table_schema
        and tables_of_pairs.table_name = tables_after.table_name

),

final as (

    select
        built_at,
        table_schema,
        table_name,
        case
            when rows_before is null then 'new'
            when rows_after is null then 'gone'
            when rows_added > 0 then 'grew'
            else 'shrank'
        end as change_kind,
        rows_before,
        rows_after,
        rows_added,
        previous_built_at
    from compared
    where {{ is_distinct('rows_before', 'rows_after') }}

)

select * from final
