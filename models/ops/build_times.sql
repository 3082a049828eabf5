with

builds as (

    select * from {{ ref('stg_ops__builds') }}

),

usual as (

    select
        built_at,
        avg(duration_ms) over (
            partition by build_kind order by built_at
            rows between {{ var('usual_builds') }} preceding and 1 preceding
        ) as duration_ms
    from builds
    where outcome = 'succeeded'

),

final as (

    select
        builds.built_at,
        builds.started_at,
        builds.outcome,
        builds.reason,
        builds.failed_nodes,
        builds.build_kind,
        builds.build_kind_reason,
        builds.build_input,
        builds.duration_ms,
        cast(round(usual.duration_ms) as bigint) as usual_duration_ms,
        builds.convert_ms,
        builds.prepare_ms,
        builds.dbt_ms,
        builds.seeds_ms,
        builds.snapshots_ms,
        builds.models_ms,
        builds.tests_ms,
        builds.check_ms,
        builds.mart_tables,
        builds.mart_rows,
        builds.data_tests,
        builds.unit_tests,
        builds.new_races,
        builds.revised_results,
        builds.build_code,
        builds.git_commit
    from builds
    left join usual
        on builds.built_at = usual.built_at

)

select * from final
