"""Writes the documents of figures (docs/*.md), so that no figure is typed in."""
