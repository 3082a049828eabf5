"""Where dbt builds a warehouse: aside first, in the place of the last good one only when all went well."""

from abc import ABC, abstractmethod
from pathlib import Path

from data_folder import PlainError


class NotAvailable(PlainError):
    """The engine cannot be had here: a driver, a program or a server is missing. Nothing is broken."""


class Warehouse(ABC):
    """One engine's warehouse: begin, then dbt, then commit or, if dbt failed, kept."""

    target: str  # of profiles.yml
    EXPORTED = ("marts", "quality", "snapshots")

    why_full = ""  # why everything has to be made anew, whatever changed
    plan = ""  # what begin() found to do, in words; empty where there is no choice

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
