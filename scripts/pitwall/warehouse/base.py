"""Where dbt builds a warehouse: aside first, in the place of the last good one only when all went well."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path

from pitwall.command import PlainError

HISTORY = "race_results_history"  # the snapshot of results, which each build carries over from the last one


class NotAvailable(PlainError):
    """The engine cannot be had here: a driver, a program or a server is missing. Nothing is broken."""


class Warehouse(ABC):
    """One engine's warehouse: begin, then dbt, then commit or, if dbt failed, kept."""

    target: str  # of profiles.yml
    EXPORTED = ("marts", "quality", "snapshots")

    code = ""  # the fingerprint of the code that builds it
    why_full = ""  # why everything has to be made anew, whatever changed
    plan = ""  # what begin() found to do, in words; empty where there is no choice
    is_current = False  # begin() found that the last one is what a build would make

    def __init__(self, data: Path) -> None:
        self.data = data

    @abstractmethod
    def __str__(self) -> str:
        """What a person calls it: a file, or a database and its server."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a last good one."""

    @abstractmethod
    def begin(self) -> dict[str, str]:
        """Make a place aside: empty but for the history of revised results, or a copy to bring up to date.

        Returns:
            The environment that makes dbt build there.

        Raises:
            PlainError: why it cannot be done; the last good warehouse is unchanged.
        """

    @abstractmethod
    def kept(self) -> str:
        """Where a failed build can be looked at; empty if nowhere."""

    @abstractmethod
    def commit(self) -> tuple[int, int]:
        """Put what was built in the place of the last one. Returns how many tables and rows marts has."""

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Write the tables of EXPORTED as Parquet, `schema/table/*.parquet`, into a new folder."""


def is_of_other_results(known: int, same: int) -> bool:
    """Whether a history is of another championship: its ids mean other results, which would all look revised.

    Args:
        known: how many of the ids that are current in the history are in the new results too.
        same: for how many of these it is the same driver in the same race.
    """
    return 2 * same < known


def tell_what_stays_behind(kept: object) -> None:
    """Say where the history of another championship is kept."""
    print(f"The last results were of another championship; {kept} keeps their revisions.")


def check_clock(latest: datetime | None, now: datetime, place: object, whose: str) -> None:
    """Raise PlainError if a history has a time to come: a revision found now would end before it began.

    Args:
        latest: the latest time of the history, in UTC without a zone; None if it is empty.
        now: the time, with a zone.
        place: which warehouse has the history.
        whose: whose clock told `now`.
    """
    if latest and latest.replace(tzinfo=UTC) > now:
        raise PlainError(
            f"{place}: was built at {latest:%Y-%m-%d %H:%M:%S} UTC, and the clock of {whose} is not there "
            "yet; set the clock right, then start again"
        )
