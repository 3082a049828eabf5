{#- Milliseconds of a duration text: `27.452`, `1:27.452`, `1:34:50.616`, with or without a leading `+`.
    NULL stays NULL. -#}
{% macro duration_to_ms(text) -%}
    cast(
        cast(replace({{ split_part_from_right(text, "':'", 1) }}, '+', '') as decimal(12, 3)) * 1000
        + coalesce(cast(nullif(replace({{ split_part_from_right(text, "':'", 2) }}, '+', ''), '') as integer), 0) * 60000
        + coalesce(cast(nullif(replace({{ split_part_from_right(text, "':'", 3) }}, '+', ''), '') as integer), 0) * 3600000
        as integer
    )
{%- endmacro %}
