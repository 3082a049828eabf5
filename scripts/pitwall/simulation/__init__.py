"""A made-up championship: names.py invents who and where, race.py drives, championship.py writes."""
