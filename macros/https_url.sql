{#- The same address with `https`, trimmed. -#}
{% macro https_url(url) -%}
    replace(trim({{ url }}), 'http://', 'https://')
{%- endmacro %}
