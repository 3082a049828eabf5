{#- What drivers, constructors or circuits did in their last races. The frame ends one row before the current one, so the
    rows must be races: among rows of drivers it would hold a team mate's result of the same race. -#}
{% macro form_sums(of, columns) -%}
    {%- for races in var('form_races') -%}
        {%- set is_last = loop.last -%}
        {%- for column in columns -%}
            cast(coalesce(sum({{ column }}) over (
            partition by {{ of }}_id order by race_number
            rows between {{ races }} preceding and 1 preceding
        ), 0) as integer) as {{ of }}_{{ column }}_{{ races }}{{ '' if is_last and loop.last else ',\n        ' }}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}


{#- The columns that `form_sums` makes. -#}
{% macro form_columns(of, columns) -%}
    {%- for races in var('form_races') -%}
        {%- set is_last = loop.last -%}
        {%- for column in columns -%}
            {{ of }}_form.{{ of }}_{{ column }}_{{ races }}{{ '' if is_last and loop.last else ',\n        ' }}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
