"""A study for others: rows as CSV or Parquet, means as LaTeX, everything as one page."""

from ccta_core.reports.study.measures import DEFAULT, MEASURES
from ccta_core.reports.study.write import FORMATS, export_study

__all__ = ["DEFAULT", "FORMATS", "MEASURES", "export_study"]
