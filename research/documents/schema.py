"""Writes docs/schema.md from the columns, so that no description is typed twice.

python -m research.documents.schema
"""

from pathlib import Path

from ccta_core.study.storage.schema import COLUMNS, VERSION

_PAGE = Path(__file__).parents[2] / "docs" / "schema.md"
_HEAD = f"""# The rows of a study

Made from the code by `make docs-tables`. Schema version {VERSION}; a reader
refuses a later one.

`parts/MODEL/CHUNK.parquet` has one row an item x unordered language pair x layer, in the order in
which the study names its languages. `open_study(name).table()` gives one row an item x ordered
pair x model x layer: every row also turned round, without `ems_unrelated_back`, with `calibrated`
= (EMS - u) / (1 - u), u being the study's mean of `ems_unrelated` for the model, layer and pair
(null where 1 - u < 0.05), and with `task`, `training_language` and `seed` of the model.
`open_study(name).query(sql, parameters)` asks the views `rows` (ordered) and `pairs` (as stored) in
DuckDB's SQL and gives a DataFrame; `models` has a row a model.

`ems_unrelated` and `gain_unrelated` are against items of the same gold label, each of another
group, drawn from the whole study out of those near in length before anything is measured
(`study/drawing.py`); null where the study has fewer than asked for. Up to schema 3 they were the
nearest of the item's chunk.

| column | type | what |
|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    rows = (
        f"| `{column.name}` | {column.type} | {_escaped(column.what)} |\n" for column in COLUMNS
    )
    return _HEAD + "".join(rows)


def _escaped(text: str) -> str:
    return text.replace("|n_s m_i - n_t m_j|", "abs(n_s m_i - n_t m_j)")


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
