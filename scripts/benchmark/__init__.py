"""The benchmark. run.py is the command, page.py writes docs/benchmarks.md from its results.

run.py starts each program that it measures as a process of its own: convert_rivals.py, make_laps.py,
pandas_pipeline.py, pandas_typical.py, polars_laps.py, questions.py, replay.py and watch.py.
"""
