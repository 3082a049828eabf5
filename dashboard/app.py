"""The dashboard: pages over the warehouse. `make dashboard` starts it."""

import streamlit as st
from theme import ground
from warehouse import Unavailable

# In the order of the navigation: the file in views/, which is also the address of the page, and its title.
# The first is at `/` too. If the folder were called `pages`, Streamlit would start its files on its own.
PAGES = {
    "season": "Season",
    "race": "Race",
    "drivers": "Drivers",
    "constructors": "Constructors",
    "circuits": "Circuits",
    "predictions": "Predictions",
    "trust": "Trust",
}

st.set_page_config(page_title="Pitwall", page_icon="🏁", layout="wide")
FIRST = next(iter(PAGES))
pages = [st.Page(f"views/{FIRST}.py", title=PAGES[FIRST], url_path="", default=True)]
pages += [
    st.Page(
        f"views/{name}.py", title=title, url_path=name, visibility="hidden" if name == FIRST else "visible"
    )
    for name, title in PAGES.items()
]
page = st.navigation(pages, position="top")
# Streamlit writes white on the accent, which cannot be read on the pale one of the dark ground.
st.html(f"<style>.stMultiSelect [data-tag] * {{ color: {ground().paper} }}</style>")
try:
    page.run()
except Unavailable as reason:
    st.error(str(reason))
