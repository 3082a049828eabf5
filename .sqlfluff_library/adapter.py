"""Stands for dbt's adapter while sqlfluff renders a model: a dispatched macro looks like a function call."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(map(str, arguments))})"
