"""The tables of a plan on disk, and what every reader of them needs; loads no model library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.config import cache_root, shipped
from ccta_core.errors import CctaError

TABLES = (
    "runs", "scores", "paired", "contrasts", "distances", "words", "sentences", "forgetting",
    "gradients", "consistency", "consistency_contrasts", "flips", "probe", "items",
)  # fmt: skip
APART = ("error_rates", "sizing", "dial")
"""Tables that research.adjustment.links, .cost and .dial write beside those of a plan."""
CONTRASTS = (
    ("adjusted", "original"), ("adjusted", "placebo"), ("placebo", "original"),
    ("continual", "original"), ("continual", "adjusted"), ("continual", "continual-placebo"),
)  # fmt: skip
"""Arms that are compared, the second being the reference."""
ITEMS = "items"
"""The one long table, which is read a comparison at a time (`read_items`)."""
HARDLY = 0.1
"""A model whose English score is so much below the original's has hardly learnt the task."""
SHIPPED = shipped("adjustment")
Filters = list[tuple[str, str, Any]]
_FINISHED = "finished"
_POWER, _ALPHA = 0.8, 0.05
_ROW_GROUP = 25_000
"""Rows of `items` that are read together: about the items of one comparison."""


def tables_folder() -> Path:
    """Returns where the tables lie: the cache folder's own, else those that ship."""
    collected = cache_root() / "adjustment"
    return collected if (collected / "runs.parquet").exists() else SHIPPED


def refuse_to_lose(runs: pd.DataFrame, folder: Path) -> None:
    """Raises CctaError where no cell of `runs` is finished, or the tables of a folder are of
    finished cells that are not among those of `runs`: they would be lost.
    """
    if not (runs["state"] == _FINISHED).any():
        raise CctaError(
            "no cell of the plan is finished here: there is nothing to collect; ccta adjust plan "
            "run runs them (of research/adjustment.toml, make adjust-cells brings those that ship)"
        )
    path = folder / "runs.parquet"
    if not path.exists():
        return
    kept = _read(path, [])
    lost = set(kept.loc[kept["state"] == _FINISHED, "id"]) - set(
        runs.loc[runs["state"] == _FINISHED, "id"]
    )
    if lost:
        raise CctaError(
            f"the tables in {folder} are of {len(lost)} finished cells that are not finished here, "
            f"{min(lost)} first: they would be lost; give another folder by --out, or --replace"
        )


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Writes each table that has rows as Parquet; one that has none any more is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        if len(table):
            options = {"row_group_size": _ROW_GROUP} if name == ITEMS else {}
            table.to_parquet(path, index=False, compression="zstd", **options)
        else:
            path.unlink(missing_ok=True)


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Returns the tables of a folder but `items`; an empty one for each that is not there.

    Raises CctaError where the folder has none at all, or one can't be read.
    """
    if not (folder / "runs.parquet").exists():
        raise CctaError(
            f"expected the tables of a plan in {folder}; collect them with ccta adjust plan collect"
        )
    paths = {name: folder / f"{name}.parquet" for name in (*TABLES, *APART) if name != ITEMS}
    return {
        name: _read(path, []) if path.exists() else pd.DataFrame() for name, path in paths.items()
    }


def read_items(folder: Path, lang: str, task: str, eval_lang: str) -> pd.DataFrame:
    """Returns what the arms of one language made of each item of a task in `eval_lang`.

    Columns: arm, seed, id, correct, predicted, gold ("" where it is not known). The original's rows
    are among them. Empty where nothing was kept. Raises CctaError on a file that can't be read.
    """
    path = folder / f"{ITEMS}.parquet"
    if not path.exists():
        return pd.DataFrame()
    asked: Filters = [
        ("task", "==", task),
        ("lang", "in", ["", lang]),
        ("eval_lang", "==", eval_lang),
    ]
    table = _read(path, asked)
    return table.drop(columns=["task", "lang", "eval_lang"])


def hardly_learnt_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Returns the English scores of the models that hardly learnt their task, with what the
    originals score on average as `expected`; `scores` is the table of that name.
    """
    if not len(scores):
        return scores.assign(expected=[])
    english = scores[(scores["eval_lang"] == "en") & scores["usual"]]
    usual = english[english["arm"] == "original"].groupby("task")["score"].mean()
    english = english.assign(expected=english["task"].map(usual))
    return english[english["score"] < english["expected"] - HARDLY]


def detectable(error: float | None, degrees: float | None) -> float | None:
    """Returns the smallest true difference that a t test with this standard error sees.

    At 5%, two-sided, with a power of 80%, by the noncentral t distribution: of paired differences
    of n seeds alone the error is sd / sqrt(n) and the degrees of freedom n - 1. None where there is
    no error, or no degree of freedom.
    """
    if error is None or degrees is None or degrees < 1 or not np.isfinite(error):
        return None
    from statsmodels.stats.power import TTestPower

    count = degrees + 1
    solved = TTestPower().solve_power(nobs=count, alpha=_ALPHA, power=_POWER)
    return float(np.squeeze(solved)) * count**0.5 * error


def cross_key(lang: str) -> str:
    """Returns what items are kept under whose question is in a language, its context English."""
    return f"{lang}>en"


def _read(path: Path, filters: Filters) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, filters=filters or None)
    except (OSError, ValueError) as error:
        raise CctaError(
            f"{path} can't be read ({type(error).__name__}); collect the tables again with ccta "
            "adjust plan collect"
        ) from error
