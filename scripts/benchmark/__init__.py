"""The benchmark: run.py measures, page.py writes docs/benchmarks.md from what was measured."""
