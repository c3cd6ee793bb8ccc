"""A study for others: rows as CSV or Parquet, means as LaTeX, everything as one page.

`write.export_study` writes them; what it needs (pandas) is imported only where it is called.
"""
