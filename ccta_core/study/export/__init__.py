"""A study for others: rows as CSV or Parquet, means as LaTeX, everything as one page."""

from ccta_core.study.export.measures import DEFAULT, MEASURES
from ccta_core.study.export.write import FORMATS, export_study

__all__ = ["DEFAULT", "FORMATS", "MEASURES", "export_study"]
