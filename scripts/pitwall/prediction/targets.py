"""What is predicted, and when, in the words of the marts and of the ledger."""

BEFORE_WEEKEND, AFTER_QUALIFYING = MOMENTS = ("before_weekend", "after_qualifying")
TARGETS = ("win", "podium", "points", "classified")  # of a race
TITLE = "title"  # of a season
