"""Parts of pages that do one job each."""
