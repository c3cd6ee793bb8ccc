"""A study as a table: DuckDB over its Parquet parts, both directions of every language pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.errors import CctaError
from ccta_core.study.parts import missing_parts
from ccta_core.study.plan import Plan, folder_of, read_plan
from ccta_core.study.schema import NAMES

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

LEAST_ROOM = 0.05
"""Where 1 - u is smaller, `calibrated` is null (docs/method.md, 4)."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study on disk, finished or not."""

    folder: Path
    plan: Plan

    @property
    def name(self) -> str:
        """The study's name."""
        return self.plan.name

    @property
    def done(self) -> tuple[int, int]:
        """Parts that are there, of how many."""
        total = len(self.plan.parts)
        return total - len(missing_parts(self.folder, self.plan)), total

    def table(self, *, arrow: bool = False) -> Any:
        """All rows: one an item x ordered pair x model x layer, as a DataFrame or Arrow table.

        The columns are those of `schema.py`, with `calibrated`, `task`, `training_language` and
        `seed` of the model. Raises CctaError where no part is finished yet.
        """
        found = self.sql("SELECT * FROM rows")
        return found.to_arrow_table() if arrow else found.df()

    def sql(self, query: str, parameters: Sequence[Any] | None = None) -> "duckdb.DuckDBPyRelation":
        """A DuckDB query over `rows` (ordered pairs) and `pairs` (as stored, each pair once).

        Raises CctaError where no part is finished yet.
        """
        return connect(self).sql(query, params=list(parameters or []))


def open_study(name: str) -> Study:
    """The study of this name: the user's, else one that ships.

    Raises CctaError, listing the known ones, where there is none; DamagedFileError where its
    manifest can't be read.
    """
    folder = folder_of(name)
    return Study(folder, read_plan(folder))


def connect(study: Study) -> "duckdb.DuckDBPyConnection":
    """A DuckDB connection with the views `pairs` and `rows`.

    Raises CctaError where no part is finished yet.
    """
    import duckdb
    import pandas as pd

    if not any(study.folder.glob("parts/*/*.parquet")):
        raise CctaError(f"the study {study.name} has no finished part yet; run it first")
    connection = duckdb.connect(":memory:")
    parts = str(study.folder / "parts" / "*" / "*.parquet").replace("'", "''")
    connection.sql(f"CREATE VIEW pairs AS SELECT * FROM read_parquet('{parts}')")
    models = _models(study.plan, pd)
    connection.register("models", models)
    connection.sql(f"CREATE VIEW turned AS {_both_ways()}")
    connection.sql(_ROWS)
    return connection


_ROWS = f"""
CREATE VIEW rows AS
WITH chance AS (
    SELECT model, layer, source_lang, target_lang, avg(ems_unrelated) AS u
    FROM turned GROUP BY ALL
)
SELECT turned.*,
    CASE WHEN 1 - u >= {LEAST_ROOM} THEN (ems - u) / (1 - u) END AS calibrated,
    models.task, models.training_language, models.seed
FROM turned
JOIN chance USING (model, layer, source_lang, target_lang)
LEFT JOIN models USING (model)
"""


def _both_ways() -> str:
    """The stored rows and the same turned round: source and target change places."""
    names = [name for name in NAMES if name != "ems_unrelated_back"]
    there = ", ".join(f'"{name}"' for name in names)
    back = ", ".join(f'"{other_side(name)}" AS "{name}"' for name in names)
    return f"SELECT {there} FROM pairs UNION ALL SELECT {back} FROM pairs"


def other_side(name: str) -> str:
    """The column that holds, of the stored pair, what `name` is of the pair turned round."""
    if name in ("ems_unrelated", "target_class"):
        return {"ems_unrelated": "ems_unrelated_back"}.get(name, name)
    side, _, rest = name.partition("_")
    return {"source": f"target_{rest}", "target": f"source_{rest}"}.get(side, name)


def _models(plan: Plan, pd: Any) -> "pd.DataFrame":
    frame = pd.DataFrame(list(plan.models)).rename(columns={"id": "model"})
    return frame[["model", "task", "training_language", "seed"]]
