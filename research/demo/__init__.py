"""Checks the demo corpus: the form of its files, not their language."""
