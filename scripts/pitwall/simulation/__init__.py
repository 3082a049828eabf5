"""A simulated championship: names.py has circuits, teams, drivers; race.py drives; championship.py writes."""
