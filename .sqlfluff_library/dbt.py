"""Stands for dbt's own macros while sqlfluff renders a model."""


def type_string() -> str:
    return "varchar"
