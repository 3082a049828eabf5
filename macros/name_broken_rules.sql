{#- Print which of a model's rules are broken, and how often: of a failed test dbt prints only how many rows. -#}
{% macro name_broken_rules(results) -%}
    {%- for result in results if result.status in ('fail', 'warn') and result.node.resource_type == 'test' -%}
        {%- if result.node.test_metadata and result.node.test_metadata.name == 'rules' -%}
            {%- for rule, failures in run_query(result.node.compiled_code).rows -%}
                {%- do print('  broken in %s: %s (%s)' | format(result.node.name, rule, failures)) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
