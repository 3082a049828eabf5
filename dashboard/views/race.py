"""Race: the result, and how it came about."""

import streamlit as st

st.title("Race")
