"""`ATTRIBUTION.md`: where the data of a release come from, and what one may do with them."""

FILE = "ATTRIBUTION.md"

REAL = """\
# Attribution

The tables were computed by Pitwall from results in the Ergast schema.

- Ergast (ergast.com) collected the results. It allowed non-commercial use and asked for attribution. It ended
  in 2024; others continue its files.
- The archive that `make data` downloads is labelled CC0 by its archivist. The label may not bind those who
  collected the results. Before you use the data commercially, find out whether you may.
- Tables that were built from the dump of jolpica-f1 (github.com/jolpica/jolpica-f1), alone or beside the
  archive, are under its licence, CC BY-NC-SA 4.0: name its contributors, do not use them commercially, and
  share what you make of them under the same licence.
- The rules by which the tables were computed, and the descriptions of tables and columns, are Pitwall's. They
  are under the Apache License 2.0.
- F1, FORMULA 1, GRAND PRIX and the names and marks of teams, drivers and circuits belong to their owners.
  Pitwall is not associated with any of them.
"""
SIMULATED = """\
# Attribution

This championship is simulated: drivers, constructors, circuits and results are invented. Do not quote a
figure of it as a result of Formula 1.

The files are under the Apache License 2.0, as Pitwall is.
"""


def attribution(*, is_simulated: bool) -> str:
    """The text of the file."""
    return SIMULATED if is_simulated else REAL
