{#- Trims a text and decodes the HTML entities of the source; `&amp;` last, so that nothing is decoded twice. -#}
{% macro clean_text(text) -%}
    trim({% for _ in entities() %}replace({% endfor %}{{ text }}
    {%- for entity, character in entities() %}, '{{ entity }}', '{{ character }}'){% endfor %})
{%- endmacro %}


{% macro entities() %}
    {% do return([('&lt;', '<'), ('&gt;', '>'), ('&quot;', '"'), ('&#39;', "''"), ('&nbsp;', ' '), ('&amp;', '&')]) %}
{% endmacro %}


{#- The first of the texts that `clean_text` would change; NULL if it would change none. -#}
{% macro unclean_text(texts) -%}
    coalesce(
        {%- for text in texts %}
        case when {{ text }} <> {{ clean_text(text) }} then {{ text }} end{% if not loop.last %},{% endif %}
        {%- endfor %}
    )
{%- endmacro %}
