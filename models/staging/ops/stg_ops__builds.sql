with

source as (

    select * from {{ source('ops', 'builds') }}

),

renamed as (

    select
        built_at,
        started_at,
        -- An earlier version of the project recorded only builds that succeeded.
        coalesce(outcome, 'succeeded') as outcome,
        reason,
        failed_nodes,
        split_part(plan, ':', 1) as build_kind,
        case when plan like '%: %' then substring(plan, position(': ' in plan) + 2) end as build_kind_reason,
        input as build_input,
        code as build_code,
        git_commit,
        duration_ms,
        convert_ms,
        prepare_ms,
        dbt_ms,
        seeds_ms,
        snapshots_ms,
        models_ms,
        tests_ms,
        check_ms,
        mart_tables,
        mart_rows,
        data_tests,
        unit_tests,
        new_races,
        revised_results
    from source

)

select * from renamed
