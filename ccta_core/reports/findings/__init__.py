"""The findings of studies as Markdown."""
