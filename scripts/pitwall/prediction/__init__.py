"""Predictions: models of a race and of a season, and the ledger of what they said before it."""

from pitwall.command import require

require("polars", "yaml")
