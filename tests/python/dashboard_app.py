"""Opens the pages of the dashboard without a browser, for the tests of the dashboard. Needs Streamlit."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conftest import ROOT
from streamlit.testing.v1 import AppTest

DASHBOARD = ROOT / "dashboard"
QUERIES = DASHBOARD / "queries"
# Streamlit does this for the folder of the script that it runs.
sys.path.insert(0, str(DASHBOARD))

import charts  # noqa: E402
import theme  # noqa: E402
import warehouse  # noqa: E402

__all__ = ["charts", "theme", "warehouse"]


def page_names() -> list[str]:
    """The pages that app.py registers, in its order."""
    tree = ast.parse((DASHBOARD / "app.py").read_text(encoding="utf-8"))
    [pages] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PAGES"
    ]
    return list(ast.literal_eval(pages))


def opened(page: str, **parameters: str) -> AppTest:
    """A page that was opened, by its address with these parameters."""
    app = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=60)
    if page != page_names()[0]:
        app.switch_page(f"views/{page}.py")
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def problems(app: AppTest) -> list[str]:
    """What went wrong on a page: exceptions, and errors that it shows."""
    return [each.message for each in app.exception] + [each.value for each in app.error]


def changes(app: AppTest) -> Iterator[tuple[str, str, Any]]:
    """Other values of each control of a page: its kind, its key and a value."""
    for kind in ("selectbox", "radio"):
        for widget in getattr(app, kind):
            others = [option for option in widget.options if option != widget.value]
            # The options of a long list are of one kind.
            for option in dict.fromkeys(others[:1] + others[len(others) // 2 :][:1] + others[-1:]):
                yield kind, widget.key, option
    for kind in ("toggle", "checkbox"):
        for widget in getattr(app, kind):
            yield kind, widget.key, not widget.value
    for widget in app.multiselect:
        yield "multiselect", widget.key, widget.options[-2:]
        yield "multiselect", widget.key, []
    for widget in app.slider:
        first, last = widget.min, widget.max
        for ends in ((first, last), (last, last)):
            yield "slider", widget.key, ends if isinstance(widget.value, tuple | list) else ends[0]
    for widget in app.button_group:
        for option in widget.options:
            yield "button_group", widget.key, [getattr(option, "content", option)]


def each_change(page: str, **parameters: str) -> Iterator[tuple[str, AppTest]]:
    """A page after each change of a control: what changed, and the page."""
    app = opened(page, **parameters)
    for kind, key, value in list(changes(app)):
        wanted = value if isinstance(value, list) else [value]
        for _ in range(2):
            widget = next((each for each in getattr(app, kind) if each.key == key), None)
            options = getattr(widget, "options", wanted)
            if widget is not None and all(each in options for each in wanted):
                break
            # An earlier change took the control or the option away.
            app = opened(page, **parameters)
        assert widget is not None, key
        app = widget.set_value(value).run()
        yield f"{kind} {key}: {value}", app


def shown_sql(app: AppTest) -> list[str]:
    """The SQL behind each finding of a page."""
    return [block.value for block in app.code]


def names_of(folder: Path) -> set[str]:
    """The names of the query files below a folder: page/name."""
    return {path.relative_to(QUERIES).with_suffix("").as_posix() for path in folder.rglob("*.sql")}
