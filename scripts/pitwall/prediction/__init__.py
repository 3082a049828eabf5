"""Predictions of races: a model that knows only what was known before the race, its tests, and the record of what it said."""
