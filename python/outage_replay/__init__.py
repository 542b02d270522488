"""The results of outage-replay as data frames.

The program itself comes with this package: ``outage-replay``, or ``python -m outage_replay``.

>>> import outage_replay
>>> run = outage_replay.open_run("run")  # a folder that --output wrote
>>> run.table("outages")  # a polars.DataFrame
>>> run.table("timelines", engine="pandas")

What every table and column means is in ``docs/output.md``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, overload

if TYPE_CHECKING:
    import os

    import pandas
    import polars

__all__ = ["Run", "open_run"]

#: The version of the outputs that this package knows.
SCHEMA_VERSION = 1


class Run:
    """A folder that ``outage-replay --output`` wrote."""

    def __init__(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        self.folder = Path(folder)
        try:
            text = (self.folder / "manifest.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.folder} is no folder that outage-replay --output wrote: it has no manifest.json"
            ) from None
        #: The question, the collectors, and every file that was read and written.
        self.manifest: dict[str, Any] = json.loads(text)
        found = self.manifest.get("schema_version")
        if found != SCHEMA_VERSION:
            raise ValueError(f"{self.folder} has outputs of version {found}, this package knows {SCHEMA_VERSION}")

    @property
    def note(self) -> str | None:
        """What the archive says about itself, for example that it is not captured data."""
        return self.manifest.get("note")

    @property
    def tables(self) -> list[str]:
        """The names of the tables that the folder has."""
        return sorted(path.stem for path in self.folder.glob("*.parquet"))

    @overload
    def table(self, name: str, engine: Literal["polars"] = "polars") -> "polars.DataFrame": ...
    @overload
    def table(self, name: str, engine: Literal["pandas"]) -> "pandas.DataFrame": ...

    def table(self, name: str, engine: str = "polars") -> Any:
        """Returns a table, such as ``outages`` or ``timelines``, as a frame of polars or pandas."""
        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            known = ", ".join(self.tables) or "none: write it with --export parquet"
            raise KeyError(f"{self.folder} has no table {name!r}; it has {known}")
        if engine == "polars":
            import polars

            return polars.read_parquet(path)
        if engine == "pandas":
            import pandas

            return pandas.read_parquet(path)
        raise ValueError(f"engine must be 'polars' or 'pandas', not {engine!r}")

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"


def open_run(folder: Union[str, "os.PathLike[str]"]) -> Run:
    """Opens a folder that ``outage-replay --output`` wrote."""
    return Run(folder)
