"""The database dump of jolpica-f1, which succeeds Ergast, as the raw tables of Ergast."""
