"""Stands for the dbt_utils macros that models call while sqlfluff renders a model."""


def generate_surrogate_key(columns: list[str]) -> str:
    return f"md5({' || '.join(columns)})"
