"""A study for others: rows as CSV or Parquet, means as LaTeX, everything as one page."""

from ccta_core.measures import EXPORTED
from ccta_core.reports.study.measures import DEFAULT
from ccta_core.reports.study.write import FORMATS, export_study

__all__ = ["DEFAULT", "EXPORTED", "FORMATS", "export_study"]
