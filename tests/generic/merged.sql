{#- All native data tests of a model in one query. dbt spends some 30 ms of Python on each data test, a dozen times what the
    engine needs, so `make build` runs this test (variable `merged_tests`) and excludes the tests that it stands for
    (`config.meta.merged`). Everywhere else the native tests run one by one and this test is disabled.

    It finds the tests in dbt's graph. Returns one row per failing test: its unique id and the number of failures.

    `parents`: the tables that the model's relationships tests refer to, so that dbt builds them before. -#}
{% test merged(model, parents=[]) %}
    {{ config(
        enabled=var('merged_tests'),
        meta={'merged': false},
        fail_calc='cast(coalesce(sum(failures), 0) as bigint)',
    ) }}
    {% if execute %}
        {{ merged_query(merged_tests(attached_node())) }}
    {% endif %}
{% endtest %}
